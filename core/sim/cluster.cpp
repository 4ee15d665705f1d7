#include "core/sim/cluster.h"

#include <fmt/format.h>

#include "core/sim/control/cluster_upkeep.h"
#include "core/sim/control/cron_job.h"
#include "core/sim/control/daemon_set.h"
#include "core/sim/control/deployment.h"
#include "core/sim/control/disruption.h"
#include "core/sim/control/garbage.h"
#include "core/sim/control/job.h"
#include "core/sim/control/replica_set.h"
#include "core/sim/control/scheduler.h"
#include "core/sim/control/service.h"
#include "core/sim/control/stateful_set.h"
#include "core/sim/control/times.h"
#include "core/sim/control/volume.h"

namespace nautilus::sim {

Cluster::Cluster(ClusterOptions options)
    : options_(std::move(options)), clock_(options_.start), queue_(clock_), random_(options_.seed) {
  ServerOptions server = options_.server;
  server.seed = random_.fork("server").next();
  server_ = std::make_unique<Server>(clock_, std::move(server));
  transcript_subscription_ = server_->store().subscribe({"", ""}, [this](const Change& change) {
    note(fmt::format("{} {} {} {}/{}", change.revision, static_cast<int>(change.type), change.resource.resource,
                     namespace_of(*change.object), name_of(*change.object)));
  });
  for (const auto& group : options_.nodes) add_nodes(group);
  if (options_.default_storage_class) add_storage_class();
  world_ = std::make_unique<World>(*server_, queue_, random_.fork("world"));
  auto add = [this]<class T>(std::unique_ptr<T> controller) { controllers_.push_back(std::move(controller)); };
  add(std::make_unique<NamespaceController>(*world_));
  add(std::make_unique<DefinitionController>(*world_));
  add(std::make_unique<NodeController>(*world_));
  add(std::make_unique<DeploymentController>(*world_));
  add(std::make_unique<ReplicaSetController>(*world_));
  add(std::make_unique<StatefulSetController>(*world_));
  add(std::make_unique<DaemonSetController>(*world_));
  add(std::make_unique<JobController>(*world_));
  add(std::make_unique<CronJobController>(*world_));
  add(std::make_unique<SchedulerController>(*world_));
  add(std::make_unique<Kubelet>(*world_, options_.kubelet));
  add(std::make_unique<EndpointController>(*world_));
  add(std::make_unique<LoadBalancerController>(*world_));
  add(std::make_unique<ClaimController>(*world_));
  add(std::make_unique<VolumeController>(*world_));
  add(std::make_unique<AutoscalerController>(*world_, options_.load));
  add(std::make_unique<DisruptionController>(*world_));
  add(std::make_unique<QuotaController>(*world_));
  add(std::make_unique<GarbageCollector>(*world_));
}

Cluster::~Cluster() = default;

void Cluster::note(std::string_view line) {
  transcript_ = fnv1a64(fmt::format("{} ", clock_.monotonic().count()), transcript_);
  transcript_ = fnv1a64(line, transcript_);
}

// A node is Ready from the start and stays so; there is no heartbeat to wait for.
void Cluster::add_nodes(const NodeGroup& group) {
  const Caller kubelet{"kubelet", "system:node"};
  for (int i = 0; i < group.count; ++i) {
    const std::string name = fmt::format("{}-{:02}", group.prefix, i + 1);
    const std::string address = fmt::format("172.18.{}.{}", (node_count_ + 2) >> 8, (node_count_ + 2) & 255);
    ++node_count_;
    Json labels = {{"kubernetes.io/hostname", name},
                   {"kubernetes.io/os", "linux"},
                   {"kubernetes.io/arch", "amd64"},
                   {"topology.kubernetes.io/region", "sim-region"}};
    if (!group.zones.empty())
      labels["topology.kubernetes.io/zone"] = group.zones[static_cast<std::size_t>(i) % group.zones.size()];
    for (const auto& [key, text] : group.labels) labels[key] = text;
    Json spec = Json::object();
    if (!group.taints.empty()) spec["taints"] = group.taints;
    Json node = {{"metadata", {{"name", name}, {"labels", labels}}}, {"spec", spec}};
    auto created = server_->create(resource::kNodes, node, kubelet);
    if (!created.ok()) continue;
    Json stored = *created.object;
    const Json capacity = {{"cpu", group.cpu},
                           {"memory", group.memory},
                           {"ephemeral-storage", group.ephemeral_storage},
                           {"pods", fmt::format("{}", group.max_pods)}};
    const std::string now = time_text(clock_.now());
    Json conditions = Json::array();
    struct Sign {
      const char *type, *status, *reason, *message;
    };
    for (const Sign& sign :
         {Sign{"MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"},
          Sign{"DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"},
          Sign{"PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"},
          Sign{"Ready", "True", "KubeletReady", "kubelet is posting ready status"}})
      conditions.push_back({{"type", sign.type},
                            {"status", sign.status},
                            {"reason", sign.reason},
                            {"message", sign.message},
                            {"lastHeartbeatTime", now},
                            {"lastTransitionTime", now}});
    stored["status"] = {{"capacity", capacity},
                        {"allocatable", capacity},
                        {"conditions", conditions},
                        {"addresses", Json::array({{{"type", "InternalIP"}, {"address", address}},
                                                   {{"type", "Hostname"}, {"address", name}}})},
                        {"nodeInfo",
                         {{"architecture", "amd64"},
                          {"operatingSystem", "linux"},
                          {"osImage", "Simulated Linux"},
                          {"kernelVersion", "6.1.0-sim"},
                          {"containerRuntimeVersion", "containerd://2.4.2"},
                          {"kubeletVersion", options_.server.git_version},
                          {"kubeProxyVersion", ""},
                          {"bootID", ""},
                          {"machineID", ""},
                          {"systemUUID", ""}}}};
    (void)server_->update_status(resource::kNodes, std::move(stored), kubelet);
  }
}

void Cluster::add_storage_class() {
  (void)server_->create(
      resource::kStorageClasses,
      {{"metadata", {{"name", "standard"}, {"annotations", {{"storageclass.kubernetes.io/is-default-class", "true"}}}}},
       {"provisioner", "sim.nautilusctl.io/volume"},
       {"reclaimPolicy", "Delete"},
       {"volumeBindingMode", "WaitForFirstConsumer"},
       {"allowVolumeExpansion", true}});
}

}  // namespace nautilus::sim
