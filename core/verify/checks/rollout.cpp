// rollout.*: budgets that let nodes be drained and keep quorums, and time to leave in order.
#include <fmt/format.h>

#include "core/value/yaml.h"
#include "core/verify/settings.h"
#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

// Pods that may be away at once under a budget of `pods` pods; rounded as Kubernetes does (up).
std::optional<int> may_be_away(const Json& budget, int pods) {
  const auto number = [&](const Json* value) -> std::optional<int> {
    if (!value) return std::nullopt;
    if (value->is_number_integer()) return value->get<int>();
    const std::string text = scalar(value);
    const auto percent = text.ends_with("%") ? integer(text.substr(0, text.size() - 1)) : std::nullopt;
    if (!percent) return std::nullopt;
    return static_cast<int>((static_cast<std::int64_t>(pods) * *percent + 99) / 100);
  };
  if (const auto most = number(value::find(budget, "spec", "maxUnavailable"))) return *most;
  if (const auto least = number(value::find(budget, "spec", "minAvailable"))) return pods - *least;
  return std::nullopt;
}

void budgets(const Input& input, Answer& answer) {
  struct Covered {
    std::vector<const PodSet*> sets;
    int pods = 0;
  };
  std::map<const Json*, Covered> covered;
  for (const PodSet& set : input.platform.pods()) {
    if (set.once || set.per_node) continue;
    std::vector<const Json*> mine;
    for (const Json* budget : input.platform.of_kind("PodDisruptionBudget"))
      if (namespace_of(*budget) == set.namespace_ && selects(value::find(*budget, "spec", "selector"), set.labels)) {
        mine.push_back(budget);
        covered[budget].sets.push_back(&set);
        covered[budget].pods += set.least;
      }
    if (mine.size() > 1)
      answer.fails(fmt::format("{} and {} both select its pods: the eviction API refuses to choose", name_of(*mine[0]),
                               name_of(*mine[1])),
                   set.id);
    // Elasticsearch's operator makes its own.
    const bool own = value::find(*set.object, "spec", "podDisruptionBudget") != nullptr;
    if (mine.empty() && !own && set.least > 1)
      answer.fails(fmt::format("{} pods and no budget: a drain may take all at once", set.least), set.id);
    if (own) answer.read(set.at("spec.podDisruptionBudget"), "made by its operator");
  }
  for (const auto& [budget, what] : covered) {
    const auto away = may_be_away(*budget, what.pods);
    const std::string said = value::find(*budget, "spec", "maxUnavailable")
                                 ? "maxUnavailable " + scalar(value::find(*budget, "spec", "maxUnavailable"))
                                 : "minAvailable " + scalar(value::find(*budget, "spec", "minAvailable"));
    answer.read(where(*budget, "spec"), said, fmt::format("over {} pods at least", what.pods));
    if (!away) {
      answer.missing("neither maxUnavailable nor minAvailable can be read", id_of(*budget));
      continue;
    }
    if (*away < 1) {
      answer.fails(fmt::format("of {} pods none may be away: no node with one of them can ever be drained", what.pods),
                   id_of(*budget));
      continue;
    }
    // Voters: more than half have to stay.
    const std::string component = what.sets.front()->label("app.kubernetes.io/component");
    const bool quorum = component == "state" || component == "cache-failover" || component == "database" ||
                        what.sets.front()->kind == "Elasticsearch" || what.sets.front()->kind == "Alertmanager";
    if (quorum && what.pods > 2)
      answer.judge(*away <= (what.pods - 1) / 2,
                   fmt::format("{} of {} voters may be away {} {}", *away, what.pods,
                               *away <= (what.pods - 1) / 2 ? "<=" : ">", (what.pods - 1) / 2),
                   id_of(*budget));
    else
      answer.judge(what.pods == 1 || *away < what.pods, fmt::format("{} of {} may be away", *away, what.pods),
                   id_of(*budget));
  }
  for (const Json* budget : input.platform.of_kind("PodDisruptionBudget"))
    if (!covered.contains(budget)) answer.fails("selects no pod", id_of(*budget));
}

struct Drain {
  std::int64_t seconds = 0;
  std::string where;
};

// What the application itself takes to leave, where its configuration says so.
std::optional<Drain> own_drain(const Input& input, const PodSet& set) {
  if (const auto variable = input.platform.variable(set, "NAUTILUS_DRAIN_SECONDS"))
    if (const auto value = seconds(variable->value)) return Drain{*value, variable->where};
  for (const ConfigFile& file : set.files) {
    if (file.key == "engine.yaml")
      if (const auto document = value::parse_yaml(*file.text, file.where()); document.ok())
        if (const auto value = seconds(value::string_at(*document, "drain", "timeout")))
          return Drain{*value, file.where() + " drain.timeout"};
    if (file.key == "redis.conf" && set.label("app.kubernetes.io/component") == "state")
      if (const auto value = seconds(directive(*file.text, "shutdown-timeout").value_or("")))
        return Drain{*value, file.where() + " shutdown-timeout"};
  }
  return std::nullopt;
}

void grace(const Input& input, Answer& answer) {
  for (const PodSet& set : input.platform.pods()) {
    if (set.once || !set.pod || set.operated) continue;
    const std::int64_t grace = value::int_at(*set.pod, 30, "terminationGracePeriodSeconds");
    std::int64_t before = 0;
    std::string sum;
    bool script = false;
    for (const Container& container : containers(set)) {
      const Json* hook = value::find(*container.json, "lifecycle", "preStop");
      if (!hook) continue;
      if (const auto nap = value::int_at(*hook, 0, "sleep", "seconds"); nap > 0) {
        answer.read(set.at(container.path + ".lifecycle.preStop.sleep.seconds"), nap, "the endpoint is withdrawn");
        before = std::max(before, nap);
      } else {
        script = true;
        answer.read(set.at(container.path + ".lifecycle.preStop"), "a script",
                    "its length is its own; it is cut off by the grace period");
      }
    }
    const auto drain = own_drain(input, set);
    if (drain) answer.read(drain->where, drain->seconds, "until it is idle");
    std::int64_t mesh = 0;
    if (set.annotations && input.platform.in_mesh(set))
      if (const auto config =
              value::parse_json(value::string_at(*set.annotations, "proxy.istio.io/config"), "annotation");
          config.ok())
        mesh = seconds(value::string_at(*config, "terminationDrainDuration")).value_or(0);
    if (mesh > 0)
      answer.read(set.at("the annotation proxy.istio.io/config terminationDrainDuration"), mesh,
                  "the sidecar leaves last");
    if (before == 0 && !drain && mesh == 0 && !script) continue;
    const std::int64_t wanted = before + (drain ? drain->seconds : 0) + mesh;
    answer.read(set.at(set.path + ".terminationGracePeriodSeconds"), grace);
    answer.judge(wanted <= grace && (!script || wanted < grace),
                 fmt::format("{}: {} withdrawn + {} drained + {} sidecar = {} {} {}", set.name, before,
                             drain ? drain->seconds : 0, mesh, wanted, wanted <= grace ? "<=" : ">", grace));
  }
  // Who holds connections has to say how they end.
  for (const PodSet& set : input.platform.pods()) {
    bool websocket = false;
    for (const Port& port : set.ports) websocket = websocket || port.name == "websocket";
    if (websocket && !own_drain(input, set))
      answer.missing("serves WebSockets, and nothing says how long it drains them", set.id);
  }
}

constexpr Check kChecks[] = {
    {"rollout.disruption-budgets", "Nodes can be drained, and no drain or update costs a quorum.",
     "Each set of two pods or more has exactly one budget that allows at least one pod to be away, never half of the "
     "voters, never all.",
     "A budget that allows nobody stops every node upgrade; none at all lets a drain take all pods at once.",
     "disruptionBudget.maxUnavailable of the component.", "24", budgets},
    {"rollout.grace-period", "Whoever is told to stop has the time to leave in order.",
     "preStop + the application's drain + the sidecar's, against terminationGracePeriodSeconds. Scripts in preStop "
     "have no length of their own.",
     "Sessions die at the default grace of 30 seconds, in the middle of their drain.",
     "Lengthen terminationGracePeriodSeconds or shorten the drain.", "24", grace},
};

}  // namespace

std::span<const Check> rollout_checks() { return kChecks; }

}  // namespace nautilus::verify
