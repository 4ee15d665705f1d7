// capacity.*: the promised users have somewhere to connect, at the open, and with a zone gone.
#include <fmt/format.h>

#include "core/value/yaml.h"
#include "core/verify/settings.h"
#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

struct Tier {
  const PodSet* set = nullptr;
  std::int64_t per_pod = 0;
};

// Who serves WebSockets: the pods behind a Service whose port is named websocket; how many each takes says its
// configuration, or the autoscaler's target.
std::optional<Tier> websocket_tier(const Input& input, Answer& answer) {
  const Json* service = nullptr;
  for (const Json* one : input.platform.of_kind("Service")) {
    const Json* ports = value::find(*one, "spec", "ports");
    if (!ports || !ports->is_array()) continue;
    for (const Json& port : *ports)
      if (value::string_at(port, "name") == "websocket") service = one;
  }
  if (!service) return std::nullopt;
  Tier tier;
  for (const PodSet& set : input.platform.pods())
    if (set.namespace_ == namespace_of(*service) && matches(value::find(*service, "spec", "selector"), set.labels))
      tier.set = &set;
  if (!tier.set) return std::nullopt;
  answer.read(where(*service, "spec.selector"), tier.set->id, "serves WebSockets");
  if (const auto most = input.platform.variable(*tier.set, "NAUTILUS_WEBSOCKET_MAX_CONNECTIONS")) {
    tier.per_pod = integer(most->value).value_or(0);
    answer.read(most->where, most->value, "connections one pod takes");
  }
  if (tier.per_pod == 0 && tier.set->scaler)
    if (const Json* metrics = value::find(*tier.set->scaler, "spec", "metrics"); metrics && metrics->is_array())
      for (const Json& metric : *metrics)
        if (value::string_at(metric, "pods", "metric", "name").find("websocket") != std::string::npos) {
          const std::string target = value::string_at(metric, "pods", "target", "averageValue");
          tier.per_pod = integer(target).value_or(0);
          answer.read(where(*tier.set->scaler, "spec.metrics[websocket].pods.target.averageValue"), target,
                      "connections one pod is meant to have");
        }
  if (tier.per_pod == 0) {
    answer.missing("nothing says how many connections one pod takes", tier.set->id);
    return std::nullopt;
  }
  return tier;
}

std::int64_t needed(std::int64_t users, std::int64_t per_pod) { return (users + per_pod - 1) / per_pod; }

void read_bounds(const PodSet& set, Answer& answer) {
  if (set.scaler) {
    answer.read(where(*set.scaler, "spec.minReplicas"), set.least);
    answer.read(where(*set.scaler, "spec.maxReplicas"), set.most);
  } else {
    answer.read(set.at("spec.replicas"), set.least);
  }
}

std::optional<std::int64_t> promised_users(const Input& input, Answer& answer) {
  if (!input.env.promises.users) return std::nullopt;
  answer.read(input.env.file + ": spec.promises.users", *input.env.promises.users, "promised");
  return input.env.promises.users;
}

void users(const Input& input, Answer& answer) {
  const auto promised = promised_users(input, answer);
  if (!promised) return;
  const auto tier = websocket_tier(input, answer);
  if (!tier) return answer.missing("no Service has a port named websocket with pods behind it");
  read_bounds(*tier->set, answer);
  const std::int64_t most = tier->set->most * tier->per_pod;
  answer.step(fmt::format("{} users / {} a pod = {} pods", *promised, tier->per_pod, needed(*promised, tier->per_pod)));
  answer.judge(most >= *promised, fmt::format("{} pods at most x {} = {} {} {}", tier->set->most, tier->per_pod, most,
                                              most >= *promised ? ">=" : "<", *promised));
}

// How many pods are there before the users come: minReplicas, or a floor by the hour that the autoscaler follows.
// The chain: the autoscaler's external metric, the adapter's rule of that name, the series, the recording rule, its
// number.
std::int64_t pods_before_the_open(const Input& input, const PodSet& set, Answer& answer) {
  std::int64_t best = set.least;
  const Json* metrics = set.scaler ? value::find(*set.scaler, "spec", "metrics") : nullptr;
  if (!metrics || !metrics->is_array()) return best;
  for (const Json& metric : *metrics) {
    const std::string name = value::string_at(metric, "external", "metric", "name");
    if (name.find("session_floor") == std::string::npos) continue;
    answer.read(where(*set.scaler, "spec.metrics.external"), name, "a number of pods by the hour");
    if (value::string_at(metric, "external", "target", "type") != "AverageValue" ||
        value::string_at(metric, "external", "target", "averageValue") != "1") {
      answer.step("its target is not AverageValue 1, so it is not a number of pods");
      continue;
    }
    std::string series;
    for (const PodSet& adapter : input.platform.pods())
      for (const ConfigFile& file : adapter.files) {
        if (file.text->find(name) == std::string::npos || file.text->find("externalRules") == std::string::npos)
          continue;
        const auto rules = value::parse_yaml(*file.text, file.where());
        const Json* list = rules.ok() ? value::find(*rules, "externalRules") : nullptr;
        if (!list || !list->is_array()) continue;
        for (const Json& rule : *list)
          if (value::string_at(rule, "name", "as") == name) {
            series = value::string_at(rule, "seriesQuery");
            answer.read(file.where() + " externalRules[" + name + "].seriesQuery", series);
          }
      }
    for (const Json* object : input.platform.of_kind("PrometheusRule")) {
      const Json* groups = value::find(*object, "spec", "groups");
      if (series.empty() || !groups || !groups->is_array()) continue;
      for (const Json& group : *groups) {
        const Json* rules = value::find(group, "rules");
        if (!rules || !rules->is_array()) continue;
        for (const Json& rule : *rules) {
          if (value::string_at(rule, "record") != series) continue;
          const std::string expr = value::string_at(rule, "expr");
          // "label_replace(75 * (60 * hour() ...": the number before the window's condition.
          const auto at = expr.find("label_replace(");
          const auto end = at == std::string::npos ? at : expr.find(" * (", at);
          const auto floor = end == std::string::npos ? std::nullopt : integer(expr.substr(at + 14, end - at - 14));
          answer.read(where(*object, "spec.groups.rules[" + series + "].expr"), expr);
          if (floor) {
            answer.step(fmt::format("the rule asks for {} pods in its window", *floor));
            best = std::max(best, std::min<std::int64_t>(*floor, set.most));
          }
        }
      }
    }
  }
  return best;
}

void prescale(const Input& input, Answer& answer) {
  const auto promised = promised_users(input, answer);
  if (!promised) return;
  const auto tier = websocket_tier(input, answer);
  if (!tier) return answer.missing("no Service has a port named websocket with pods behind it");
  read_bounds(*tier->set, answer);
  const std::int64_t pods = pods_before_the_open(input, *tier->set, answer);
  const std::int64_t serves = pods * tier->per_pod;
  answer.judge(serves >= *promised, fmt::format("before the open {} pods x {} = {} {} {} users who come at once", pods,
                                                tier->per_pod, serves, serves >= *promised ? ">=" : "<", *promised));
}

void zone_headroom(const Input& input, Answer& answer) {
  const auto promised = promised_users(input, answer);
  if (!promised) return;
  const auto tier = websocket_tier(input, answer);
  if (!tier) return answer.missing("no Service has a port named websocket with pods behind it");
  const auto zones = input.env.capacity.zones;
  if (!zones) return answer.missing("spec.capacity.zones is not declared", input.env.file);
  answer.read(input.env.file + ": spec.capacity.zones", *zones, "declared");
  if (*zones < 2) return answer.fails("one zone: losing it loses everything");
  bool strict = false, any = false;
  if (const Json* rules = value::find(*tier->set->pod, "topologySpreadConstraints"); rules && rules->is_array())
    for (const Json& rule : *rules)
      if (value::string_at(rule, "topologyKey") == "topology.kubernetes.io/zone") {
        any = true;
        strict = value::string_at(rule, "whenUnsatisfiable") == "DoNotSchedule";
        answer.read(tier->set->at("spec.template.spec.topologySpreadConstraints"),
                    value::string_at(rule, "whenUnsatisfiable"), "by zone");
      }
  read_bounds(*tier->set, answer);
  const std::int64_t pods = pods_before_the_open(input, *tier->set, answer);
  const std::int64_t in_one = (pods + *zones - 1) / *zones;
  const std::int64_t left = (pods - in_one) * tier->per_pod;
  answer.step(fmt::format("{} pods over {} zones: {} in the fullest, {} left x {} = {}", pods, *zones, in_one,
                          pods - in_one, tier->per_pod, left));
  if (left < *promised) return answer.fails(fmt::format("with a zone gone {} < {} users", left, *promised));
  if (!any) return answer.fails("nothing spreads the pods over zones", tier->set->id);
  if (!strict)
    return answer.missing(
        fmt::format("{} >= {} if the pods are evenly spread, which ScheduleAnyway only prefers", left, *promised));
  answer.holds(fmt::format("with a zone gone {} >= {} users", left, *promised));
}

constexpr Check kChecks[] = {
    {"capacity.websocket-users", "The promised number of users can be connected at once.",
     "The autoscaler's maximum x what one pod takes against spec.promises.users.",
     "Ten thousand users at 200 a pod are 50 pods.", "Raise backend.autoscaling.maxReplicas.", "15", users},
    {"capacity.prescale", "The users who come at the open find the pods there already.",
     "minReplicas, or the floor by the hour that the autoscaler follows (metric, adapter, recording rule), x what one "
     "pod takes.",
     "The minimum of 10 pods serves 2,000. From there to 50 are three doublings, each behind a metric's delay and a "
     "node's start, while everybody connects.",
     "Turn on the session floor (backend.autoscaling.metrics.sessionFloor with global.observability.autoscaling), or "
     "raise minReplicas.",
     "15", prescale},
    {"capacity.zone-headroom", "Losing a zone at the busiest time disconnects nobody for longer than a reconnect.",
     "The pods there before the open, less those of the fullest of the declared zones, x what one pod takes; the "
     "spread has to be required, not preferred.",
     "Pods of a lost zone come back on nodes that have to start first.",
     "Raise the floor by a zone's share, and require the spread by zone.", "15", zone_headroom},
};

}  // namespace

std::span<const Check> user_checks() { return kChecks; }

}  // namespace nautilus::verify
