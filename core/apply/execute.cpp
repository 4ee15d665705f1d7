#include "core/apply/execute.h"

#include "core/apply/batch.h"
#include "core/apply/observe.h"
#include "core/apply/wait.h"
#include "core/value/digest.h"

namespace nautilus::apply {

namespace {

constexpr int kMaxListedErrors = 5;

// A generated Secret with its content. Only the server ever sees it.
Json with_content(const PlanItem& item, port::Entropy& entropy) {
  Json secret = item.manifest;
  const std::string text = value::string_at(secret, "metadata", "annotations", std::string(kGeneratedAnnotation));
  auto lengths = value::parse_json(text, "generated keys");
  if (lengths.ok())
    for (const auto& [key, length] : lengths->items())
      secret["stringData"][key] = port::random_alphanumeric(entropy, length.get<std::size_t>());
  return secret;
}

// One error out of many, the first in full and the others named.
Error joined(std::vector<Error> errors, const std::string& phase) {
  Error first = std::move(errors.front());
  if (errors.size() > 1) {
    std::string others;
    for (std::size_t i = 1; i < errors.size() && i <= kMaxListedErrors; ++i) others += "; " + errors[i].text();
    first.message += fmt::format(" (and {} more{})", errors.size() - 1, others);
  }
  return std::move(first).within(phase);
}

class Executor {
 public:
  Executor(Cluster& cluster, const Plan& plan, const ExecuteOptions& options, port::Entropy& entropy, Execution& out)
      : cluster_(cluster), plan_(plan), options_(options), entropy_(entropy), out_(out) {}

  Result<> run() {
    const auto deadline = clock().monotonic() + options_.total_timeout;
    TRY(check_nothing_moved());
    for (int w = 0; w < kWaves; ++w) {
      const auto wave = static_cast<Wave>(w);
      if (!any(wave)) continue;
      const auto left = deadline - clock().monotonic();
      if (left <= port::Duration::zero())
        return Error(Code::timeout,
                     fmt::format("the deploy took longer than {} minutes",
                                 std::chrono::duration_cast<std::chrono::minutes>(options_.total_timeout).count()),
                     "run it again: it goes on where it stopped; the limit is spec.timeouts.total of the environment");
      TRY(run_wave(wave, std::min(left, options_.wave_timeout)));
    }
    return remove_what_left();
  }

 private:
  port::Clock& clock() { return cluster_.client().clock(); }
  Result<> guard() { return options_.guard ? options_.guard() : Result<>(); }

  bool any(Wave wave) const {
    return std::any_of(plan_.items.begin(), plan_.items.end(), [&](const PlanItem& item) {
      return item.wave == wave && item.action != Action::remove && item.action != Action::keep;
    });
  }

  bool brings_kinds() const {
    return std::any_of(plan_.items.begin(), plan_.items.end(), [](const PlanItem& item) {
      return item.id.kind == "CustomResourceDefinition" && item.action == Action::create;
    });
  }

  Result<> check_nothing_moved() {
    std::vector<Wanted> wanted;
    for (const auto& item : plan_.items) wanted.push_back({item.id, item.api_version});
    ASSIGN_OR_RETURN(live_, observe(cluster_, wanted));
    for (const auto& item : plan_.items) {
      if (item.action == Action::keep) continue;
      const Json* live = live_.find(item.id);
      // The release's own namespace is made before the lock can be taken, and so before this check.
      if (item.live_uid.empty() && live && item.id.kind == "Namespace" && item.id.name == plan_.namespace_) continue;
      const std::string uid = live ? value::string_at(*live, "metadata", "uid") : "";
      if (uid != item.live_uid)
        return moved(item, live ? item.live_uid.empty() ? "was made by somebody else" : "was replaced" : "was deleted");
      if (live && !item.generated && live_digest(*live, item.manifest) != item.live_digest)
        return moved(item, "was changed");
    }
    return {};
  }

  Error moved(const PlanItem& item, std::string_view how) const {
    return Error(Code::refused,
                 fmt::format("the cluster has moved since the plan was made: {} {}", item.id.text(), how),
                 "nothing was written; make the plan again");
  }

  std::string phase(Wave wave) const { return fmt::format("{}/{} {}", static_cast<int>(wave) + 1, kWaves, name(wave)); }

  Result<> run_wave(Wave wave, port::Duration timeout) {
    WaveReport report;
    report.wave = wave;
    report.started = clock().now();
    out_.waves.push_back(report);
    TRY(guard());
    for (int rank = 0; rank <= 2; ++rank) TRY(send(wave, rank));
    out_.waves.back().applied = clock().now();
    if (wave == Wave::namespaces && brings_kinds()) TRY(cluster_.forget_kinds());
    // CRDs and namespaces are waited for even with --wait=false: nothing after them could be accepted.
    if (options_.wait || wave == Wave::namespaces) {
      std::vector<Awaited> awaited;
      for (const auto& item : plan_.items)
        if (item.wave == wave && item.action != Action::remove && item.action != Action::keep) {
          const Json* live = live_.find(item.id);
          awaited.push_back({item.id, item.api_version, live ? *live : Json()});
        }
      TRY(wait_until_healthy(cluster_, std::move(awaited), {timeout, phase(wave), options_.guard}));
    }
    out_.waves.back().healthy = clock().now();
    return {};
  }

  Result<> send(Wave wave, int rank) {
    Batch batch(cluster_.client());
    std::vector<Error> errors;
    bool any_sent = false;
    for (const auto& item : plan_.items) {
      if (item.wave != wave || item.rank != rank) continue;
      if (item.action == Action::unchanged) ++out_.waves.back().unchanged;
      if (item.action != Action::create && item.action != Action::update) continue;
      any_sent = true;
      auto request = item.generated ? cluster_.create(item.id, item.api_version, with_content(item, entropy_))
                                    : cluster_.apply(item.id, item.api_version, item.manifest, {.force = item.force});
      if (!request.ok()) return std::move(request).error().within("applying " + item.id.text());
      batch.add(std::move(request).value(),
                [this, &item, &errors](kube::Response r) { sent(item, std::move(r), errors); });
    }
    if (!any_sent) return {};
    TRY(batch.run().within(phase(wave)));
    if (!errors.empty()) return joined(std::move(errors), phase(wave));
    return {};
  }

  void sent(const PlanItem& item, kube::Response response, std::vector<Error>& errors) {
    // A Secret that appeared meanwhile keeps its content: generated means "if absent".
    const bool appeared = item.generated && response.status == 409;
    if (!response.ok() && !appeared) {
      errors.push_back(std::move(response.error).within("applying " + item.id.text()));
      cluster_.tell({port::Event::Level::error, {}, phase(item.wave), item.id.text(), "failed", errors.back().message});
      return;
    }
    ++out_.writes;
    auto& report = out_.waves.back();
    ++(item.action == Action::create ? report.created : report.updated);
    cluster_.tell({port::Event::Level::info,
                   {},
                   phase(item.wave),
                   item.id.text(),
                   item.action == Action::create ? "created" : "configured",
                   ""});
    if (!appeared) live_.put(item.id, std::move(response.body));
  }

  // Last, in the opposite order: what is removed may still be used until everything else has been replaced.
  Result<> remove_what_left() {
    std::vector<const PlanItem*> leaving;
    for (const auto& item : plan_.items)
      if (item.action == Action::remove) leaving.push_back(&item);
    for (int w = kWaves - 1; w >= 0; --w) TRY(remove_wave(leaving, static_cast<Wave>(w)));
    return {};
  }

  Result<> remove_wave(const std::vector<const PlanItem*>& leaving, Wave wave) {
    Batch batch(cluster_.client());
    std::vector<Error> errors;
    std::vector<Wanted> gone;
    for (const PlanItem* item : leaving) {
      if (item->wave != wave) continue;
      auto request = cluster_.remove(item->id, item->api_version, item->live_uid);
      if (!request.ok()) return std::move(request).error().within("removing " + item->id.text());
      gone.push_back({item->id, item->api_version, item->live_uid});
      batch.add(std::move(request).value(), [this, item, &errors](kube::Response r) {
        if (!r.ok() && r.status != 404) {
          errors.push_back(std::move(r.error).within("removing " + item->id.text()));
          return;
        }
        ++out_.writes;
        cluster_.tell({port::Event::Level::info, {}, "prune", item->id.text(), "deleted", ""});
      });
    }
    if (gone.empty()) return {};
    TRY(guard());
    WaveReport report;
    report.wave = wave;
    report.removed = static_cast<int>(gone.size());
    report.started = clock().now();
    TRY(batch.run().within("prune"));
    if (!errors.empty()) return joined(std::move(errors), "prune");
    report.applied = clock().now();
    if (options_.wait) TRY(wait_until_gone(cluster_, gone, {options_.wave_timeout, "prune", options_.guard}));
    report.healthy = clock().now();
    out_.waves.push_back(report);
    return {};
  }

  Cluster& cluster_;
  const Plan& plan_;
  const ExecuteOptions& options_;
  port::Entropy& entropy_;
  Execution& out_;
  Live live_;
};

}  // namespace

Result<> execute(Cluster& cluster, const Plan& plan, const ExecuteOptions& options, port::Entropy& entropy,
                 Execution& execution) {
  return Executor(cluster, plan, options, entropy, execution).run();
}

Result<> ensure_namespace(Cluster& cluster, const Plan& plan) {
  for (const auto& item : plan.items) {
    if (item.id.kind != "Namespace" || item.id.name != plan.namespace_ || item.action != Action::create) continue;
    ASSIGN_OR_RETURN(auto request, cluster.apply(item.id, item.api_version, item.manifest, {}));
    auto response = cluster.client().call(std::move(request));
    if (!response.ok()) return std::move(response.error).within("applying " + item.id.text());
  }
  return {};
}

}  // namespace nautilus::apply
