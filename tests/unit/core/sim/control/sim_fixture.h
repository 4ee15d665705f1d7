// A cluster in a test: apply JSON, let time pass, look.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "core/sim/cluster.h"
#include "core/sim/control/kinds.h"
#include "core/sim/control/objects.h"
#include "core/sim/control/times.h"

namespace nautilus::test {

using namespace std::chrono_literals;
using sim::Kind;
namespace kinds = sim::kinds;

struct SimFixture {
  sim::Cluster cluster;
  std::string ns = "default";

  explicit SimFixture(sim::ClusterOptions options = {}) : cluster(std::move(options)) { cluster.run_for(1s); }

  // Creates, or updates what is there with the new spec.
  sim::Object apply(const Kind& kind, const char* text) { return apply(kind, Json::parse(text)); }
  sim::Object apply(const Kind& kind, Json object) {
    if (kind.namespaced && !object["metadata"].contains("namespace")) object["metadata"]["namespace"] = ns;
    object["apiVersion"] = kind.api_version();
    object["kind"] = std::string(kind.kind);
    auto outcome = cluster.server().apply({kind.group, kind.plural}, object, {"tester", "tester"}, true);
    INFO(outcome.message());
    REQUIRE(outcome.ok());
    return outcome.object;
  }
  sim::Object get(const Kind& kind, const std::string& name) { return cluster.world().get(kind, ns, name); }
  Json status(const Kind& kind, const std::string& name) {
    auto object = get(kind, name);
    REQUIRE(object);
    return object->value("status", Json::object());
  }
  // "True NewReplicaSetAvailable" of a condition; empty if there is none.
  std::string condition(const Kind& kind, const std::string& name, std::string_view type) {
    const Json now = status(kind, name);
    const Json* found = sim::condition(now, type);
    if (!found) return {};
    const std::string reason = value::string_at(*found, "reason");
    return value::string_at(*found, "status") + (reason.empty() ? "" : " " + reason);
  }
  std::int64_t count(const Kind& kind, const std::string& name, const char* field) {
    return value::int_at(status(kind, name), 0, field);
  }
  std::size_t pods(bool only_ready = false) {
    std::size_t n = 0;
    cluster.world().each_pod(ns, [&](const sim::PodInfo& pod) { n += !only_ready || (pod.ready && !pod.deleting); });
    return n;
  }
  void remove(const Kind& kind, const std::string& name, const std::string& propagation = "Background") {
    auto outcome = cluster.server().remove({kind.group, kind.plural}, kind.namespaced ? ns : "", name,
                                           {std::nullopt, propagation, "", "", false});
    INFO(outcome.message());
    REQUIRE(outcome.ok());
  }
  bool event_seen(const std::string& reason, const std::string& about = {}) {
    for (const auto& event : cluster.world().list(kinds::kEvent, ns))
      if (value::string_at(*event, "reason") == reason &&
          (about.empty() || value::string_at(*event, "involvedObject", "name") == about))
        return true;
    return false;
  }
  std::string first_pod() {
    std::string name;
    cluster.world().each_pod(ns, [&](const sim::PodInfo& pod) {
      if (name.empty()) name = pod.key.name;
    });
    return name;
  }
};

inline Json deployment(const std::string& name, int replicas, const std::string& image = "app:1") {
  return {{"metadata", {{"name", name}}},
          {"spec",
           {{"replicas", replicas},
            {"selector", {{"matchLabels", {{"app", name}}}}},
            {"template",
             {{"metadata", {{"labels", {{"app", name}}}}},
              {"spec",
               {{"containers",
                 Json::array({{{"name", "app"},
                               {"image", image},
                               {"resources", {{"requests", {{"cpu", "100m"}, {"memory", "64Mi"}}}}}}})}}}}}}}};
}

}  // namespace nautilus::test
