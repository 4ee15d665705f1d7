// webhook.unreachable, cluster.api-unavailable: parts of the API server that are somebody else's pods.
#include <fmt/format.h>

#include <set>

#include "core/check/doctor/doctor.h"
#include "core/status/rules.h"

namespace nautilus::check {

namespace {

std::string rules_text(const Json& webhook) {
  for (const Json& rule : items(webhook, "rules")) {
    const Json &operations = items(rule, "operations"), &resources = items(rule, "resources");
    if (operations.empty() || resources.empty()) continue;
    return fmt::format("{} of {}", operations.front().is_string() ? operations.front().get<std::string>() : "?",
                       resources.front().is_string() ? resources.front().get<std::string>() : "?");
  }
  return "what it is asked about";
}

void unreachable(const Facts& facts, Outcome& outcome) {
  std::size_t looked_at = 0;
  const bool everywhere = facts.snapshot.entry(source::kServices).reach == Snapshot::Reach::everywhere &&
                          facts.snapshot.entry(source::kSlices).reach == Snapshot::Reach::everywhere;
  for (const Source* source : {&source::kValidatingWebhooks, &source::kMutatingWebhooks})
    for (const Json& configuration : facts.snapshot.all(*source))
      for (const Json& webhook : items(configuration, "webhooks")) {
        const Json* target = value::find(webhook, "clientConfig", "service");
        if (!target) continue;  // a URL: nothing of the cluster tells whether it answers
        ++looked_at;
        const std::string space = value::string_at(*target, "namespace"), name = value::string_at(*target, "name");
        const Json* service = facts.snapshot.find(source::kServices, space, name);
        if (!service && !everywhere && space != facts.snapshot.own_namespace()) {
          outcome.could_not(fmt::format("Service {}/{} of webhook {} cannot be seen from namespace {}", space, name,
                                        value::string_at(webhook, "name"), facts.snapshot.own_namespace()),
                            "allow to list services and endpointslices in all namespaces");
          continue;
        }
        if (service && (value::string_at(*service, "spec", "type") == "ExternalName" ||
                        facts.ready_endpoints(space, name) > 0))
          continue;
        const bool ignored = value::string_at(webhook, "failurePolicy") == "Ignore";
        outcome.found({ignored ? Severity::warn : Severity::fail, id_of(configuration),
                       fmt::format("{}: Service {}/{} {}; failurePolicy {}: {}", value::string_at(webhook, "name"), space,
                                   name, service ? "has no ready endpoint" : "does not exist",
                                   ignored ? "Ignore" : "Fail",
                                   ignored ? "what it should judge passes unjudged"
                                           : fmt::format("{} is refused", rules_text(webhook))),
                       "bring its pods back; if it was removed, remove its configuration too: nothing can be deployed "
                       "until then",
                       describe(configuration)});
      }
  outcome.note(fmt::format("{} webhooks", looked_at));
}

void api(const Facts& facts, Outcome& outcome) {
  // What autoscalers ask is told by autoscaling.no-metrics-api.
  const std::set<std::string, std::less<>> metrics = {"metrics.k8s.io", "custom.metrics.k8s.io",
                                                      "external.metrics.k8s.io"};
  const bool scaled = !facts.snapshot.ours(source::kAutoscalers).empty();
  for (const Json& service : facts.snapshot.all(source::kApiServices)) {
    const Json* available = status::condition(service, "Available");
    if (!available || value::string_at(*available, "status") != "False") continue;
    if (scaled && metrics.contains(value::string_at(service, "spec", "group"))) continue;
    outcome.fail(id_of(service),
                 fmt::format("{}: {}", value::string_at(*available, "reason"), value::string_at(*available, "message")),
                 "namespaces cannot be deleted and kinds of this API cannot be read while it is down: bring its pods back, "
                 "or remove the APIService if it is not used any more",
                 describe(service));
  }
}

}  // namespace

std::vector<Check> webhook_checks() {
  return {{{"webhook.unreachable", "Every admission webhook has somebody behind it.",
            "Validating and mutating webhooks that name a Service, in all namespaces: whether it exists and has a ready "
            "endpoint. With failurePolicy Fail it keeps everybody from writing, else it lets everything pass.",
            "Bring the webhook's pods back. An operator that was removed leaves its configuration behind: remove that.",
            "webhook.unreachable"},
           {{&source::kValidatingWebhooks}, {&source::kMutatingWebhooks}, {&source::kServices}, {&source::kSlices}},
           unreachable}};
}

std::vector<Check> cluster_checks() {
  return {{{"cluster.api-unavailable", "Every aggregated API answers.",
            "The condition Available of all APIServices; those of metrics are told by autoscaling.no-metrics-api where "
            "something is scaled by them.",
            "Bring the pods behind it back, or remove the APIService.", "webhook.unreachable"},
           {{&source::kApiServices}, {&source::kAutoscalers, Need::How::evidence}},
           api}};
}

}  // namespace nautilus::check
