#include "cli/upgrade_services.h"

#include "core/calendar/load.h"
#include "core/canary/prometheus.h"
#include "core/check/doctor/doctor.h"
#include "core/check/gather.h"
#include "core/check/run.h"

namespace nautilus::cli {

namespace {

// "http://host:9090/prometheus" -> the server and the path before /api.
std::pair<std::string, std::string> split_url(const std::string& url) {
  const auto scheme = url.find("://");
  const auto slash = url.find('/', scheme == std::string::npos ? 0 : scheme + 3);
  if (slash == std::string::npos) return {url, ""};
  std::string path = url.substr(slash);
  while (!path.empty() && path.back() == '/') path.pop_back();
  return {url.substr(0, slash), path};
}

upgrade::WindowVerdict window_of(const Result<calendar::Market>& market, port::WallTime now) {
  using State = upgrade::WindowVerdict::State;
  if (!market.ok()) return {State::unknown, {}, {}, "no calendar to go by: " + market.error().text()};
  const auto verdict = calendar::is_allowed(*market, now);
  if (verdict.allowed) return {State::open, verdict.until, {}, verdict.reason};
  const bool unknown = verdict.cause == calendar::Cause::no_venue || verdict.cause == calendar::Cause::not_begun ||
                       verdict.cause == calendar::Cause::expired;
  return {unknown ? State::unknown : State::closed, {}, verdict.until, verdict.reason};
}

// The checks of doctor, on the cluster as it is now. A finding that only warns does not hold an upgrade up; what could
// not be checked does.
upgrade::PreflightVerdict look(kube::Client& client, const env::Environment& env) {
  using State = upgrade::PreflightVerdict::State;
  std::vector<const check::Check*> checks;
  for (const auto& one : check::doctor_checks()) checks.push_back(&one);
  kube::Discovery discovery(client);
  const auto snapshot = check::gather(client, discovery, env, check::sources_of(checks));
  if (!snapshot.ok()) return {State::unknown, "the cluster could not be looked at: " + snapshot.error().text(), {}};
  const check::Facts facts(*snapshot, env, client.clock().now());
  upgrade::PreflightVerdict verdict{State::passed, "", {}};
  for (const auto& judged : check::run(facts, checks)) {
    const auto state = judged.outcome.state();
    std::string line = fmt::format("{:<15} {}", check::word(state), judged.about.id);
    if (state != check::State::ok) line += ": " + judged.outcome.reason();
    const bool worse = state == check::State::fail
                           ? verdict.state != State::failed
                           : state == check::State::could_not_check && verdict.state == State::passed;
    if (worse) {
      verdict.state = state == check::State::fail ? State::failed : State::unknown;
      verdict.reason = fmt::format("{}: {}", judged.about.id, judged.outcome.reason());
    }
    verdict.checks.push_back(std::move(line));
  }
  return verdict;
}

}  // namespace

Result<std::unique_ptr<UpgradeServices>> UpgradeServices::make(const Context& context, const env::Environment& env,
                                                               OpenSession& open, const std::string& prometheus) {
  std::unique_ptr<UpgradeServices> out(new UpgradeServices);
  upgrade::Services& services = out->services_;
  services.who = open.session().who;
  ASSIGN_OR_RETURN(const std::string project, context.project());
  // Read anew each time: a controller runs for weeks, and an early close is announced meanwhile.
  services.window = [&files = context.ports.files, project, settings = env.calendar](port::WallTime now) {
    return window_of(calendar::load_market(files, project, settings), now);
  };
  kube::Client& client = open.session().cluster.client();
  services.preflight = [&client, env](const upgrade::Plan&) { return look(client, env); };
  ASSIGN_OR_RETURN(auto upgrades, env::upgrades_of(context.ports.files, env.file));
  services.approvers = std::move(upgrades.approvers);
  const std::string url = prometheus.empty() ? upgrades.prometheus : prometheus;
  if (!url.empty()) {
    const auto [server, path] = split_url(url);
    port::Endpoint endpoint;
    endpoint.server = server;
    endpoint.plain_behind_mesh = true;  // queries and numbers: nothing secret
    auto transport = context.ports.connector.connect(endpoint);
    if (!transport.ok()) return std::move(transport).error().within("connecting to Prometheus at " + server);
    out->analyst_ = std::make_unique<canary::ThresholdAnalyst>(
        canary::prometheus(std::move(*transport), context.ports.clock, path));
    services.analyst = out->analyst_.get();
  }
  return out;
}

}  // namespace nautilus::cli
