#include "core/verify/checks/pod_cost.h"

#include <fmt/format.h>

#include "core/verify/settings.h"

namespace nautilus::verify {

namespace {

constexpr const char* kNames[] = {"requests.cpu", "requests.memory", "limits.cpu", "limits.memory"};

// What LimitRange gives to a container that says nothing.
base::Quantity with_default(const Platform& platform, const PodSet& set, const Json& container, std::string_view what,
                            std::string_view name) {
  const base::Quantity said = resource(container, what, name);
  if (said.nano() > 0) return said;
  for (const Json* range : platform.of_kind("LimitRange")) {
    if (namespace_of(*range) != set.namespace_) continue;
    const Json* limits = value::find(*range, "spec", "limits");
    if (!limits || !limits->is_array()) continue;
    for (const Json& limit : *limits) {
      const Json* found = value::find(limit, what == "requests" ? "defaultRequest" : "default", name);
      if (!found || !found->is_string()) continue;
      if (auto parsed = base::Quantity::parse(found->get<std::string>()); parsed.ok()) return *parsed;
    }
  }
  return said;
}

base::Quantity annotated(const PodSet& set, std::string_view name) {
  if (!set.annotations) return {};
  auto parsed = base::Quantity::parse(value::string_at(*set.annotations, name));
  return parsed.ok() ? *parsed : base::Quantity();
}

}  // namespace

void add(base::Quantity& sum, const base::Quantity& more) {
  sum = base::Quantity(sum.nano() + more.nano(), more.format());
}

base::Quantity times(const base::Quantity& quantity, std::int64_t count) {
  return {quantity.nano() * count, quantity.format()};
}

Cost pod_cost(const Platform& platform, const PodSet& set) {
  Cost cost;
  for (const char* full : kNames) {
    const std::string_view text = full;
    const std::string_view what = text.substr(0, text.find('.')), name = text.substr(text.find('.') + 1);
    base::Quantity running, largest;
    for (const Container& container : containers(set)) {
      const auto one = with_default(platform, set, *container.json, what, name);
      if (!container.init || container.sidecar)
        add(running, one);
      else if (one > largest)
        largest = one;
    }
    if (!set.pod && set.object)
      add(running, with_default(platform, set, value::find(*set.object, "spec") ? (*set.object)["spec"] : *set.object,
                                what, name));
    // What the mesh injects, as the annotations size it.
    if (platform.in_mesh(set)) {
      const bool cpu = name == "cpu", limit = what == "limits";
      add(running,
          annotated(set, cpu ? (limit ? "sidecar.istio.io/proxyCPULimit" : "sidecar.istio.io/proxyCPU")
                             : (limit ? "sidecar.istio.io/proxyMemoryLimit" : "sidecar.istio.io/proxyMemory")));
    }
    cost[full] = std::max(running, largest);
  }
  return cost;
}

int surge_of(const PodSet& set, int pods) {
  if (set.kind != "Deployment" || value::string_at(*set.object, "spec", "strategy", "type") == "Recreate") return 0;
  const Json* surge = value::find(*set.object, "spec", "strategy", "rollingUpdate", "maxSurge");
  if (surge && surge->is_number_integer()) return surge->get<int>();
  std::int64_t percent = 25;  // Kubernetes' default
  if (surge && surge->is_string()) {
    const std::string text = surge->get<std::string>();
    percent = integer(text.substr(0, text.find('%'))).value_or(25);
  }
  return static_cast<int>((pods * percent + 99) / 100);
}

}  // namespace nautilus::verify
