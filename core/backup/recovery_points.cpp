#include "core/backup/recovery_points.h"

#include <cmath>
#include <cstdlib>

#include "core/base/text.h"
#include "core/kube/paths.h"
#include "core/kube/reader.h"

namespace nautilus::backup {

namespace {

// A store whose own metric says how old its last copy is.
struct Measured {
  const char *store, *mode, *selector, *port, *metric, *none;
};
constexpr Measured kMeasured[] = {
    {"PostgreSQL WAL archive", "operatorError", "app.kubernetes.io/component=database,role in (primary,master)",
     "metrics", "pg_stat_archiver_last_archive_age", "no primary of PostgreSQL with an exporter is there"},
    {"engine journal, copied by a follower", "region", "app.kubernetes.io/component=engine", "admin",
     "nautilus_engine_follower_lag_seconds", "no engine is there"},
};

std::optional<int> port_of(const Json& pod, const std::string& name) {
  const Json* containers = value::find(pod, "spec", "containers");
  if (!containers || !containers->is_array()) return {};
  for (const auto& container : *containers)
    if (const Json* ports = value::find(container, "ports"); ports && ports->is_array())
      for (const auto& port : *ports)
        if (value::string_at(port, "name") == name) return static_cast<int>(value::int_at(port, 0, "containerPort"));
  return {};
}

void measure(const Settings& settings, const Measured& what, RecoveryPoint& out) {
  auto& cluster = settings.session.cluster;
  out.how = what.none;
  auto pods = cluster.resource(value::GroupVersion{"", "v1"}, "Pod");
  if (!pods.ok()) return;
  kube::ListOptions list;
  list.namespace_ = settings.session.env.namespace_;
  list.label_selector = what.selector;
  auto found = kube::Reader(cluster.client()).list(**pods, list);
  if (!found.ok()) {
    out.how = found.error().text();
    return;
  }
  for (const auto& pod : found->items) {
    const std::string name = value::string_at(pod, "metadata", "name");
    const auto port = port_of(pod, what.port);
    if (!port) continue;
    kube::Request request;
    request.target = kube::target(**pods, list.namespace_, fmt::format("{}:{}", name, *port), "proxy") + "/metrics";
    request.raw = true;
    request.accept = "text/plain";
    request.timeout = std::chrono::seconds(5);
    const auto answer = cluster.client().call(std::move(request));
    if (!answer.ok()) {
      out.how = fmt::format("pod {} does not answer for its metrics: {}", name, answer.error.message);
      continue;
    }
    const auto value = metric_in(answer.text, what.metric);
    if (!value || !std::isfinite(*value) || *value < 0) {
      out.how = fmt::format("pod {} has no series {}", name, what.metric);
      continue;
    }
    out.measured = std::chrono::duration_cast<port::Duration>(std::chrono::duration<double>(*value));
    out.how = fmt::format("{} of pod {}", what.metric, name);
    return;
  }
}

void of_backups(const Observed& observed, bool volumes, port::WallTime now, RecoveryPoint& out) {
  out.how = volumes ? "no good backup holds volumes" : "there is no good backup";
  for (const auto& backup : observed.backups) {
    if (backup.state != State::good || backup.expired(now) || !backup.point()) continue;
    if (volumes && (backup.volumes.wanted == 0 || backup.volumes.missing())) continue;
    out.measured = now - *backup.point();
    out.how = "since Backup " + backup.name;
    return;
  }
}

}  // namespace

std::optional<double> metric_in(std::string_view text, std::string_view name) {
  std::optional<double> most;
  for (const std::string_view line : base::split(text, '\n')) {
    if (!line.starts_with(name)) continue;
    const std::string_view rest = line.substr(name.size());
    if (rest.empty() || (rest[0] != ' ' && rest[0] != '{')) continue;
    // After the labels, whose values may hold anything but an unescaped quote.
    std::size_t at = 0;
    bool quoted = false;
    for (; at < rest.size() && rest[0] == '{'; ++at) {
      if (rest[at] == '\\' && quoted) {
        ++at;
        continue;
      }
      if (rest[at] == '"') quoted = !quoted;
      if (rest[at] == '}' && !quoted) break;
    }
    if (rest[0] == '{') ++at;
    if (at >= rest.size()) continue;
    const std::string number(rest.substr(at));
    char* end = nullptr;
    const double value = std::strtod(number.c_str(), &end);
    if (end != number.c_str() && (!most || value > *most)) most = value;
  }
  return most;
}

std::vector<RecoveryPoint> recovery_points(const Settings& settings, const Observed& observed,
                                           const std::vector<verify::Judged>& judged, port::WallTime now) {
  std::vector<RecoveryPoint> out;
  auto add = [&](const char* store, const char* mode) -> RecoveryPoint& {
    RecoveryPoint point;
    point.store = store;
    point.mode = mode;
    const auto& promises = settings.session.env.promises.recovery;
    if (auto found = promises.find(mode); found != promises.end()) point.declared_seconds = found->second.rpo_seconds;
    const std::string_view id = point.mode == "region" ? "recovery.region-rpo" : "recovery.operator-error-rpo";
    for (const auto& one : judged)
      if (one.check->id == id) {
        point.derived = verify::word(one.answer.verdict());
        point.derived_reason = one.answer.reason();
      }
    return out.emplace_back(std::move(point));
  };
  of_backups(observed, false, now, add("objects, in backups", "operatorError"));
  of_backups(observed, true, now, add("volumes (databases, state, journals), in backups", "operatorError"));
  for (const auto& what : kMeasured) measure(settings, what, add(what.store, what.mode));
  return out;
}

}  // namespace nautilus::backup
