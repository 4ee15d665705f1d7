// Network policies and the mesh.
#include "tests/unit/core/verify/judge.h"

using namespace nautilus;
using namespace nautilus::verify;
using namespace nautilus::verify::testing;

namespace {

std::string pods(const std::string& name, int port, const std::string& space = "t") {
  return "\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name + ", namespace: " + space +
         "}\nspec: {template: {metadata: {labels: {app: " + name +
         "}}, spec: {containers: [{name: c, ports: [{name: main, containerPort: " + std::to_string(port) + "}]}]}}}\n";
}

std::string policy(const std::string& name, const std::string& selector, const std::string& spec,
                   const std::string& space = "t") {
  return "\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " + name +
         ", namespace: " + space + "}\nspec: {podSelector: {" + selector + "}, policyTypes: [Ingress, Egress]" +
         (spec.empty() ? "" : ", ") + spec + "}\n";
}

std::string space(const std::string& name, const std::string& more = "") {
  return "\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + more + "}\n";
}

const std::string kDeny = policy("deny", "", "");
const std::string kDns =
    policy("dns", "",
           "egress: [{to: [{namespaceSelector: {}}], ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]}]");
std::string out(const std::string& peer, const std::string& port) {
  return "egress: [{to: [" + peer + "], ports: [{port: " + port + ", protocol: TCP}]}]";
}
std::string in(const std::string& peer, const std::string& port) {
  return "ingress: [{from: [" + peer + "], ports: [{port: " + port + ", protocol: TCP}]}]";
}
std::string app(const std::string& name) { return "{podSelector: {matchLabels: {app: " + name + "}}}"; }
std::string match(const std::string& name) { return "matchLabels: {app: " + name + "}"; }

}  // namespace

TEST_CASE("a flow needs both its ends") {
  const std::string two = pods("a", 80) + pods("b", 5432) + kDeny;
  for (const Case& row : std::vector<Case>{
           {"network.flows", "both",
            two + policy("a", match("a"), out(app("b"), "5432")) + policy("b", match("b"), in(app("a"), "5432")),
            Verdict::proved, "open at both ends"},
           {"network.flows", "let out only", two + policy("a", match("a"), out(app("b"), "5432")), Verdict::refuted,
            "let out here and not let in there"},
           {"network.flows", "let in only", two + policy("b", match("b"), in(app("a"), "5432")), Verdict::refuted,
            "let in here and not let out there"},
           {"network.flows", "another port",
            two + policy("a", match("a"), out(app("b"), "5432")) + policy("b", match("b"), in(app("a"), "5433")),
            Verdict::refuted, "no container has that port"},
           {"network.flows", "by the port's name",
            two + policy("a", match("a"), out(app("b"), "main")) + policy("b", match("b"), in(app("a"), "main")),
            Verdict::proved, ""},
           {"network.flows", "a range",
            two + policy("a", match("a"), "egress: [{to: [" + app("b") + "], ports: [{port: 5000, endPort: 6000}]}]") +
                policy("b", match("b"), in(app("a"), "5432")),
            Verdict::proved, ""},
           {"network.flows", "nobody there", two + policy("a", match("a"), out(app("c"), "1")), Verdict::refuted,
            "there is no such pod in t"},
           {"network.flows", "not ours",
            two + policy("a", match("a"),
                         out("{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: vault}}}", "8200")),
            Verdict::not_applicable, "not rendered here"},
           {"network.flows", "another namespace",
            two + pods("c", 9090, "m") + policy("deny", "", "", "m") +
                policy("a", match("a"),
                       out("{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: m}}, podSelector: "
                           "{matchLabels: {app: c}}}",
                           "9090")) +
                policy("c", match("c"),
                       in("{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: t}}, podSelector: "
                          "{matchLabels: {app: a}}}",
                          "9090"),
                       "m"),
            Verdict::proved, ""},
           {"network.flows", "the same name in another namespace is another pod",
            two + pods("b", 5432, "m") + policy("deny", "", "", "m") + policy("a", match("a"), out(app("b"), "5432")) +
                policy("b", match("b"),
                       in("{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: m}}, podSelector: "
                          "{matchLabels: {app: a}}}",
                          "5432")),
            Verdict::refuted, "not let in there"},
           {"network.flows", "a namespace means somebody in it",
            two +
                policy("b", match("b"),
                       in("{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: t}}}", "5432")) +
                policy("a", match("a"), out(app("b"), "5432")),
            Verdict::proved, ""},
           {"network.flows", "no policies", pods("a", 80), Verdict::not_applicable, ""},
       })
    judge(row);
}

TEST_CASE("denied by default, names found, nothing else open") {
  const std::string one = pods("a", 80);
  const std::string edge =
      "\n---\napiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: t}\nspec: {type: LoadBalancer, selector: "
      "{app: a}}\n";
  for (const Case& row : std::vector<Case>{
           {"network.default-deny", "both", space("t") + one + kDeny, Verdict::proved, "denies both"},
           {"network.default-deny", "none", space("t") + one, Verdict::refuted, "no policy denies anything"},
           {"network.default-deny", "in only",
            one + "---\nkind: NetworkPolicy\nmetadata: {name: d, namespace: t}\nspec: {podSelector: {}, policyTypes: "
                  "[Ingress]}\n",
            Verdict::refuted, "no policy denies egress"},
           {"network.default-deny", "with an opening", one + policy("d", "", out(app("b"), "1")), Verdict::refuted,
            "Namespace t"},
           {"network.dns", "asks", one + kDeny + kDns, Verdict::proved, "reach DNS"},
           {"network.dns", "the guide's deny-all", one + kDeny, Verdict::refuted, "cannot reach DNS"},
           {"network.dns", "UDP only",
            one + kDeny +
                policy("dns", "", "egress: [{to: [{namespaceSelector: {}}], ports: [{port: 53, protocol: UDP}]}]"),
            Verdict::refuted, "TCP"},
           {"network.exposure", "closed", one + kDeny + kDns, Verdict::proved, "name their ports"},
           {"network.exposure", "unruled", one + pods("b", 1, "m") + kDeny + kDns, Verdict::refuted,
            "no policy rules its traffic"},
           {"network.exposure", "everybody", one + kDeny + policy("a", match("a"), "ingress: [{ports: [{port: 80}]}]"),
            Verdict::refuted, "ingress from everybody"},
           {"network.exposure", "the edge",
            one + edge + kDeny + policy("a", match("a"), "ingress: [{ports: [{port: 80}]}]"), Verdict::proved,
            "behind a load balancer"},
           {"network.exposure", "every port",
            one + kDeny + policy("a", match("a"), "egress: [{to: [" + app("b") + "]}]"), Verdict::refuted,
            "egress on every port"},
           {"network.exposure", "the metadata service",
            one + kDeny + policy("a", match("a"), out("{ipBlock: {cidr: 0.0.0.0/0}}", "443")), Verdict::refuted,
            "metadata service"},
           {"network.exposure", "the internet",
            one + kDeny + policy("a", match("a"), out("{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.0.0/16]}}", "443")),
            Verdict::proved, "to the internet on 443"},
       })
    judge(row);
}

TEST_CASE("the mesh: who is in it, what it takes, who may call") {
  const std::string meshed = space("t", ", labels: {istio-injection: enabled}") + pods("a", 80);
  const auto peers = [](const std::string& spec, const std::string& annotations = "{}") {
    return "\n---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: p" +
           std::to_string(spec.size()) + ", namespace: t, annotations: " + annotations + "}\nspec: {" + spec + "}\n";
  };
  const auto rule = [](const std::string& spec) {
    return "\n---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: d, namespace: "
           "t}\nspec: {" +
           spec + "}\n";
  };
  const std::string ingress =
      "\n---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: SPACE}\nspec: {rules: "
      "[{host: a.example}]}\n";
  const auto published = [&](const std::string& name) {
    std::string text = ingress;
    return text.replace(text.find("SPACE"), 5, name);
  };
  const std::string gateway =
      "\n---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: t}\nspec: {servers: "
      "[{hosts: [./a.example], tls: {mode: SIMPLE}}]}\n";
  const std::string strict = peers("mtls: {mode: STRICT}");
  for (const Case& row : std::vector<Case>{
           {"mesh.mtls", "strict", meshed + strict, Verdict::proved, "STRICT"},
           {"mesh.mtls", "permissive", meshed + peers("mtls: {mode: PERMISSIVE}"), Verdict::refuted,
            "no STRICT PeerAuthentication"},
           {"mesh.mtls", "none", meshed, Verdict::refuted, "no STRICT PeerAuthentication"},
           {"mesh.mtls", "a port without a reason",
            meshed + strict +
                peers("selector: {matchLabels: {app: a}}, mtls: {mode: STRICT}, portLevelMtls: {9100: {mode: "
                      "PERMISSIVE}}"),
            Verdict::refuted, "does not say why"},
           {"mesh.mtls", "a port with its reason",
            meshed + strict +
                peers("selector: {matchLabels: {app: a}}, mtls: {mode: STRICT}, portLevelMtls: {9100: {mode: "
                      "PERMISSIVE}}",
                      "{nautilus.trading.com/plaintext-9100: scraped}"),
            Verdict::proved, "says why"},
           {"mesh.mtls", "some pods",
            meshed + strict + peers("selector: {matchLabels: {app: a}}, mtls: {mode: DISABLE}"), Verdict::refuted,
            "clear text only"},
           {"mesh.mtls", "turned off by the caller",
            meshed + strict +
                "---\nkind: DestinationRule\nmetadata: {name: d, namespace: t}\nspec: {host: a.t.svc.cluster.local, "
                "trafficPolicy: {tls: {mode: DISABLE}}}\n",
            Verdict::refuted, "turns encryption off"},
           {"mesh.mtls", "no mesh", space("t") + pods("a", 80), Verdict::not_applicable, ""},
           {"mesh.authorization", "denies", meshed + rule(""), Verdict::proved, "denies by default"},
           {"mesh.authorization", "nothing", meshed, Verdict::refuted, "no AuthorizationPolicy"},
           {"mesh.authorization", "one for some pods",
            meshed + rule("selector: {matchLabels: {app: a}}, rules: [{to: [{operation: {ports: ['80']}}]}]"),
            Verdict::refuted, "no AuthorizationPolicy"},
           {"mesh.authorization", "an empty rule", meshed + rule("rules: [{}]"), Verdict::refuted,
            "allows everybody everything"},
           {"mesh.coverage", "inside", meshed, Verdict::proved, "are in the mesh"},
           {"mesh.coverage", "outside without a reason", meshed + space("m") + pods("b", 1, "m"), Verdict::refuted,
            "nothing says why"},
           {"mesh.coverage", "outside with a reason",
            meshed + space("m", ", annotations: {nautilus.trading.com/outside-mesh: watches it}") + pods("b", 1, "m"),
            Verdict::proved, "says why"},
           {"mesh.one-edge", "the mesh's", meshed + gateway, Verdict::proved, "published by Gateway t/g"},
           {"mesh.one-edge", "past the gateway", meshed + published("t"), Verdict::refuted, "past its gateway"},
           {"mesh.one-edge", "two for one name", meshed + published("m") + gateway, Verdict::refuted,
            "two edges for one name"},
           {"mesh.one-edge", "an edge without a mesh", space("t") + pods("a", 80) + published("t"), Verdict::proved,
            "published by Ingress"},
           {"network.control-plane", "reached",
            meshed + kDeny +
                policy("m", "",
                       out("{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: istio-system}}}", "15012")),
            Verdict::proved, "reach istiod"},
           {"network.control-plane", "forgotten", meshed + kDeny, Verdict::refuted, "cannot reach istiod"},
           {"network.control-plane", "no mesh", pods("a", 80) + kDeny, Verdict::not_applicable, ""},
       })
    judge(row);
}
