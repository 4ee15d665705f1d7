#include "core/sim/control/service.h"

#include <fmt/format.h>

#include "core/sim/control/pods.h"
#include "core/sim/control/selectors.h"

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

bool publishes_unready(const Json& service) {
  return value::bool_at(service, false, "spec", "publishNotReadyAddresses");
}

// The pod's port behind a Service port; 0 if the pod has no port of that name.
std::int64_t target_port(const Json& port, const PodInfo& pod) {
  const Json* target = find(port, "targetPort");
  if (!target || (target->is_number_integer() && target->get<std::int64_t>() == 0)) return int_at(port, 0, "port");
  if (target->is_number_integer()) return target->get<std::int64_t>();
  const std::string protocol = string_at(port, "protocol");
  for (const auto& container : list_or_empty(pod.spec(), "containers"))
    for (const auto& candidate : list_or_empty(container, "ports")) {
      const std::string own = string_at(candidate, "protocol");
      if (string_at(candidate, "name") == *target &&
          (own.empty() ? "TCP" : own) == (protocol.empty() ? "TCP" : protocol))
        return int_at(candidate, 0, "containerPort");
    }
  return 0;
}

Json ports_of(const Json& service, const PodInfo& pod) {
  Json ports = Json::array();
  const Json* listed = find(service, "spec", "ports");
  if (!listed || !listed->is_array()) return ports;
  for (const auto& port : *listed) {
    const std::int64_t number = target_port(port, pod);
    if (number == 0) continue;
    Json entry = {{"port", number},
                  {"protocol", string_at(port, "protocol").empty() ? "TCP" : string_at(port, "protocol")}};
    entry["name"] = string_at(port, "name");
    if (port.contains("appProtocol")) entry["appProtocol"] = port["appProtocol"];
    ports.push_back(std::move(entry));
  }
  return ports;
}

Json target_of(const PodInfo& pod) {
  return {{"kind", "Pod"}, {"namespace", pod.key.ns}, {"name", pod.key.name}, {"uid", pod.uid}};
}

std::string hostname_in(const Json& service, const PodInfo& pod) {
  return string_at(pod.spec(), "subdomain") == name_of(service) ? string_at(pod.spec(), "hostname") : std::string();
}

bool is_headless(const Json& service) { return string_at(service, "spec", "clusterIP") == "None"; }

}  // namespace

EndpointController::EndpointController(World& world) : Controller(world, "endpoint", std::chrono::milliseconds(100)) {
  world.attach(*this, {kinds::kService, kinds::kPod});
}

void EndpointController::observe(const Observation& change) {
  if (change.is(kinds::kService)) {
    enqueue(key_of(change.object()));
    return;
  }
  // Only what an endpoint shows matters: address, readiness, node, labels, leaving.
  const Json& pod = change.object();
  auto face = [](const Json& object) {
    const Json* status = find(object, "status");
    return std::tuple(string_at(object, "status", "podIP"), status && condition_is(*status, "Ready"),
                      is_deleting(object), string_at(object, "status", "phase"));
  };
  if (change.before && change.after && face(*change.before) == face(*change.after) &&
      (*change.before)["metadata"].value("labels", Json()) == (*change.after)["metadata"].value("labels", Json()))
    return;
  const std::string ns = namespace_of(pod);
  world_.server().store().scan(resource::kServices, ns, "", [&](const std::string&, const Object& service) {
    const Json* selector = find(*service, "spec", "selector");
    if (selects_map(selector, find(pod, "metadata", "labels")) ||
        (change.before && selects_map(selector, find(*change.before, "metadata", "labels"))))
      enqueue(key_of(*service));
    return true;
  });
}

Result<> EndpointController::reconcile(const Key& key) {
  auto object = world_.get(kinds::kService, key);
  if (!object) {
    auto removed = world_.remove(kinds::kEndpoints, key);
    return removed.ok() || removed.error().code == Code::not_found ? Result<>() : removed;
  }
  if (is_deleting(*object)) return {};
  const Json* selector = find(*object, "spec", "selector");
  if (!selector || selector->empty() || string_at(*object, "spec", "type") == "ExternalName") return {};
  std::vector<const PodInfo*> pods;
  world_.each_pod(key.ns, [&](const PodInfo& pod) {
    if (!pod.terminal() && selects_map(selector, pod.labels()) && !string_at(pod.status(), "podIP").empty())
      pods.push_back(&pod);
  });
  TRY(write_slices(*object, pods));
  return write_endpoints(*object, pods);
}

Result<> EndpointController::write_endpoints(const Json& service, const std::vector<const PodInfo*>& pods) {
  std::map<std::string, Json> subsets;  // by ports
  std::size_t count = 0;
  for (const PodInfo* pod : pods) {
    const bool usable = (pod->ready || publishes_unready(service)) && !pod->deleting;
    if (pod->deleting && !publishes_unready(service)) continue;
    if (++count > kMostInEndpoints) break;
    Json ports = ports_of(service, *pod);
    if (ports.empty() && !is_headless(service)) continue;
    for (auto& port : ports)
      if (port["name"] == "") port.erase("name");
    Json& subset = subsets[ports.dump()];
    Json address = {{"ip", string_at(pod->status(), "podIP")}, {"nodeName", pod->node}, {"targetRef", target_of(*pod)}};
    if (const auto hostname = hostname_in(service, *pod); !hostname.empty()) address["hostname"] = hostname;
    subset[usable ? "addresses" : "notReadyAddresses"].push_back(std::move(address));
    if (!ports.empty()) subset["ports"] = std::move(ports);
  }
  Json wanted = Json::array();
  for (auto& [ports, subset] : subsets) wanted.push_back(std::move(subset));
  Json labels = Json::object();
  if (const Json* own = find(service, "metadata", "labels"); own && own->is_object()) labels = *own;
  if (is_headless(service)) labels["service.kubernetes.io/headless"] = "";
  labels["endpoints.kubernetes.io/managed-by"] = "endpoint-controller";
  const Key key = key_of(service);
  auto current = world_.get(kinds::kEndpoints, key);
  Json object = current ? *current
                        : Json{{"apiVersion", "v1"},
                               {"kind", "Endpoints"},
                               {"metadata", {{"name", key.name}, {"namespace", key.ns}}}};
  const Json* had = find(object, "subsets");
  if (current && (had ? *had == wanted : wanted.empty()) && object["metadata"].value("labels", Json()) == labels)
    return {};
  object["metadata"]["labels"] = labels;
  if (wanted.empty())
    object.erase("subsets");
  else
    object["subsets"] = std::move(wanted);
  TRY(current ? world_.update(kinds::kEndpoints, std::move(object))
              : world_.create(kinds::kEndpoints, std::move(object)));
  return {};
}

Result<> EndpointController::write_slices(const Json& service, const std::vector<const PodInfo*>& pods) {
  struct Slice {
    Json ports;
    Json endpoints = Json::array();
  };
  std::map<std::string, std::vector<Slice>> wanted;  // by ports; each full slice starts another
  for (const PodInfo* pod : pods) {
    Json ports = ports_of(service, *pod);
    auto& slices = wanted[ports.dump()];
    if (slices.empty() || slices.back().endpoints.size() >= kMostPerSlice) slices.push_back({ports, Json::array()});
    const bool serving = pod->ready;
    Json endpoint = {
        {"addresses", Json::array({string_at(pod->status(), "podIP")})},
        {"conditions",
         {{"ready", (serving || publishes_unready(service)) && (!pod->deleting || publishes_unready(service))},
          {"serving", serving},
          {"terminating", pod->deleting}}},
        {"nodeName", pod->node},
        {"targetRef", target_of(*pod)}};
    if (auto node = world_.get(kinds::kNode, "", pod->node))
      if (const auto zone = label(*node, "topology.kubernetes.io/zone"); !zone.empty()) endpoint["zone"] = zone;
    if (const auto hostname = hostname_in(service, *pod); !hostname.empty()) endpoint["hostname"] = hostname;
    slices.back().endpoints.push_back(std::move(endpoint));
  }
  if (wanted.empty()) wanted["[]"].push_back({Json(), Json::array()});
  Json labels = Json::object();
  if (const Json* own = find(service, "metadata", "labels"); own && own->is_object()) labels = *own;
  if (is_headless(service)) labels["service.kubernetes.io/headless"] = "";
  labels["kubernetes.io/service-name"] = name_of(service);
  labels["endpointslice.kubernetes.io/managed-by"] = "endpointslice-controller.k8s.io";

  auto existing = world_.children(kinds::kEndpointSlice, uid_of(service));
  std::size_t reused = 0;
  for (auto& [ports, slices] : wanted)
    for (auto& slice : slices) {
      const bool known = reused < existing.size();
      Json object = known ? *existing[reused]
                          : Json{{"apiVersion", "discovery.k8s.io/v1"},
                                 {"kind", "EndpointSlice"},
                                 {"metadata",
                                  {{"generateName", fit_name(name_of(service), "-", 58)},
                                   {"namespace", namespace_of(service)},
                                   {"ownerReferences", Json::array({owner_ref(service, kinds::kService)})}}},
                                 {"addressType", "IPv4"}};
      const Json before = object;
      object["metadata"]["labels"] = labels;
      object["ports"] = slice.ports;
      if (object["ports"].is_null()) object.erase("ports");
      object["endpoints"] = std::move(slice.endpoints);
      if (!known || object != before)
        TRY(known ? world_.update(kinds::kEndpointSlice, std::move(object))
                  : world_.create(kinds::kEndpointSlice, std::move(object)));
      ++reused;
    }
  for (std::size_t i = reused; i < existing.size(); ++i)
    TRY(world_.remove(kinds::kEndpointSlice, key_of(*existing[i]), {uid_of(*existing[i]), "", {}}));
  return {};
}

LoadBalancerController::LoadBalancerController(World& world)
    : Controller(world, "loadbalancer", std::chrono::milliseconds(1500)) {
  world.attach(*this, {kinds::kService, kinds::kIngress});
}

void LoadBalancerController::observe(const Observation& change) {
  if (!change.after) {
    addresses_.erase(uid_of(*change.before));
    return;
  }
  // One queue for both kinds; the name says which.
  const Key key = key_of(*change.after);
  enqueue({key.ns, (change.is(kinds::kService) ? "s/" : "i/") + key.name});
}

Result<> LoadBalancerController::reconcile(const Key& key) {
  return assign(key.name[0] == 's' ? kinds::kService : kinds::kIngress, {key.ns, key.name.substr(2)});
}

Result<> LoadBalancerController::assign(const Kind& kind, const Key& key) {
  auto object = world_.get(kind, key);
  if (!object || is_deleting(*object)) return {};
  const bool service = kind == kinds::kService;
  const Json* current = find(*object, "status", "loadBalancer", "ingress");
  const bool wants = !service || string_at(*object, "spec", "type") == "LoadBalancer";
  if (wants == (current && !current->empty())) return {};
  Json edited = *object;
  if (wants) {
    // TEST-NET-3 and then the benchmarking range: addresses that are nobody's.
    auto& address = addresses_[uid_of(*object)];
    if (address.empty()) {
      address = next_ < 255 ? fmt::format("203.0.113.{}", next_) : fmt::format("198.18.{}.{}", next_ >> 8, next_ & 255);
      ++next_;
    }
    Json entry = {{"ip", address}};
    if (service) entry["ipMode"] = "VIP";
    edited["status"]["loadBalancer"] = {{"ingress", Json::array({entry})}};
    world_.record(*object, kind, false, service ? "EnsuredLoadBalancer" : "Sync",
                  service ? "Ensured load balancer" : "Scheduled for sync",
                  service ? "service-controller" : "ingress-controller");
  } else {
    edited["status"]["loadBalancer"] = Json::object();
  }
  TRY(world_.update_status(kind, std::move(edited)));
  return {};
}

}  // namespace nautilus::sim
