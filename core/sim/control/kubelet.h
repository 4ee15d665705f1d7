// What the nodes do: containers come up, become ready, crash, complete and stop, without any container running.
//
// A pod bound to a node passes through: sandbox -> volumes and configuration (waits for what it references) -> image
// (pulled once per node) -> init containers -> running -> ready; a pod marked for deletion stops within its grace. All
// delays are drawn from the seed. How an image behaves is chosen by the annotation sim.nautilusctl.io/behaviour on the
// pod, or by the image's tag (Behaviours).
#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "core/sim/control/controller.h"

namespace nautilus::sim {

enum class Behaviour { normal, crash, never_ready, slow, image_pull_error };

struct KubeletOptions {
  port::Duration sandbox_min = std::chrono::milliseconds(20), sandbox_max = std::chrono::milliseconds(150);
  port::Duration pull_min = std::chrono::milliseconds(800), pull_max = std::chrono::seconds(6);
  port::Duration start_min = std::chrono::milliseconds(150), start_max = std::chrono::milliseconds(900);
  port::Duration warm_min = std::chrono::milliseconds(100), warm_max = std::chrono::milliseconds(1500);
  port::Duration stop_min = std::chrono::milliseconds(100), stop_max = std::chrono::milliseconds(1500);
  port::Duration run_to_completion = std::chrono::seconds(5);  // how long a Job's container works
  int slow_factor = 20;
  // By image tag: "registry/app:sim-crash" crashes.
  std::map<std::string, Behaviour, std::less<>> tags = {{"sim-crash", Behaviour::crash},
                                                        {"sim-never-ready", Behaviour::never_ready},
                                                        {"sim-slow", Behaviour::slow},
                                                        {"sim-image-pull-error", Behaviour::image_pull_error}};
};

inline constexpr std::string_view kBehaviourAnnotation = "sim.nautilusctl.io/behaviour";
inline constexpr std::string_view kRuntimeAnnotation = "sim.nautilusctl.io/runtime-seconds";

class Kubelet final : public Controller {
 public:
  static constexpr port::Duration kFirstCrashBackoff = std::chrono::seconds(10);
  static constexpr port::Duration kMaxCrashBackoff = std::chrono::seconds(300);

  Kubelet(World& world, KubeletOptions options);
  void observe(const Observation& change) override;
  Result<> reconcile(const Key& key) override;

 private:
  enum class Stage { admitted, configuring, pulling, initialising, starting, running, ready, backoff, done, stopping };
  struct Life {
    std::string uid;
    Stage stage = Stage::admitted;
    port::Monotonic until{0};  // nothing happens before
    Behaviour behaviour = Behaviour::normal;
    std::size_t init_done = 0;
    int restarts = 0;
    int exit_code = 0;
    bool reported = false;  // the first status has been written
    std::string ip, problem_reason, problem;
    std::string problem_container;  // whose configuration is wrong; empty: a volume
    std::string started_at, finished_at, start_time;
  };
  Result<> step(const PodInfo& pod, Life& life);
  Result<> stop(const PodInfo& pod, Life& life);
  void enter(const PodInfo& pod, Life& life, Stage stage, port::Duration delay);
  void finish_run(const PodInfo& pod, Life& life);
  bool find_problem(const PodInfo& pod, Life& life) const;
  Behaviour behaviour_of(const PodInfo& pod) const;
  port::Duration draw(port::Duration low, port::Duration high, const Life& life);
  port::Duration pull_time(const PodInfo& pod, const Life& life);
  port::Duration readiness_delay(const Json& pod_spec);
  Result<> report(const PodInfo& pod, Life& life);
  void note(const Json& pod, bool warning, std::string_view reason, std::string message);

  KubeletOptions options_;
  Random random_;
  std::map<Key, Life> lives_;
  std::map<std::string, std::set<Key>> misconfigured_;   // by namespace
  std::map<std::string, std::set<std::string>> images_;  // by node
  std::uint32_t next_ip_ = 1;
};

}  // namespace nautilus::sim
