#include "core/sim/control/kubelet.h"

#include <fmt/format.h>

#include <charconv>

#include "core/sim/control/container_status.h"
#include "core/sim/control/pods.h"
#include "core/sim/control/times.h"

namespace nautilus::sim {

using value::find;
using value::int_at;
using value::string_at;

namespace {

const Json& list_or_empty(const Json& object, const char* field) {
  static const Json kEmpty = Json::array();
  const Json* found = find(object, field);
  return found && found->is_array() ? *found : kEmpty;
}

bool runs_forever(const Json& pod_spec) {
  const std::string policy = string_at(pod_spec, "restartPolicy");
  return policy.empty() || policy == "Always";
}

}  // namespace

Kubelet::Kubelet(World& world, KubeletOptions options)
    : Controller(world, "kubelet", std::chrono::milliseconds(1)),
      options_(std::move(options)),
      random_(world.random().fork("kubelet")) {
  world.attach(*this, {kinds::kPod, kinds::kConfigMap, kinds::kSecret});
}

void Kubelet::observe(const Observation& change) {
  if (!change.is(kinds::kPod)) {
    if (!change.after) return;
    auto waiting = misconfigured_.find(namespace_of(*change.after));
    if (waiting == misconfigured_.end()) return;
    for (const auto& key : waiting->second) enqueue_after(key, std::chrono::milliseconds(200));
    return;
  }
  const Key key = key_of(change.object());
  if (!change.after) {
    lives_.erase(key);
    misconfigured_[key.ns].erase(key);
    return;
  }
  // Only binding and deletion come from outside; everything else is our own doing.
  const PodInfo* pod = world_.pod(key);
  if (!pod || pod->node.empty()) return;
  auto life = lives_.find(key);
  const bool fresh = life == lives_.end() || life->second.uid != pod->uid;
  if (fresh || (pod->deleting && life->second.stage != Stage::stopping)) enqueue(key);
}

port::Duration Kubelet::draw(port::Duration low, port::Duration high, const Life& life) {
  const auto drawn = random_.between(low, high);
  return life.behaviour == Behaviour::slow ? drawn * options_.slow_factor : drawn;
}

Behaviour Kubelet::behaviour_of(const PodInfo& pod) const {
  const std::string wish = annotation(*pod.object, kBehaviourAnnotation);
  if (wish == "crash") return Behaviour::crash;
  if (wish == "never-ready") return Behaviour::never_ready;
  if (wish == "slow") return Behaviour::slow;
  if (wish == "image-pull-error") return Behaviour::image_pull_error;
  for (const auto& container : list_or_empty(pod.spec(), "containers")) {
    const std::string image = string_at(container, "image");
    const auto colon = image.rfind(':');
    if (colon == std::string::npos) continue;
    if (auto found = options_.tags.find(std::string_view(image).substr(colon + 1)); found != options_.tags.end())
      return found->second;
  }
  return Behaviour::normal;
}

void Kubelet::note(const Json& pod, bool warning, std::string_view reason, std::string message) {
  world_.record(pod, kinds::kPod, warning, reason, std::move(message), "kubelet");
}

Result<> Kubelet::reconcile(const Key& key) {
  const PodInfo* pod = world_.pod(key);
  if (!pod || pod->node.empty()) return {};
  Life& life = lives_[key];
  if (life.uid != pod->uid) {
    life = Life{};
    life.uid = pod->uid;
    life.behaviour = behaviour_of(*pod);
    life.restarts = static_cast<int>(pod->restarts);
    if (pod->terminal()) life.stage = Stage::done;
  }
  if (pod->deleting) return stop(*pod, life);
  const auto now = world_.queue().clock().monotonic();
  if (life.until > now) {
    enqueue_after(key, life.until - now);
    return {};
  }
  return step(*pod, life);
}

void Kubelet::enter(const PodInfo& pod, Life& life, Stage stage, port::Duration delay) {
  life.stage = stage;
  life.until = world_.queue().clock().monotonic() + delay;
  enqueue_after(pod.key, delay);
}

// Does what is due in this stage, decides when the next one begins, and reports.
Result<> Kubelet::step(const PodInfo& pod, Life& life) {
  const ObjectPtr object = pod.object;
  const Json& spec = pod.spec();
  const Json& init = list_or_empty(spec, "initContainers");
  switch (life.stage) {
    case Stage::admitted:
      if (life.ip.empty()) {
        life.ip = fmt::format("10.{}.{}.{}", 128 + ((next_ip_ >> 16) & 127), (next_ip_ >> 8) & 255, next_ip_ & 255);
        ++next_ip_;
        life.start_time = time_text(world_.now());
      }
      enter(pod, life, Stage::configuring, draw(options_.sandbox_min, options_.sandbox_max, life));
      break;
    case Stage::configuring:
      if (find_problem(pod, life)) {
        misconfigured_[pod.key.ns].insert(pod.key);
        if (life.problem_container.empty())
          note(*object, true, "FailedMount", life.problem);
        else
          note(*object, true, "Failed", "Error: " + life.problem);
        break;  // a ConfigMap or Secret that appears brings us back
      }
      misconfigured_[pod.key.ns].erase(pod.key);
      enter(pod, life, Stage::pulling, pull_time(pod, life));
      return {};
    case Stage::pulling:
      if (life.behaviour == Behaviour::image_pull_error) {
        life.problem_reason = life.problem_reason == "ErrImagePull" ? "ImagePullBackOff" : "ErrImagePull";
        const std::string image = string_at(list_or_empty(spec, "containers").front(), "image");
        note(*object, true, "Failed", fmt::format("Failed to pull image \"{}\": not found", image));
        enter(pod, life, Stage::pulling, life.problem_reason == "ErrImagePull" ? kFirstCrashBackoff : kMaxCrashBackoff);
        break;
      }
      for (const auto& container : list_or_empty(spec, "containers"))
        images_[pod.node].insert(string_at(container, "image"));
      enter(pod, life, init.size() > life.init_done ? Stage::initialising : Stage::starting,
            draw(options_.start_min, options_.start_max, life));
      return {};
    case Stage::initialising:
      ++life.init_done;
      enter(pod, life, init.size() > life.init_done ? Stage::initialising : Stage::starting,
            draw(options_.start_min, options_.start_max, life));
      break;
    case Stage::starting:
      life.started_at = time_text(world_.now());
      for (const auto& container : list_or_empty(spec, "containers"))
        note(*object, false, "Started", "Started container " + string_at(container, "name"));
      if (life.behaviour == Behaviour::crash || !runs_forever(spec)) {
        port::Duration work = life.behaviour == Behaviour::crash ? std::chrono::seconds(1) : options_.run_to_completion;
        const std::string wish = annotation(*object, kRuntimeAnnotation);
        int seconds = 0;
        if (std::from_chars(wish.data(), wish.data() + wish.size(), seconds).ec == std::errc() && seconds > 0)
          work = std::chrono::seconds(seconds);
        enter(pod, life, Stage::running, work);
      } else if (life.behaviour == Behaviour::never_ready) {
        life.stage = Stage::running;
        life.until = port::Monotonic::max();
      } else if (const auto delay = readiness_delay(spec); delay > port::Duration(0)) {
        enter(pod, life, Stage::running, delay + draw(options_.warm_min, options_.warm_max, life));
      } else {
        life.stage = Stage::ready;
      }
      break;
    case Stage::running:
      if (life.behaviour == Behaviour::never_ready) return {};
      if (life.behaviour == Behaviour::crash || !runs_forever(spec))
        finish_run(pod, life);
      else
        life.stage = Stage::ready;
      break;
    case Stage::backoff:
      enter(pod, life, Stage::starting, draw(options_.start_min, options_.start_max, life));
      return {};
    case Stage::ready:
    case Stage::done:
    case Stage::stopping: return {};
  }
  return report(pod, life);
}

// A container has ended by itself: the pod is over, or it starts again after a pause.
void Kubelet::finish_run(const PodInfo& pod, Life& life) {
  life.exit_code = life.behaviour == Behaviour::crash ? 1 : 0;
  life.finished_at = time_text(world_.now());
  const std::string policy = string_at(pod.spec(), "restartPolicy");
  const bool again = runs_forever(pod.spec()) || (policy == "OnFailure" && life.exit_code != 0);
  if (!again) {
    life.stage = Stage::done;
    return;
  }
  const auto pause = std::min(kMaxCrashBackoff, kFirstCrashBackoff * (std::int64_t{1} << std::min(life.restarts, 10)));
  ++life.restarts;
  const Json& container = list_or_empty(pod.spec(), "containers").front();
  note(*pod.object, true, "BackOff",
       fmt::format("Back-off restarting failed container {} in pod {}_{}({})", string_at(container, "name"),
                   pod.key.name, pod.key.ns, pod.uid));
  enter(pod, life, Stage::backoff, pause);
}

Result<> Kubelet::stop(const PodInfo& pod, Life& life) {
  const auto now = world_.queue().clock().monotonic();
  if (life.stage != Stage::stopping) {
    // deletionTimestamp is when the grace ends.
    const bool had_run = life.stage == Stage::running || life.stage == Stage::ready;
    const auto grace = std::chrono::seconds(int_at(*pod.object, 30, "metadata", "deletionGracePeriodSeconds"));
    port::Duration needs = had_run ? draw(options_.stop_min, options_.stop_max, life) : options_.stop_min;
    for (const auto& container : list_or_empty(pod.spec(), "containers")) {
      if (!had_run) break;
      const auto nap = std::chrono::seconds(int_at(container, 0, "lifecycle", "preStop", "sleep", "seconds"));
      needs = std::max<port::Duration>(needs, nap + options_.stop_min);
      note(*pod.object, false, "Killing", "Stopping container " + string_at(container, "name"));
    }
    life.exit_code = life.stage == Stage::done ? life.exit_code : 0;
    life.stage = Stage::stopping;
    life.until = now + std::min<port::Duration>(needs, grace);
  }
  if (life.until > now) {
    enqueue_after(pod.key, life.until - now);
    return {};
  }
  if (const Json* holds = find(*pod.object, "metadata", "finalizers"); holds && !holds->empty() && !pod.terminal()) {
    // Whoever holds the pod wants to know how it ended.
    life.finished_at = time_text(world_.now());
    TRY(report(pod, life));
  }
  auto removed = world_.remove(kinds::kPod, pod.key, {life.uid, "", 0});
  return removed.ok() || removed.error().code == Code::not_found ? Result<>() : removed;
}

port::Duration Kubelet::pull_time(const PodInfo& pod, const Life& life) {
  port::Duration longest{0};
  const auto& present = images_[pod.node];
  for (const auto& container : list_or_empty(pod.spec(), "containers")) {
    const std::string image = string_at(container, "image");
    const bool cached = present.contains(image) && string_at(container, "imagePullPolicy") != "Always";
    const auto time = cached ? port::Duration(0) : draw(options_.pull_min, options_.pull_max, life);
    longest = std::max(longest, time);
  }
  return longest;
}

// From the start of the containers to the first successful probe; 0 if nothing is probed.
port::Duration Kubelet::readiness_delay(const Json& pod_spec) {
  port::Duration longest{0};
  for (const auto& container : list_or_empty(pod_spec, "containers")) {
    port::Duration delay{0};
    for (const char* name : {"startupProbe", "readinessProbe"}) {
      const Json* probe = find(container, name);
      if (!probe || !probe->is_object()) continue;
      delay += std::chrono::seconds(int_at(*probe, 0, "initialDelaySeconds"));
      delay += std::chrono::seconds(int_at(*probe, 10, "periodSeconds")) *
               std::max<std::int64_t>(0, int_at(*probe, 1, "successThreshold") - 1);
      delay += std::chrono::milliseconds(1);
    }
    longest = std::max(longest, delay);
  }
  return longest;
}

bool Kubelet::find_problem(const PodInfo& pod, Life& life) const {
  life.problem.clear();
  life.problem_reason.clear();
  life.problem_container.clear();
  auto lookup = [&](const Kind& kind, const std::string& name) { return world_.get(kind, pod.key.ns, name); };
  if (auto missing = missing_volume_source(pod.spec(), lookup)) {
    life.problem = std::move(*missing);
    life.problem_reason = "ContainerCreating";
    return true;
  }
  for (const char* field : {"initContainers", "containers"})
    for (const auto& container : list_or_empty(pod.spec(), field))
      if (auto missing = missing_environment(container, pod.key.ns, lookup)) {
        life.problem = std::move(*missing);
        life.problem_reason = "CreateContainerConfigError";
        life.problem_container = string_at(container, "name");
        return true;
      }
  return false;
}

Result<> Kubelet::report(const PodInfo& pod, Life& life) {
  ContainerView view;
  view.initialised = life.init_done;
  view.restarts = life.restarts;
  view.exit_code = life.exit_code;
  view.started_at = life.started_at;
  view.finished_at = life.finished_at;
  view.problem = life.problem;
  view.problem_reason = life.problem_reason;
  view.problem_container = life.problem_container;
  switch (life.stage) {
    case Stage::running: view.state = ContainerView::State::running; break;
    case Stage::ready: view.state = ContainerView::State::ready; break;
    case Stage::backoff: view.state = ContainerView::State::crashed; break;
    case Stage::done:
    case Stage::stopping: view.state = ContainerView::State::ended; break;
    default: view.state = ContainerView::State::waiting; break;
  }
  Json edited = *pod.object;
  Json& status = edited["status"];
  auto node = world_.get(kinds::kNode, "", pod.node);
  if (const Json* node_status = node ? find(*node, "status") : nullptr)
    for (const auto& address : list_or_empty(*node_status, "addresses"))
      if (string_at(address, "type") == "InternalIP") {
        status["hostIP"] = string_at(address, "address");
        status["hostIPs"] = Json::array({{{"ip", string_at(address, "address")}}});
      }
  if (!life.start_time.empty()) status["startTime"] = life.start_time;
  if (life.stage != Stage::admitted && life.stage != Stage::configuring && !life.ip.empty()) {
    status["podIP"] = life.ip;
    status["podIPs"] = Json::array({{{"ip", life.ip}}});
  }
  write_pod_status(edited, view, world_.now());
  if (status == (*pod.object)["status"]) return {};
  TRY(world_.update_status(kinds::kPod, std::move(edited), {"kubelet", "system:node:" + pod.node}));
  return {};
}

}  // namespace nautilus::sim
