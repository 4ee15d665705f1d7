// events.warnings: what the cluster warns of again and again, and no other check tells.
#include <fmt/format.h>

#include <set>

#include "core/check/doctor/doctor.h"

namespace nautilus::check {

namespace {

constexpr port::Duration kRecent = std::chrono::minutes(15);
constexpr std::int64_t kOften = 3;  // once is noise: most warnings are of a moment and pass

// Reasons that other checks follow to their cause.
const std::set<std::string, std::less<>> kTold = {
    "FailedScheduling", "FailedCreate",       "BackOff",           "Failed",           "Unhealthy",
    "ProbeWarning",     "FailedMount",        "ProvisioningFailed", "FailedBinding",    "FailedGetScale",
    "Evicted",          "OOMKilling",         "NodeNotReady",      "InspectFailed",    "ErrImageNeverPull",
    "InvalidImageName", "FailedGetResourceMetric", "FailedComputeMetricsReplicas", "FailedGetPodsMetric",
    "FailedGetObjectMetric", "FailedGetExternalMetric", "FailedGetContainerResourceMetric", "SystemOOM"};

std::string last_time(const Json& event) {
  for (const char* field : {"lastTimestamp", "eventTime", "firstTimestamp"})
    if (std::string time = value::string_at(event, field); !time.empty()) return time;
  return value::string_at(event, "metadata", "creationTimestamp");
}

// Whether what it is about is still there; kinds that were not read count as there.
bool exists(const Facts& facts, const Json& about) {
  const std::string kind = value::string_at(about, "kind");
  for (const Source* source : {&source::kPods, &source::kDeployments, &source::kReplicaSets, &source::kStatefulSets,
                               &source::kDaemonSets, &source::kJobs, &source::kClaims, &source::kServices,
                               &source::kAutoscalers, &source::kIngresses, &source::kNodes})
    if (source->kind == kind && facts.snapshot.read(*source))
      return facts.snapshot.find(*source, kind == "Node" ? "" : value::string_at(about, "namespace"),
                                 value::string_at(about, "name"));
  return true;
}

void look(const Facts& facts, Outcome& outcome) {
  struct Group {
    const Json* event = nullptr;
    std::int64_t count = 0;
    std::size_t objects = 0;
  };
  std::map<std::string, Group> groups;  // namespace, kind, reason
  std::size_t looked_at = 0;
  for (const Json& event : facts.snapshot.all(source::kEvents)) {
    const Json* about = value::find(event, "involvedObject");
    if (!about) continue;
    const std::string kind = value::string_at(*about, "kind"), space = value::string_at(*about, "namespace");
    if (kind != "Node" && !facts.snapshot.namespaces().contains(space)) continue;
    const std::string reason = value::string_at(event, "reason");
    if (facts.older_than(last_time(event), kRecent)) continue;
    ++looked_at;
    std::int64_t count = value::int_at(event, 1, "count");
    count = std::max(count, value::int_at(event, 1, "series", "count"));
    if (kTold.contains(reason) || !exists(facts, *about)) continue;
    Group& group = groups[fmt::format("{}\n{}\n{}", space, kind, reason)];
    if (!group.event) group.event = &event;
    group.count += count;
    ++group.objects;
  }
  for (const auto& [key, group] : groups) {
    if (group.count < kOften) continue;
    const Json& about = *value::find(*group.event, "involvedObject");
    const std::string space = value::string_at(about, "namespace");
    outcome.warn(fmt::format("{} {}{}{}", value::string_at(about, "kind"), space, space.empty() ? "" : "/",
                             value::string_at(about, "name")),
                 fmt::format("{}: {} ({} times in {}{})", value::string_at(*group.event, "reason"),
                             value::string_at(*group.event, "message"), group.count, age_text(kRecent),
                             group.objects > 1 ? fmt::format(", {} objects", group.objects) : ""),
                 "read what its source says; it repeats, so it does not pass by itself",
                 fmt::format("kubectl {}get events --field-selector reason={}",
                             space.empty() ? "" : fmt::format("-n {} ", space),
                             value::string_at(*group.event, "reason")));
  }
  outcome.note(fmt::format("{} warnings of the last {}", looked_at, age_text(kRecent)));
}

}  // namespace

Check warnings_check() {
  return {{"events.warnings", "The cluster does not warn of anything again and again.",
           "Events of type Warning of the last 15 minutes about objects of the platform that are still there, and about "
           "nodes: three or more of one reason. Reasons that other checks follow to their cause are left out.",
           "The message says what its source could not do. Look at that source (kubelet, controller, operator) next.",
           "events.warnings"},
          {{&source::kEvents},
           {&source::kPods, Need::How::evidence},
           {&source::kNodes, Need::How::evidence},
           {&source::kReplicaSets, Need::How::evidence},
           {&source::kIngresses, Need::How::evidence}},
          look};
}

}  // namespace nautilus::check
