// network.*: every declared flow is open at both ends, and nothing else is.
//
// Pairs of sets are looked at once for each rule, port and peer.
#include <fmt/format.h>

#include <set>

#include "core/verify/network.h"
#include "core/verify/settings.h"
#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

constexpr int kDns = 53;
constexpr int kControlPlane = 15012;

const Json kNothing = Json::array();

const Json& list_of(const Json& object, const char* field) {
  const Json* found = value::find(object, field);
  return found && found->is_array() ? *found : kNothing;
}

std::string peer_text(const Json& peer) {
  std::string text;
  for (const char* part : {"namespaceSelector", "podSelector"})
    if (const Json* labels = value::find(peer, part, "matchLabels"); labels && labels->is_object())
      for (const auto& [key, value] : labels->items())
        if (key != "app.kubernetes.io/part-of") text += (text.empty() ? "" : ", ") + scalar(&value);
  return text.empty() ? "everybody" : text;
}

bool names_pods(const Json& peer) {
  const Json* labels = value::find(peer, "podSelector", "matchLabels");
  return labels && labels->is_object() && !labels->empty();
}

// The namespace that a peer names by its name, or the policy's own.
std::string space_of(const Json& peer, const std::string& own) {
  if (!value::find(peer, "namespaceSelector")) return own;
  return value::string_at(peer, "namespaceSelector", "matchLabels", "kubernetes.io/metadata.name");
}

// One direction of one policy: each port of each peer must be met by the other side.
void judge_half(const Network& network, const Policy& policy, bool out, std::set<std::string>& outside, int& whole,
                Answer& answer) {
  for (const Json& rule : out ? *policy.egress : *policy.ingress)
    for (const Json& peer : list_of(rule, out ? "to" : "from")) {
      if (value::find(peer, "ipBlock")) continue;
      const std::string space = space_of(peer, policy.space);
      std::vector<const PodSet*> others;
      for (const PodSet& set : network.platform.pods())
        if (network.peer_is(peer, policy.space, set)) others.push_back(&set);
      if (others.empty()) {
        const bool ours = !space.empty() && network.platform.has_namespace(space);
        if (ours && names_pods(peer) && !policy.pods.empty())
          answer.fails(fmt::format("{} {}, and there is no such pod in {}", out ? "opens the way to" : "lets in",
                                   peer_text(peer), space),
                       policy.id);
        else
          outside.insert(peer_text(peer));
        continue;
      }
      for (const Json& port : list_of(rule, "ports")) {
        if (value::string_at(port, "protocol") == "UDP") continue;
        int met = 0, candidates = 0;
        std::string half;
        for (const PodSet* mine : policy.pods)
          for (const PodSet* other : others) {
            const PodSet& source = out ? *mine : *other;
            const PodSet& target = out ? *other : *mine;
            std::vector<int> numbers;
            for (const Port& own : target.ports)
              if (Network::port_is(port, own.number, target)) numbers.push_back(own.number);
            if (target.ports.empty() && value::find(port, "port") && value::find(port, "port")->is_number_integer())
              numbers.push_back(value::find(port, "port")->get<int>());
            for (const int number : numbers) {
              ++candidates;
              if (out ? network.enters(source, target, number) : network.leaves(source, target, number))
                ++met;
              else if (half.empty())
                half = fmt::format("{} to {} port {}", source.id, target.id, number);
            }
          }
        const std::string number = scalar(value::find(port, "port"));
        const std::string flow = fmt::format("{} {} {}", out ? "to" : "from", peer_text(peer), number);
        // A peer that names pods means all of them; one that names a namespace means whoever is there.
        if (candidates == 0) {
          if (names_pods(peer) && !policy.pods.empty())
            answer.fails(fmt::format("{}: no container has that port", flow), policy.id);
        } else if (met == 0 || (names_pods(peer) && !half.empty())) {
          answer.fails(fmt::format("{}: {} is {} here and {} there", flow, half, out ? "let out" : "let in",
                                   out ? "not let in" : "not let out"),
                       policy.id);
        } else {
          ++whole;
        }
      }
    }
}

void flows(const Input& input, Answer& answer) {
  const Network network(input.platform);
  if (network.policies.empty()) return;
  std::set<std::string> outside;
  int whole = 0;
  for (const Policy& policy : network.policies) {
    judge_half(network, policy, true, outside, whole, answer);
    judge_half(network, policy, false, outside, whole, answer);
  }
  answer.step(
      fmt::format("{} policies, {} openings between pods that have their other half", network.policies.size(), whole));
  for (const std::string& who : outside) answer.note("not rendered here, so its own side is not known: " + who);
  // What Services promise: a pod that is told a name of a Service in its configuration is its client. Policies name
  // those.
  if (whole > 0) answer.holds(fmt::format("{} openings are open at both ends", whole));
}

void default_deny(const Input& input, Answer& answer) {
  std::set<std::string> spaces;
  for (const PodSet& set : input.platform.pods()) spaces.insert(set.namespace_);
  for (const Json* space : input.platform.of_kind("Namespace")) spaces.insert(name_of(*space));
  for (const std::string& space : spaces) {
    bool in = false, out = false;
    std::string id;
    for (const Json* policy : input.platform.of_kind("NetworkPolicy")) {
      if (namespace_of(*policy) != space) continue;
      const Json* selector = value::find(*policy, "spec", "podSelector");
      const bool all = selector && selector->is_object() && selector->empty();
      if (!all || !list_of((*policy)["spec"], "ingress").empty() || !list_of((*policy)["spec"], "egress").empty())
        continue;
      for (const Json& type : list_of((*policy)["spec"], "policyTypes")) {
        in = in || type == "Ingress";
        out = out || type == "Egress";
        id = id_of(*policy);
      }
    }
    if (in && out)
      answer.holds(id + " denies both directions to every pod", "Namespace " + space);
    else
      answer.fails(fmt::format("no policy denies {} to all its pods", in    ? "egress"
                                                                      : out ? "ingress"
                                                                            : "anything"),
                   "Namespace " + space);
  }
}

// Whoever is denied everything still has to ask for names, and a sidecar for its certificate.
void essential(const Input& input, Answer& answer, int port, bool udp, const char* what,
               bool (*concerns)(const Platform&, const PodSet&)) {
  const Network network(input.platform);
  if (network.policies.empty()) return;
  std::map<std::string, int> fine;
  for (const PodSet& set : input.platform.pods()) {
    if (!concerns(input.platform, set)) continue;
    bool ruled = false, tcp_open = false, udp_open = !udp;
    if (const auto found = network.of.find(&set); found != network.of.end())
      for (const Policy* policy : found->second) {
        if (!policy->rules_out) continue;
        ruled = true;
        for (const Json& rule : *policy->egress) {
          const Json& ports = list_of(rule, "ports");
          if (ports.empty()) tcp_open = udp_open = true;
          for (const Json& one : ports) {
            if (value::int_at(one, 0, "port") != port) continue;
            (value::string_at(one, "protocol") == "UDP" ? udp_open : tcp_open) = true;
          }
        }
      }
    if (!ruled || (tcp_open && udp_open))
      ++fine[set.namespace_];
    else
      answer.fails(fmt::format("cannot reach {} (port {}{})", what, port,
                               tcp_open          ? ", UDP"
                               : udp_open && udp ? ", TCP"
                                                 : ""),
                   set.id);
  }
  for (const auto& [space, count] : fine)
    answer.holds(fmt::format("{} sets of pods reach {}", count, what), "Namespace " + space);
}

void dns(const Input& input, Answer& answer) {
  essential(input, answer, kDns, true, "DNS", [](const Platform&, const PodSet&) { return true; });
}

void control_plane(const Input& input, Answer& answer) {
  if (!input.platform.has_mesh()) return;
  essential(input, answer, kControlPlane, false, "istiod",
            [](const Platform& platform, const PodSet& set) { return platform.in_mesh(set); });
}

bool published(const Platform& platform, const PodSet& set) {
  for (const Json* service : platform.of_kind("Service")) {
    const std::string type = value::string_at(*service, "spec", "type");
    if ((type == "LoadBalancer" || type == "NodePort") && namespace_of(*service) == set.namespace_ &&
        matches(value::find(*service, "spec", "selector"), set.labels))
      return true;
  }
  return false;
}

bool everywhere(const Json& peer) {
  const std::string cidr = value::string_at(peer, "ipBlock", "cidr");
  return cidr == "0.0.0.0/0" || cidr == "::/0";
}

bool spares_metadata(const Json& peer) {
  const Json* except = value::find(peer, "ipBlock", "except");
  if (!except || !except->is_array()) return false;
  for (const Json& cidr : *except)
    if (cidr == "169.254.0.0/16" || cidr == "169.254.169.254/32" || cidr == "fe80::/10") return true;
  return false;
}

void exposure(const Input& input, Answer& answer) {
  const Network network(input.platform);
  if (network.policies.empty()) return;
  int rules = 0;
  for (const PodSet& set : input.platform.pods()) {
    bool in = false, out = false;
    if (const auto found = network.of.find(&set); found != network.of.end())
      for (const Policy* policy : found->second) {
        in = in || policy->rules_in;
        out = out || policy->rules_out;
      }
    if (!in || !out)
      answer.fails(fmt::format("no policy rules its {}", !in && !out ? "traffic" : in ? "egress" : "ingress"), set.id);
  }
  for (const Policy& policy : network.policies) {
    bool edge = !policy.pods.empty();
    for (const PodSet* set : policy.pods) edge = edge && published(input.platform, *set);
    for (const bool out : {false, true})
      for (const Json& rule : out ? *policy.egress : *policy.ingress) {
        ++rules;
        const Json& peers = list_of(rule, out ? "to" : "from");
        const Json& ports = list_of(rule, "ports");
        const char* side = out ? "egress" : "ingress";
        if (ports.empty()) answer.fails(fmt::format("{} on every port", side), policy.id);
        if (peers.empty()) {
          if (!out && edge)
            answer.note(policy.id + " lets everybody in: its pods are behind a load balancer");
          else
            answer.fails(fmt::format("{} {} everybody", side, out ? "to" : "from"), policy.id);
        }
        for (const Json& peer : peers) {
          if (!everywhere(peer)) continue;
          if (!out && !edge) answer.fails("ingress from every address", policy.id);
          if (!out) continue;
          if (!spares_metadata(peer))
            answer.fails("egress to every address, with it the cloud's metadata service (169.254.169.254)", policy.id);
          else {
            std::string numbers;
            for (const Json& port : ports) numbers += (numbers.empty() ? "" : ", ") + scalar(value::find(port, "port"));
            answer.note(fmt::format("{} lets out to the internet on {}", policy.id, numbers));
          }
        }
      }
  }
  if (rules > 0)
    answer.holds(
        fmt::format("{} rules name their ports and their peers, and every pod is ruled in both directions", rules));
}

constexpr Check kChecks[] = {
    {"network.default-deny", "In every namespace, what nobody allowed is denied.",
     "Each namespace that is rendered or has pods has a policy without rules that selects all pods, for ingress and "
     "egress.",
     "A pod that no policy selects may talk to anybody.", "Render foundation's default-deny for the namespace.", "25",
     default_deny},
    {"network.flows", "Every flow that is allowed at one end is allowed at the other.",
     "Each peer and port of each NetworkPolicy: pods that it names have to exist, to have the port, and to allow the "
     "same flow at their side.",
     "Half an opening is none: it fails at the first connection, on a day when nobody remembers the policy.",
     "List the flow in the networkPolicy of both components.", "25", flows},
    {"network.dns", "Everybody can ask for names.", "Each set of pods has egress to port 53, UDP and TCP.",
     "The guide's deny-all forgets it, and then nothing finds anything.", "foundation's allow-dns in that namespace.",
     "25", dns},
    {"network.control-plane", "Every sidecar can reach istiod.",
     "Each set of pods in the mesh has egress to port 15012.",
     "Without its certificate a sidecar admits nobody, and the pod is never ready.",
     "mesh's allow-mesh in that namespace.", "25", control_plane},
    {"network.exposure", "Nothing is open that nobody asked for.",
     "Every pod is ruled in both directions; every rule names ports and peers, except at pods behind a load balancer; "
     "what may reach every address leaves out the metadata service.",
     "Venues, KMS and stores are addresses: a policy that allows the internet allows exfiltration.",
     "Name the peers; go through the egress gateway.", "25, 34", exposure},
};

}  // namespace

std::span<const Check> network_checks() { return kChecks; }

}  // namespace nautilus::verify
