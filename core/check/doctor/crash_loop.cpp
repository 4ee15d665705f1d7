#include <fmt/format.h>

#include "core/check/doctor/doctor.h"
#include "core/check/doctor/pod_findings.h"

namespace nautilus::check {

namespace {

constexpr std::int64_t kRestarts = 3;  // between two waits a container that keeps dying is running or just ended

void look(const Facts& facts, Outcome& outcome) {
  find_in_pods(facts, outcome, [&](const Json& pod) {
    std::optional<PodCause> cause;
    any_container(pod, [&](const Json& status, bool) {
      const std::string waiting = value::string_at(status, "state", "waiting", "reason");
      const Json* ended = value::find(status, "state", "terminated");
      const bool dead = ended && value::int_at(*ended, 0, "exitCode") != 0;
      const auto restarts = value::int_at(status, 0, "restartCount");
      if (waiting != "CrashLoopBackOff" && waiting != "RunContainerError" && waiting != "StartError" &&
          !(dead && restarts >= kRestarts))
        return false;
      const Json* last = value::find(status, "lastState", "terminated");
      if (dead) last = ended;
      const std::string name = value::string_at(status, "name");
      std::string evidence = fmt::format("container {}: {}", name, waiting.empty() ? "keeps ending" : waiting);
      if (last)
        evidence += fmt::format(", last exit code {} ({})", value::int_at(*last, 0, "exitCode"),
                                reason_and_message(*last));
      else if (const Json* state = value::find(status, "state", "waiting"))
        evidence += ": " + value::string_at(*state, "message");
      evidence += fmt::format(", {} restarts", restarts);
      const bool memory = last && value::string_at(*last, "reason") == "OOMKilled";
      cause = PodCause{name, std::move(evidence),
                       memory ? "it needs more memory than its limit: see the recommendation of kubectl get vpa, raise "
                                "the limit, or roll back if a deploy made it grow"
                              : "read the last words of the container before it ended; since a deploy: nautilusctl "
                                "rollback",
                       fmt::format("kubectl -n {} logs {} -c {} --previous --tail=50", namespace_of(pod), name_of(pod),
                                   name)};
      return true;
    });
    return cause;
  });
}

}  // namespace

Check crash_loop_check() {
  return {{"pods.crash-loop", "No container ends again and again.",
           "Containers that wait with CrashLoopBackOff or could not be started, and those that ended with an error after "
           "three restarts or more; init containers too.",
           "Read the last output before the end (kubectl logs --previous). Exit 137 with OOMKilled is memory; a liveness "
           "probe that kills is in the events; an error at start is configuration.",
           "NautilusPodCrashLooping"},
          {{&source::kPods}, {&source::kReplicaSets, Need::How::evidence}},
          look};
}

}  // namespace nautilus::check
