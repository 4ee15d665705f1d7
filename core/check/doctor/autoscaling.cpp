// autoscaling.*: why the number of pods does not follow the load.
#include <fmt/format.h>

#include <set>

#include "core/check/doctor/doctor.h"
#include "core/status/rules.h"

namespace nautilus::check {

namespace {

constexpr port::Duration kGrace = std::chrono::minutes(2);  // pods that just started have no metrics yet

std::string target_of(const Json& scaler, const char* field = "scaleTargetRef") {
  return fmt::format("{} {}/{}", value::string_at(scaler, "spec", field, "kind"), namespace_of(scaler),
                     value::string_at(scaler, "spec", field, "name"));
}

const verify::PodSet* set_named(const Facts& facts, const std::string& id) {
  for (const auto& set : facts.platform().pods())
    if (set.id == id) return &set;
  return nullptr;
}

std::string group_of(const std::string& metric_type) {
  if (metric_type == "Resource" || metric_type == "ContainerResource") return "metrics.k8s.io";
  if (metric_type == "External") return "external.metrics.k8s.io";
  return "custom.metrics.k8s.io";
}

std::set<std::string> groups_of(const Json& scaler) {
  std::set<std::string> groups;
  for (const Json& metric : items(scaler, "spec", "metrics")) groups.insert(group_of(value::string_at(metric, "type")));
  return groups;
}

// "" if the API answers.
std::string trouble_with(const Snapshot& snapshot, const std::string& group) {
  for (const Json& service : snapshot.all(source::kApiServices)) {
    if (value::string_at(service, "spec", "group") != group) continue;
    const Json* available = status::condition(service, "Available");
    if (available && value::string_at(*available, "status") == "False")
      return fmt::format("APIService {}: {}: {}", name_of(service), value::string_at(*available, "reason"),
                         value::string_at(*available, "message"));
  }
  if (std::string problem = snapshot.problem_of(group); !problem.empty()) return problem;
  return snapshot.serves_group(group) ? "" : "no APIService serves it";
}

std::size_t note_autoscalers(const Facts& facts, Outcome& outcome) {
  const std::size_t count = facts.snapshot.ours(source::kAutoscalers).size();
  if (count == 0)
    outcome.not_applicable("the platform has no HorizontalPodAutoscaler");
  else
    outcome.note(fmt::format("{} autoscalers", count));
  return count;
}

void metrics_api(const Facts& facts, Outcome& outcome) {
  note_autoscalers(facts, outcome);
  std::map<std::string, std::vector<std::string>> blind;  // API -> who needs it
  for (const Json* scaler : facts.snapshot.ours(source::kAutoscalers))
    for (const std::string& group : groups_of(*scaler))
      if (!trouble_with(facts.snapshot, group).empty()) blind[group].push_back(name_of(*scaler));
  for (const auto& [group, scalers] : blind)
    outcome.fail(fmt::format("API {}", group),
                 fmt::format("{}; needed by HorizontalPodAutoscaler {}{}", trouble_with(facts.snapshot, group),
                             scalers.front(),
                             scalers.size() > 1 ? fmt::format(" and {} more", scalers.size() - 1) : ""),
                 group == "metrics.k8s.io"
                     ? "metrics-server is missing or down: install it, or restart it and look at its certificate"
                     : "prometheus-adapter is missing or down: restart it, look at its certificate and its rules",
                 fmt::format("kubectl get apiservice | grep {}", group));
}

void missing_requests(const Facts& facts, Outcome& outcome) {
  if (note_autoscalers(facts, outcome) == 0) return;
  for (const Json* scaler : facts.snapshot.ours(source::kAutoscalers))
    for (const Json& metric : items(*scaler, "spec", "metrics")) {
      const bool whole = value::string_at(metric, "type") == "Resource";
      const char* field = whole ? "resource" : "containerResource";
      if (value::string_at(metric, field, "target", "type") != "Utilization") continue;
      const std::string name = value::string_at(metric, field, "name");
      const std::string only = value::string_at(metric, field, "container");
      const std::string target = target_of(*scaler);
      // The pods have what a LimitRange filled in; the template is what there is without pods.
      const Json* spec = nullptr;
      if (const auto pods = facts.pods_by_workload().find(target); pods != facts.pods_by_workload().end())
        spec = value::find(*pods->second.front(), "spec");
      else if (const auto* set = set_named(facts, target))
        spec = set->pod;
      if (!spec) continue;
      for (const Json& container : items(*spec, "containers")) {
        const std::string its = value::string_at(container, "name");
        if ((!whole && its != only) || value::find(container, "resources", "requests", name)) continue;
        outcome.fail(target, fmt::format("container {} requests no {}, and {} scales by its utilization of it", its, name,
                                         id_of(*scaler)),
                     "a percentage of nothing is nothing: the autoscaler does not act. Say the request in the values",
                     describe(*scaler));
      }
    }
}

void at_max(const Facts& facts, Outcome& outcome) {
  note_autoscalers(facts, outcome);
  for (const Json* scaler : facts.snapshot.ours(source::kAutoscalers)) {
    const auto most = value::int_at(*scaler, 0, "spec", "maxReplicas");
    const auto now = value::int_at(*scaler, 0, "status", "currentReplicas");
    const Json* limited = status::condition(*scaler, "ScalingLimited");
    if (now < most || !limited || value::string_at(*limited, "status") != "True" ||
        value::string_at(*limited, "reason") != "TooManyReplicas")
      continue;
    outcome.warn(id_of(*scaler), fmt::format("{} of {} replicas: {}", now, most, value::string_at(*limited, "message")),
                 "the load wants more than is allowed: raise maxReplicas if quota and nodes have room, and find out "
                 "whether the load is real",
                 describe(*scaler));
  }
}

void blind(const Facts& facts, Outcome& outcome) {
  note_autoscalers(facts, outcome);
  for (const Json* scaler : facts.snapshot.ours(source::kAutoscalers)) {
    const Json* active = status::condition(*scaler, "ScalingActive");
    if (!active || value::string_at(*active, "status") != "False" ||
        value::string_at(*active, "reason") == "ScalingDisabled" ||
        !facts.older_than(value::string_at(*active, "lastTransitionTime"), kGrace))
      continue;
    bool api = true;  // an API that is not there is told by autoscaling.no-metrics-api
    for (const std::string& group : groups_of(*scaler)) api = api && trouble_with(facts.snapshot, group).empty();
    if (!api) continue;
    // So is a request that is missing, by its own check.
    const std::string message = value::string_at(*active, "message");
    if (message.find("missing request for") != std::string::npos) continue;
    outcome.fail(id_of(*scaler), fmt::format("{}: {}", value::string_at(*active, "reason"), message),
                 "the metrics API answers, but has nothing for these pods: for custom metrics look whether Prometheus has "
                 "the series and the adapter a rule; until then scale by hand",
                 describe(*scaler));
  }
}

void target_missing(const Facts& facts, Outcome& outcome) {
  note_autoscalers(facts, outcome);
  for (const Json* scaler : facts.snapshot.ours(source::kAutoscalers)) {
    const std::string kind = value::string_at(*scaler, "spec", "scaleTargetRef", "kind");
    if (kind != "Deployment" && kind != "StatefulSet") continue;
    if (set_named(facts, target_of(*scaler))) continue;
    outcome.fail(id_of(*scaler), fmt::format("its target {} does not exist", target_of(*scaler)),
                 "correct scaleTargetRef, or deploy the environment again", describe(*scaler));
  }
}

// ---- quota

base::NanoAmount sum_of(const Json& spec, const std::string& name) {
  const auto dot = name.find('.');
  const std::string what = dot == std::string::npos ? "requests" : name.substr(0, dot);
  const std::string resource = dot == std::string::npos ? name : name.substr(dot + 1);
  base::NanoAmount sum = 0;
  for (const Json& container : items(spec, "containers")) sum += verify::resource(container, what, resource).nano();
  return sum;
}

void quota(const Facts& facts, Outcome& outcome) {
  if (note_autoscalers(facts, outcome) == 0) return;
  for (const Json* limit : facts.snapshot.ours(source::kQuotas)) {
    const Json* hard = value::find(*limit, "status", "hard");
    if (!hard || !hard->is_object() || value::find(*limit, "spec", "scopes") ||
        value::find(*limit, "spec", "scopeSelector"))
      continue;
    for (const auto& [name, amount] : hard->items()) {
      if (name != "pods" && name != "requests.cpu" && name != "requests.memory" && name != "limits.cpu" &&
          name != "limits.memory")
        continue;
      const auto all = base::Quantity::parse(amount.is_string() ? amount.get<std::string>() : amount.dump());
      const auto used = base::Quantity::parse(value::string_at(*limit, "status", "used", name));
      if (!all.ok() || !used.ok()) continue;
      base::NanoAmount more = 0;
      std::string growth;
      for (const Json* scaler : facts.snapshot.ours(source::kAutoscalers)) {
        const auto* set = set_named(facts, target_of(*scaler));
        if (namespace_of(*scaler) != namespace_of(*limit) || !set || !set->pod) continue;
        const auto now = value::int_at(*set->object, 0, "status", "replicas");
        const auto most = value::int_at(*scaler, 0, "spec", "maxReplicas");
        if (most <= now) continue;
        const base::NanoAmount each = name == "pods" ? 1'000'000'000 : sum_of(*set->pod, name);
        more += each * (most - now);
        growth += fmt::format("{}{} {} to {}", growth.empty() ? "" : ", ", name_of(*scaler), now, most);
      }
      if (used->nano() + more <= all->nano()) continue;
      outcome.warn(id_of(*limit),
                   fmt::format("{}: used {} of {}, and {} would need {} more", name, used->text(), all->text(), growth,
                               base::Quantity(more, all->format()).text()),
                   "raise the quota or lower the maxima: at peak the autoscaler's pods are refused",
                   describe(*limit));
    }
  }
}

// ---- vertical

void vertical(const Facts& facts, Outcome& outcome) {
  std::size_t looked_at = 0;
  for (const Json* vpa : facts.snapshot.ours(source::kPodAutoscalers)) {
    ++looked_at;
    const Json* mode = value::find(*vpa, "spec", "updatePolicy", "updateMode");
    if (mode && (*mode == "Off" || *mode == "Initial")) continue;
    std::set<std::string> vertical;
    for (const Json& policy : items(*vpa, "spec", "resourcePolicy", "containerPolicies"))
      for (const Json& resource : items(policy, "controlledResources"))
        if (resource.is_string()) vertical.insert(resource.get<std::string>());
    if (vertical.empty()) vertical = {"cpu", "memory"};
    for (const Json* scaler : facts.snapshot.ours(source::kAutoscalers)) {
      if (target_of(*scaler) != target_of(*vpa, "targetRef")) continue;
      for (const Json& metric : items(*scaler, "spec", "metrics")) {
        std::string name = value::string_at(metric, "resource", "name");
        if (name.empty()) name = value::string_at(metric, "containerResource", "name");
        if (!vertical.contains(name)) continue;
        outcome.fail(target_of(*scaler), fmt::format("{} ({}) and {} both act on {}", id_of(*vpa),
                                                     mode && mode->is_string() ? mode->get<std::string>() : "Recreate",
                                                     id_of(*scaler), name),
                     "each undoes the other's work: set the vertical one's updateMode to Off, or let it control only what "
                     "the horizontal one does not scale by",
                     describe(*vpa));
      }
    }
  }
  outcome.note(fmt::format("{} vertical autoscalers", looked_at));
}

const std::vector<Need> kTargets = {{&source::kAutoscalers},
                                    {&source::kDeployments},
                                    {&source::kStatefulSets},
                                    {&source::kPods, Need::How::evidence},
                                    {&source::kReplicaSets, Need::How::evidence}};

}  // namespace

std::vector<Check> autoscaling_checks() {
  return {{{"autoscaling.no-metrics-api", "Every metrics API that an autoscaler asks answers.",
            "The kinds of metrics of all autoscalers (resource, pods and object, external) against what the API server "
            "serves, its discovery problems and the condition Available of each APIService.",
            "metrics.k8s.io is metrics-server, the other two are prometheus-adapter. Until it is back scale by hand.",
            "NautilusAutoscalerBlind"},
           {{&source::kAutoscalers}, {&source::kApiServices, Need::How::evidence}},
           metrics_api},
          {{"autoscaling.blind", "Every autoscaler gets its metrics.",
            "The condition ScalingActive of each autoscaler, False for more than two minutes, where the API itself "
            "answers and no request is missing.",
            "The message names the metric. Follow it: the series in Prometheus, the adapter's rule, the labels by which "
            "it finds the pods.",
            "NautilusAutoscalerBlind"},
           {{&source::kAutoscalers}, {&source::kApiServices, Need::How::evidence}},
           blind},
          {{"autoscaling.missing-requests", "Whoever is scaled by utilization says what it requests.",
            "Autoscalers with a target of utilization: every container of the target's pods (of its template, if it has "
            "none) must request that resource.",
            "Say the request in the environment's values. One sidecar without it is enough to stop the autoscaler.",
            "autoscaling.missing-requests"},
           kTargets,
           missing_requests},
          {{"autoscaling.target-missing", "Every autoscaler has something to scale.",
            "scaleTargetRef of each autoscaler against the Deployments and StatefulSets that are there.",
            "Correct the name, or deploy the environment again.", "autoscaling.missing-requests"},
           {{&source::kAutoscalers}, {&source::kDeployments}, {&source::kStatefulSets}},
           target_missing},
          {{"autoscaling.at-max", "No autoscaler is at its limit and wants more.",
            "Autoscalers with all their replicas whose condition ScalingLimited says TooManyReplicas.",
            "Look at the load first; then raise maxReplicas with quota and nodes in mind.", "NautilusAutoscalerAtMaximum"},
           {{&source::kAutoscalers}},
           at_max},
          {{"autoscaling.quota-too-small", "The quotas have room for all autoscalers at their maximum.",
            "For pods, requests and limits of each quota: what is used, and what all autoscalers of the namespace would "
            "add from where they are now to their maximum.",
            "Raise the quota or lower a maximum before the peak does it for you.", "NautilusQuotaNearlyUsed"},
           {{&source::kAutoscalers}, {&source::kQuotas}, {&source::kDeployments}, {&source::kStatefulSets}},
           quota},
          {{"autoscaling.vpa-fights-hpa", "No vertical autoscaler acts on what a horizontal one scales by.",
            "VerticalPodAutoscalers that change pods (updateMode neither Off nor Initial) with the same target as a "
            "HorizontalPodAutoscaler that scales by a resource they control.",
            "updateMode: Off keeps the recommendation and ends the fight.", "autoscaling.vpa-fights-hpa"},
           {{&source::kPodAutoscalers}, {&source::kAutoscalers}},
           vertical}};
}

}  // namespace nautilus::check
