// database.service-without-endpoints, websocket.service-without-endpoints, services.without-endpoints: names that lead
// nowhere. One question, three flows.
#include <fmt/format.h>

#include "core/check/doctor/doctor.h"
#include "core/check/doctor/services.h"

namespace nautilus::check {

namespace {

enum class Flow { database, websocket, other };

Flow flow_of(const Json& service) {
  if (is_websocket(service)) return Flow::websocket;
  const std::string label = value::string_at(service, "metadata", "labels", "app.kubernetes.io/name");
  for (const std::string_view name : {"postgresql", "pgbouncer"})
    if (label == name || name_of(service).starts_with(name)) return Flow::database;
  return Flow::other;
}

// Which labels the nearest workload has otherwise: a typo is one letter.
std::string nearest(const Facts& facts, const Json& service, const Json& selector) {
  const verify::PodSet* best = nullptr;
  std::size_t most = 0;
  for (const auto& set : facts.platform().pods()) {
    if (set.namespace_ != namespace_of(service) || set.once) continue;
    std::size_t fits = 0;
    for (const auto& [key, value] : selector.items()) fits += value.is_string() && set.label(key) == value ? 1 : 0;
    // By name, if as many labels fit: a Service is called as what it leads to.
    const bool same = set.name == name_of(service);
    if (!best || fits > most || (fits == most && same)) {
      best = &set;
      most = fits;
    }
  }
  if (!best) return "";
  for (const auto& [key, value] : selector.items()) {
    const std::string theirs = best->label(key);
    if (value.is_string() && theirs != value.get_ref<const std::string&>())
      return fmt::format("; pods of {} {}", best->id,
                         theirs.empty() ? "do not carry " + key : fmt::format("carry {}={}", key, theirs));
  }
  return "";
}

std::string selector_text(const Json& selector) {
  std::string text;
  for (const auto& [key, value] : selector.items())
    if (value.is_string())
      text += fmt::format("{}{}={}", text.empty() ? "" : ",", key, value.get_ref<const std::string&>());
  return text;
}

void look(const Facts& facts, Outcome& outcome, Flow flow) {
  std::size_t looked_at = 0;
  for (const Json* service : facts.snapshot.ours(source::kServices)) {
    const Json* selector = value::find(*service, "spec", "selector");
    if (flow_of(*service) != flow || !selector || !selector->is_object() || selector->empty()) continue;
    // Without a canary nobody is behind its Service, on purpose.
    if (value::string_at(*selector, "nautilus.trading.com/track") == "canary") continue;
    ++looked_at;
    if (facts.ready_endpoints(namespace_of(*service), name_of(*service)) > 0) continue;
    const auto pods = facts.selected(namespace_of(*service), selector);
    const std::string list =
        fmt::format("kubectl -n {} get pods -l {}", namespace_of(*service), selector_text(*selector));
    if (pods.empty())
      outcome.fail(id_of(*service),
                   fmt::format("no endpoint: no pod carries {}{}", selector_text(*selector),
                               nearest(facts, *service, *selector)),
                   "the selector and the labels of the pods do not fit, or there is no pod: compare both, and deploy "
                   "again if somebody changed the Service by hand",
                   list);
    else
      outcome.fail(id_of(*service), fmt::format("no endpoint: {} pods are selected, none is ready", pods.size()),
                   "the pods are at fault: nautilusctl doctor pods", list);
  }
  if (looked_at == 0)
    outcome.not_applicable("there is no such Service");
  else
    outcome.note(fmt::format("{} Services", looked_at));
}

const std::vector<Need> kNeeds = {{&source::kServices},   {&source::kSlices},       {&source::kPods},
                                  {&source::kDeployments}, {&source::kStatefulSets}, {&source::kDaemonSets, Need::How::evidence}};

constexpr std::string_view kLooksAt =
    "Services with a selector (that of a canary left out) against the ready addresses of their EndpointSlices. Without "
    "one: whether any pod carries the selector's labels, and what the nearest workload carries instead.";
constexpr std::string_view kTodo =
    "No pod is selected: compare the selector with the pods' labels; deploy puts a changed Service right. Pods are "
    "selected and none is ready: the pods come first.";

}  // namespace

Check database_services_check() {
  return {{"database.service-without-endpoints", "Every Service of the database leads to a pod.", kLooksAt, kTodo,
           "services.without-endpoints"},
          kNeeds,
          [](const Facts& facts, Outcome& outcome) { look(facts, outcome, Flow::database); }};
}
Check websocket_services_check() {
  return {{"websocket.service-without-endpoints", "The WebSocket's Service leads to a pod.", kLooksAt, kTodo,
           "services.without-endpoints"},
          kNeeds,
          [](const Facts& facts, Outcome& outcome) { look(facts, outcome, Flow::websocket); }};
}
Check services_check() {
  return {{"services.without-endpoints", "Every other Service leads to a pod.", kLooksAt, kTodo,
           "services.without-endpoints"},
          kNeeds,
          [](const Facts& facts, Outcome& outcome) { look(facts, outcome, Flow::other); }};
}

}  // namespace nautilus::check
