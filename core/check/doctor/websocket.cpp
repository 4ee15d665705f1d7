// websocket.ingress-without-backend, websocket.idle-timeout, websocket.no-sticky-sessions, websocket.gateway-without-pods:
// the way of a connection that lives for hours.
#include <fmt/format.h>

#include <set>

#include "core/check/doctor/doctor.h"
#include "core/check/doctor/services.h"
#include "core/status/rules.h"
#include "core/verify/settings.h"

namespace nautilus::check {

namespace {

constexpr std::int64_t kIdleSeconds = 300;      // the server pings every 20 s; a proxy that sees less gives up early
constexpr std::int64_t kNginxDefault = 60;      // proxy_read_timeout

// "nautilus-websocket", "nautilus-websocket.ns", "nautilus-websocket.ns.svc.cluster.local" -> the Service.
const Json* service_of(const Facts& facts, std::string_view own_namespace, std::string_view host) {
  const auto dot = host.find('.');
  std::string_view space = own_namespace;
  if (dot != std::string_view::npos) {
    space = host.substr(dot + 1);
    space = space.substr(0, space.find('.'));
  }
  return facts.snapshot.find(source::kServices, space, host.substr(0, dot));
}

// ---- backends

struct Backend {
  std::string service;
  const Json* port = nullptr;
};

void judge_backend(const Facts& facts, Outcome& outcome, const Json& route, const std::string& space,
                   const Backend& backend) {
  if (backend.service.empty()) return;
  const Json* service = facts.snapshot.find(source::kServices, space, backend.service);
  if (!service) {
    outcome.fail(id_of(route), fmt::format("leads to Service {}/{}, which does not exist", space, backend.service),
                 "correct the name, or deploy the environment again if the Service was removed", describe(route));
  } else if (backend.port && !has_port(*service, *backend.port)) {
    outcome.fail(id_of(route),
                 fmt::format("leads to port {} of Service {}/{}, which it does not have",
                             verify::scalar(backend.port), space, backend.service),
                 "name one of the Service's ports", describe(*service));
  }
}

void backends(const Facts& facts, Outcome& outcome) {
  std::size_t routes = 0;
  std::set<std::string> classes;
  for (const Json& one : facts.snapshot.all(source::kIngressClasses)) classes.insert(name_of(one));
  for (const Json* ingress : facts.snapshot.ours(source::kIngresses)) {
    ++routes;
    const std::string space = namespace_of(*ingress);
    for (const Json& rule : items(*ingress, "spec", "rules"))
      for (const Json& path : items(rule, "http", "paths")) {
        const Json* service = value::find(path, "backend", "service");
        if (!service) continue;
        const Json* port = value::find(*service, "port", "number");
        if (!port) port = value::find(*service, "port", "name");
        judge_backend(facts, outcome, *ingress, space, {value::string_at(*service, "name"), port});
      }
    const std::string wanted = value::string_at(*ingress, "spec", "ingressClassName");
    if (!wanted.empty() && !classes.contains(wanted) && facts.snapshot.read(source::kIngressClasses))
      outcome.fail(id_of(*ingress), fmt::format("its class {} does not exist, so no controller serves it", wanted),
                   "install the ingress controller, or name the class of the one that is there",
                   "kubectl get ingressclass");
  }
  for (const Json* route : facts.snapshot.ours(source::kVirtualServices))
    for (const Json& http : items(*route, "spec", "http"))
      for (const Json& to : items(http, "route")) {
        ++routes;
        const std::string host = value::string_at(to, "destination", "host");
        // Names with a dot may be outside the cluster; those of ours end in .svc.<domain>.
        if (host.find('.') != std::string::npos && host.find(".svc") == std::string::npos) continue;
        if (!service_of(facts, namespace_of(*route), host))
          outcome.fail(id_of(*route), fmt::format("leads to {}, which is no Service", host),
                       "correct the host, or deploy the environment again", describe(*route));
      }
  for (const Json* route : facts.snapshot.ours(source::kHttpRoutes))
    for (const Json& rule : items(*route, "spec", "rules"))
      for (const Json& to : items(rule, "backendRefs")) {
        ++routes;
        const std::string kind = value::string_at(to, "kind");
        if (!kind.empty() && kind != "Service") continue;
        std::string space = value::string_at(to, "namespace");
        judge_backend(facts, outcome, *route, space.empty() ? namespace_of(*route) : space,
                      {value::string_at(to, "name"), value::find(to, "port")});
      }
  if (routes == 0)
    outcome.not_applicable("the platform has no Ingress, VirtualService or HTTPRoute");
  else
    outcome.note(fmt::format("{} routes", routes));
}

// ---- timeouts

void ingress_timeout(const Facts& facts, Outcome& outcome, const Json& ingress, const Json& service) {
  const auto annotation = [&](const char* name) { return value::string_at(ingress, "metadata", "annotations", name); };
  std::string said = annotation("nginx.org/proxy-read-timeout");
  const bool retired = !annotation("nginx.ingress.kubernetes.io/proxy-read-timeout").empty();
  if (said.empty()) said = annotation("nginx.ingress.kubernetes.io/proxy-read-timeout");
  const auto idle = said.empty() ? std::optional<std::int64_t>(kNginxDefault) : verify::seconds(said);
  if (!idle || *idle < kIdleSeconds)
    outcome.warn(id_of(ingress),
                 said.empty() ? fmt::format("no proxy-read-timeout: nginx cuts after {} s without a byte", kNginxDefault)
                              : fmt::format("proxy-read-timeout {}", said),
                 "say an hour (edge.routes[websocket].idleSeconds) and deploy", describe(ingress));
  const std::string upgraded = annotation("nginx.org/websocket-services");
  if (!retired && upgraded.find(name_of(service)) == std::string::npos)
    outcome.fail(id_of(ingress), fmt::format("nginx.org/websocket-services is {:?}: the upgrade to {} is not passed on",
                                             upgraded, name_of(service)),
                 "deploy the environment again; the annotation belongs to the route", describe(ingress));
  (void)facts;
}

void timeouts(const Facts& facts, Outcome& outcome) {
  std::size_t routes = 0;
  for (const Json* ingress : facts.snapshot.ours(source::kIngresses))
    for (const Json& rule : items(*ingress, "spec", "rules"))
      for (const Json& path : items(rule, "http", "paths")) {
        const Json* service = facts.snapshot.find(source::kServices, namespace_of(*ingress),
                                                  value::string_at(path, "backend", "service", "name"));
        if (!service || !is_websocket(*service)) continue;
        ++routes;
        ingress_timeout(facts, outcome, *ingress, *service);
      }
  for (const Json* route : facts.snapshot.ours(source::kVirtualServices))
    for (const Json& http : items(*route, "spec", "http"))
      for (const Json& to : items(http, "route")) {
        const Json* service = service_of(facts, namespace_of(*route), value::string_at(to, "destination", "host"));
        if (!service || !is_websocket(*service)) continue;
        ++routes;
        if (const std::string limit = value::string_at(http, "timeout"); !limit.empty() && limit != "0s") {
          outcome.fail(id_of(*route), "timeout " + limit + ": every connection ends after that",
                       "a route of WebSockets has no timeout (edge.routes[websocket].requestSeconds: 0)",
                       describe(*route));
          break;
        }
      }
  for (const Json* rule : facts.snapshot.ours(source::kDestinationRules)) {
    const Json* service = service_of(facts, namespace_of(*rule), value::string_at(*rule, "spec", "host"));
    if (!service || !is_websocket(*service)) continue;
    ++routes;
    const std::string idle = value::string_at(*rule, "spec", "trafficPolicy", "connectionPool", "http", "idleTimeout");
    const auto seconds = verify::seconds(idle);
    if (!idle.empty() && (!seconds || *seconds < kIdleSeconds))
      outcome.warn(id_of(*rule), "idleTimeout " + idle, "say an hour (mesh.destinations) and deploy", describe(*rule));
  }
  for (const Json* route : facts.snapshot.ours(source::kHttpRoutes))
    for (const Json& rule : items(*route, "spec", "rules"))
      for (const Json& to : items(rule, "backendRefs")) {
        const Json* service =
            facts.snapshot.find(source::kServices, namespace_of(*route), value::string_at(to, "name"));
        if (!service || !is_websocket(*service)) continue;
        ++routes;
        const std::string limit = value::string_at(rule, "timeouts", "request");
        if (!limit.empty() && limit != "0s") {
          outcome.fail(id_of(*route), "timeouts.request " + limit + ": every connection ends after that",
                       "a route of WebSockets has no timeout (0s)", describe(*route));
          break;
        }
      }
  if (routes == 0)
    outcome.not_applicable("no route leads to a Service with a WebSocket port");
  else
    outcome.note(fmt::format("{} routes of WebSockets", routes));
}

// ---- sticky sessions

void sticky(const Facts& facts, Outcome& outcome) {
  std::size_t looked_at = 0;
  std::set<std::string> told;
  for (const Json* route : facts.snapshot.ours(source::kVirtualServices))
    for (const Json& http : items(*route, "spec", "http"))
      for (const Json& to : items(http, "route")) {
        const Json* service = service_of(facts, namespace_of(*route), value::string_at(to, "destination", "host"));
        if (!service || !is_websocket(*service) || !told.insert(id_of(*service)).second) continue;
        ++looked_at;
        const Json* rule = nullptr;
        for (const Json* one : facts.snapshot.ours(source::kDestinationRules))
          if (service_of(facts, namespace_of(*one), value::string_at(*one, "spec", "host")) == service) rule = one;
        if (rule && value::find(*rule, "spec", "trafficPolicy", "loadBalancer", "consistentHash")) continue;
        outcome.warn(rule ? id_of(*rule) : id_of(*service),
                     rule ? "no trafficPolicy.loadBalancer.consistentHash: a client that comes back meets another pod"
                          : "no DestinationRule: a client that comes back meets another pod",
                     "sessions resume on the pod they were on, and a canary must not see half of one: say "
                     "mesh.destinations[].sticky and deploy",
                     rule ? describe(*rule) : describe(*service));
      }
  if (looked_at == 0) outcome.not_applicable("no VirtualService leads to WebSockets; without the mesh there is one track");
}

// ---- gateways

void gateways(const Facts& facts, Outcome& outcome) {
  std::size_t looked_at = 0;
  for (const Json* gateway : facts.snapshot.ours(source::kIstioGateways)) {
    ++looked_at;
    const Json* selector = value::find(*gateway, "spec", "selector");
    std::size_t pods = 0, ready = 0;
    // Its pods may be in any namespace.
    for (const Json& pod : facts.snapshot.all(source::kPods)) {
      verify::Labels labels;
      if (const Json* said = value::find(pod, "metadata", "labels"); said && said->is_object())
        for (const auto& [key, value] : said->items())
          if (value.is_string()) labels.emplace(key, value.get_ref<const std::string&>());
      if (!verify::matches(selector, labels)) continue;
      ++pods;
      ready += status::condition_status(pod, "Ready") == "True" ? 1 : 0;
    }
    if (ready == 0)
      outcome.fail(id_of(*gateway),
                   pods == 0 ? "its selector fits no pod" : fmt::format("none of its {} pods is ready", pods),
                   "the gateway's Deployment is missing, has other labels or does not start: see its namespace",
                   describe(*gateway));
  }
  for (const Json* gateway : facts.snapshot.ours(source::kGateways)) {
    ++looked_at;
    for (const char* type : {"Accepted", "Programmed"}) {
      const Json* condition = status::condition(*gateway, type);
      if (condition && value::string_at(*condition, "status") != "False") continue;
      outcome.fail(id_of(*gateway),
                   condition ? fmt::format("{} is False: {}", type, value::string_at(*condition, "message"))
                             : fmt::format("no condition {}: no controller has taken it", type),
                   "look at its class and at the controller that implements it", describe(*gateway));
      break;
    }
  }
  if (looked_at == 0) outcome.not_applicable("the platform has no Gateway");
}

}  // namespace

std::vector<Check> websocket_checks() {
  using How = Need::How;
  return {{{"websocket.ingress-without-backend", "Every route of the edge leads to a Service that exists.",
            "Ingresses, VirtualServices and HTTPRoutes of the platform: the Service and the port that each names; of an "
            "Ingress its class too. Whether a pod is behind it: *.service-without-endpoints.",
            "Deploy again if somebody changed a route or removed a Service by hand; install the controller if the class "
            "is missing.",
            "websocket.ingress-without-backend"},
           {{&source::kServices},
            {&source::kIngresses},
            {&source::kIngressClasses, How::evidence},
            {&source::kVirtualServices, How::evidence},
            {&source::kHttpRoutes, How::evidence}},
           backends},
          {{"websocket.idle-timeout", "Nothing on the way cuts a WebSocket that is idle or long.",
            "Routes to a Service with a WebSocket port. nginx: proxy-read-timeout (60 s unless said) and the annotation "
            "that passes the upgrade on. Istio: a timeout of the VirtualService, idleTimeout of the DestinationRule. "
            "Gateway API: timeouts.request. Under five minutes is told.",
            "All clients lost at the same age: a timeout of the request. Idle ones after a round number of seconds: an "
            "idle timeout. Load balancers outside the cluster have one of their own.",
            "NautilusWebSocketDrop"},
           {{&source::kServices},
            {&source::kIngresses},
            {&source::kVirtualServices, How::evidence},
            {&source::kDestinationRules, How::evidence},
            {&source::kHttpRoutes, How::evidence}},
           timeouts},
          {{"websocket.no-sticky-sessions", "A client that reconnects meets the pod it was on.",
            "With the mesh: whether the DestinationRule of a WebSocket's Service balances by a consistent hash.",
            "Say mesh.destinations[].sticky and deploy; while it is missing keep canary weights at 0 or 100.",
            "NautilusWebSocketDrop"},
           {{&source::kServices}, {&source::kVirtualServices}, {&source::kDestinationRules}},
           sticky},
          {{"websocket.gateway-without-pods", "The gateway has pods that are ready.",
            "Istio: pods, in any namespace, that the Gateway's selector fits. Gateway API: the conditions Accepted and "
            "Programmed.",
            "Look at the gateway's Deployment; with the Gateway API at the controller of its class.",
            "websocket.ingress-without-backend"},
           {{&source::kPods}, {&source::kIstioGateways, How::evidence}, {&source::kGateways, How::evidence}},
           gateways}};
}

}  // namespace nautilus::check
