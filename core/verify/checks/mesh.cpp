// mesh.*: who talks to whom is encrypted and known, in every namespace that is in the mesh, and who is not says why.
#include <fmt/format.h>

#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

constexpr std::string_view kOutside = "nautilus.trading.com/outside-mesh";  // on a Namespace: the reason
constexpr std::string_view kPlaintext =
    "nautilus.trading.com/plaintext-";  // on a PeerAuthentication: the reason, by port

void mtls(const Input& input, Answer& answer) {
  if (!input.platform.has_mesh()) return;
  for (const Json* space : input.platform.of_kind("Namespace")) {
    const std::string name = name_of(*space);
    if (!input.platform.in_mesh(name)) continue;
    bool strict = false;
    for (const Json* rule : input.platform.of_kind("PeerAuthentication")) {
      if (namespace_of(*rule) != name) continue;
      const std::string mode = value::string_at(*rule, "spec", "mtls", "mode");
      const bool whole = !value::find(*rule, "spec", "selector");
      if (whole) {
        answer.read(where(*rule, "spec.mtls.mode"), mode.empty() ? "UNSET" : mode);
        strict = strict || mode == "STRICT";
      } else if (!mode.empty() && mode != "STRICT") {
        answer.fails(
            fmt::format("takes {} for the pods it selects", mode == "DISABLE" ? "clear text only" : "clear text too"),
            where(*rule, "spec.mtls.mode"));
      }
      const Json* ports = value::find(*rule, "spec", "portLevelMtls");
      if (!ports || !ports->is_object()) continue;
      for (const auto& [port, setting] : ports->items()) {
        const std::string level = value::string_at(setting, "mode");
        if (level == "STRICT") continue;
        const std::string reason = value::string_at(*rule, "metadata", "annotations", std::string(kPlaintext) + port);
        const std::string place = where(*rule, "spec.portLevelMtls." + port);
        answer.read(place, level, reason.empty() ? "no reason given" : reason);
        answer.judge(!reason.empty(),
                     reason.empty() ? "takes clear text and does not say why" : "takes clear text, and says why",
                     place);
      }
    }
    answer.judge(strict,
                 strict ? "STRICT: only who shows a certificate of the mesh gets in"
                        : "no STRICT PeerAuthentication for the whole namespace",
                 "Namespace " + name);
  }
  for (const Json* rule : input.platform.of_kind("DestinationRule")) {
    const std::string mode = value::string_at(*rule, "spec", "trafficPolicy", "tls", "mode");
    const std::string host = value::string_at(*rule, "spec", "host");
    if (mode == "DISABLE" && host.find(".svc.") != std::string::npos)
      answer.fails("turns encryption off towards " + host, where(*rule, "spec.trafficPolicy.tls.mode"));
  }
}

void authorization(const Input& input, Answer& answer) {
  if (!input.platform.has_mesh()) return;
  for (const Json* space : input.platform.of_kind("Namespace")) {
    const std::string name = name_of(*space);
    if (!input.platform.in_mesh(name)) continue;
    bool denies = false;
    for (const Json* rule : input.platform.of_kind("AuthorizationPolicy")) {
      if (namespace_of(*rule) != name) continue;
      const Json* spec = value::find(*rule, "spec");
      // An ALLOW policy without rules matches nothing, so with it nothing is allowed that another does not allow.
      const bool empty = !spec || spec->is_null() ||
                         (!spec->contains("rules") && !spec->contains("selector") &&
                          value::string_at(*spec, "action") != "DENY" && value::string_at(*spec, "action") != "AUDIT");
      if (empty) {
        denies = true;
        answer.read(where(*rule, "spec"), "no rules", "nothing is allowed that no other policy allows");
      } else if (spec->contains("rules") && (*spec)["rules"].is_array()) {
        for (const Json& one : (*spec)["rules"])
          if (one.is_object() && one.empty()) answer.fails("has a rule that allows everybody everything", id_of(*rule));
      }
    }
    answer.judge(denies, denies ? "denies by default" : "no AuthorizationPolicy denies by default",
                 "Namespace " + name);
  }
}

void coverage(const Input& input, Answer& answer) {
  if (!input.platform.has_mesh()) return;
  std::map<std::string, int> sets;
  for (const PodSet& set : input.platform.pods()) ++sets[set.namespace_];
  for (const auto& [space, count] : sets) {
    if (input.platform.in_mesh(space)) {
      answer.holds(fmt::format("{} sets of pods are in the mesh", count), "Namespace " + space);
      continue;
    }
    const Json* object = input.platform.find("Namespace", "", space);
    const std::string reason = object ? value::string_at(*object, "metadata", "annotations", kOutside) : std::string();
    answer.read(object ? where(*object, "metadata.annotations[" + std::string(kOutside) + "]") : "Namespace " + space,
                reason.empty() ? "absent" : reason);
    answer.judge(!reason.empty(),
                 reason.empty() ? fmt::format("{} sets of pods are outside the mesh, and nothing says why", count)
                                : fmt::format("{} sets of pods are outside the mesh, and it says why", count),
                 "Namespace " + space);
  }
  for (const PodSet& set : input.platform.pods())
    if (input.platform.in_mesh(set.namespace_) && !input.platform.in_mesh(set))
      answer.fails("turns its sidecar off", set.id);
}

// Hosts that an Ingress, a Gateway or an HTTPRoute publishes, each with the first object that does.
void one_edge(const Input& input, Answer& answer) {
  std::map<std::string, std::string> hosts;
  const auto publish = [&](const Json* list, const char* field, const Json& object) {
    if (!list || !list->is_array()) return;
    for (const Json& one : *list) {
      std::string host = field ? value::string_at(one, field) : one.is_string() ? one.get<std::string>() : "";
      if (const auto slash = host.find('/'); slash != std::string::npos) host = host.substr(slash + 1);
      if (host.empty() || host == "*") continue;
      const auto [found, fresh] = hosts.emplace(host, id_of(object));
      // Several objects of one kind share a host by path; two kinds are two edges.
      const auto kind = [](const std::string& id) { return id.substr(0, id.find(' ')); };
      if (!fresh && (kind(found->second) == "Ingress") != (value::string_at(object, "kind") == "Ingress"))
        answer.fails(
            fmt::format("{} is published by {} and by {}: two edges for one name", host, found->second, id_of(object)),
            id_of(object));
    }
  };
  for (const Json* object : input.platform.of_kind("Ingress")) {
    publish(value::find(*object, "spec", "rules"), "host", *object);
    if (input.platform.in_mesh(namespace_of(*object)))
      answer.fails(
          "leads into a namespace of the mesh past its gateway: a controller without a sidecar is reset by STRICT, one "
          "with a sidecar loses the Host",
          id_of(*object));
  }
  for (const Json* object : input.platform.of_kind("Gateway"))
    if (const Json* servers = value::find(*object, "spec", "servers"); servers && servers->is_array())
      for (const Json& server : *servers)
        if (value::string_at(server, "tls", "mode") != "ISTIO_MUTUAL")
          publish(value::find(server, "hosts"), nullptr, *object);
  for (const Json* object : input.platform.of_kind("HTTPRoute"))
    publish(value::find(*object, "spec", "hostnames"), nullptr, *object);
  for (const auto& [host, object] : hosts) answer.holds(fmt::format("{} is published by {}", host, object));
}

constexpr Check kChecks[] = {
    {"mesh.mtls", "Within the mesh only mutual TLS is taken; each port that also takes clear text says why.",
     "Each namespace in the mesh has a STRICT PeerAuthentication for all its pods; narrower modes and ports carry a "
     "reason; no DestinationRule turns TLS off.",
     "One PERMISSIVE namespace is where an intruder talks to the rest.",
     "mesh.peerAuthentication STRICT; annotate the port with its reason.", "16", mtls},
    {"mesh.authorization", "Within the mesh nobody may call anybody whom no rule names.",
     "Each namespace in the mesh has an AuthorizationPolicy without rules; no rule is empty.",
     "Encryption alone says nothing about who may ask.", "Render the mesh's deny-by-default policy.", "25",
     authorization},
    {"mesh.one-edge", "Every public name has one edge, and it belongs to the mesh that it leads into.",
     "Hosts of Ingresses against those of Gateways and HTTPRoutes; no Ingress leads into a namespace of the mesh.",
     "An NGINX outside of the mesh in front of STRICT mTLS gets its connections reset, and the ways around that break "
     "the Host.",
     "global.edge.kind istio or gateway-api with the mesh; nginx without it.", "16, 18", one_edge},
    {"mesh.coverage", "Every namespace with pods is in the mesh, or says why not.",
     "Namespaces with the injection label, against those with pods; a reason is the annotation "
     "nautilus.trading.com/outside-mesh.",
     "Traffic of a namespace outside the mesh is clear text.",
     "Put it into global.mesh.namespaces, or annotate it with the reason.", "16", coverage},
};

}  // namespace

std::span<const Check> mesh_checks() { return kChecks; }

}  // namespace nautilus::verify
