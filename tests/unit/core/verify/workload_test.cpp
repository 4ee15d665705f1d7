// Scaling, quotas, rollouts, users, topology, services, pods, images, versions, secrets, schedules.
#include "tests/unit/core/verify/judge.h"

using namespace nautilus;
using namespace nautilus::verify;
using namespace nautilus::verify::testing;

namespace {

// A Deployment of pods named `name`; `spec` and `pod` are flow YAML inside the braces.
std::string deployment(const std::string& name, const std::string& spec, const std::string& pod,
                       const std::string& container = "") {
  return "\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name + ", namespace: t}\nspec: {" + spec +
         (spec.empty() ? "" : ", ") + "template: {metadata: {labels: {app: " + name + "}}, spec: {" + pod +
         (pod.empty() ? "" : ", ") + "containers: [{name: c" + (container.empty() ? "" : ", ") + container + "}]}}}\n";
}

std::string scaler(const std::string& target, int least, int most, const std::string& metrics = "",
                   const std::string& name = "h") {
  return "\n---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: " + name +
         ", namespace: t}\nspec: {scaleTargetRef: {kind: Deployment, name: " + target +
         "}, minReplicas: " + std::to_string(least) + ", maxReplicas: " + std::to_string(most) + ", metrics: [" +
         metrics + "]}\n";
}

std::string budget(const std::string& name, const std::string& spec, const std::string& app) {
  return "\n---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: " + name +
         ", namespace: t}\nspec: {" + spec + ", selector: {matchLabels: {app: " + app + "}}}\n";
}

std::string service(const std::string& name, const std::string& selector, const std::string& port) {
  return "\n---\napiVersion: v1\nkind: Service\nmetadata: {name: " + name + ", namespace: t}\nspec: {selector: {" +
         selector + "}, ports: [{" + port + "}]}\n";
}

std::string vpa(const std::string& mode, const std::string& resources) {
  return "\n---\napiVersion: autoscaling.k8s.io/v1\nkind: VerticalPodAutoscaler\nmetadata: {name: v, namespace: "
         "t}\nspec: {targetRef: {kind: Deployment, name: a}, "
         "updatePolicy: {updateMode: \"" +
         mode + "\"}, resourcePolicy: {containerPolicies: [{containerName: \"*\", controlledResources: [" + resources +
         "]}]}}\n";
}

const std::string kCpu = "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}";

std::string backend(const std::string& when, int least, int most) {
  return deployment("backend", "",
                    "topologySpreadConstraints: [{topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: " +
                        when + ", labelSelector: {matchLabels: {app: backend}}}]",
                    "env: [{name: NAUTILUS_WEBSOCKET_MAX_CONNECTIONS, value: \"100\"}], ports: [{name: websocket, "
                    "containerPort: 8001}]") +
         service("ws", "app: backend", "name: websocket, port: 80, targetPort: websocket") +
         scaler("backend", least, most);
}

std::string floor_of(int pods) {
  return "\n---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h, namespace: t}\nspec: "
         "{scaleTargetRef: {kind: Deployment, name: backend}, "
         "minReplicas: 2, maxReplicas: 50, metrics: [{type: External, external: {metric: {name: x_session_floor}, "
         "target: {type: AverageValue, averageValue: \"1\"}}}]}\n" +
         deployment("adapter", "", "volumes: [{name: c, configMap: {name: adapter-config}}]") +
         "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: adapter-config, namespace: t}\ndata:\n  config.yaml: "
         "|\n    externalRules:\n      - {seriesQuery: "
         "'x:floor', name: {as: x_session_floor}}\n---\napiVersion: monitoring.coreos.com/v1\nkind: "
         "PrometheusRule\nmetadata: {name: r, namespace: t}\nspec:\n  groups:\n  - "
         "rules:\n    - {record: 'x:floor', expr: 'max(label_replace(" +
         std::to_string(pods) + " * (60 * hour() >= bool 750), \"w\", \"0\", \"\", \"\"))'}\n";
}

}  // namespace

TEST_CASE("autoscalers: bounds, metrics, vertical ones, owners") {
  const std::string a = deployment("a", "", "");
  const auto external = [](const char* name, const char* target) {
    return std::string("{type: External, external: {metric: {name: ") + name + "}, target: {" + target + "}}}";
  };
  for (const Case& row : std::vector<Case>{
           {"scaling.bounds", "fine", a + scaler("a", 2, 5), Verdict::proved, "2 <= 5"},
           {"scaling.bounds", "crossed", a + scaler("a", 6, 5), Verdict::refuted, "6 > 5"},
           {"scaling.bounds", "of nothing", a + scaler("b", 2, 5), Verdict::refuted, "which is not rendered"},
           {"scaling.metrics", "shared", a + scaler("a", 2, 5, kCpu), Verdict::proved, "cpu is shared"},
           {"scaling.metrics", "volatility as it stands",
            a + scaler("a", 5, 25, external("market_volatility_index", "type: Value, value: \"20\"")), Verdict::refuted,
            "multiplied until"},
           {"scaling.metrics", "a latency",
            a + scaler("a", 5, 25, external("p99_latency", "type: AverageValue, averageValue: \"50\"")),
            Verdict::refuted, "not a scaler"},
           {"scaling.hpa-vpa", "off", a + scaler("a", 2, 5, kCpu) + vpa("Off", "cpu, memory"), Verdict::proved,
            "changes nothing"},
           {"scaling.hpa-vpa", "memory only", a + scaler("a", 2, 5, kCpu) + vpa("Auto", "memory"), Verdict::proved,
            "acted on twice"},
           {"scaling.hpa-vpa", "both on cpu", a + scaler("a", 2, 5, kCpu) + vpa("Auto", "cpu"), Verdict::refuted,
            "each undoes the other"},
           {"scaling.single-owner", "the autoscaler's", a + scaler("a", 2, 5), Verdict::proved, "alone"},
           {"scaling.single-owner", "rendered too", deployment("a", "replicas: 3", "") + scaler("a", 2, 5),
            Verdict::refuted, "every apply sets back"},
           {"scaling.single-owner", "two", a + scaler("a", 2, 5) + scaler("a", 2, 5, "", "second"), Verdict::refuted,
            "both set the replicas"},
           {"scaling.single-owner", "twice", a + a + scaler("a", 2, 5), Verdict::refuted, "is rendered twice"},
           {"scaling.bounds", "none", a, Verdict::not_applicable, ""},
       })
    judge(row);
}

TEST_CASE("quotas hold the maxima, with a surge and sidecars") {
  const auto quota = [](const std::string& hard) {
    return "\n---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: t}\nspec: {hard: {" + hard +
           "}}\n";
  };
  const std::string a = deployment("a", "strategy: {rollingUpdate: {maxSurge: 25%}}", "",
                                   "resources: {requests: {cpu: 500m, memory: 1Gi}}");
  const std::string meshed =
      "\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: t, labels: {istio-injection: enabled}}\n";
  std::string annotated = a;
  annotated.replace(annotated.find("metadata: {labels"), 10,
                    "metadata: {annotations: {sidecar.istio.io/proxyCPU: 100m}, ");
  annotated.erase(annotated.find("{labels"), 1);
  for (const Case& row : std::vector<Case>{
           // (10 + 3) x 500m = 6.5
           {"scaling.quota", "fits", a + scaler("a", 2, 10) + quota("requests.cpu: 6500m, pods: 13"), Verdict::proved,
            "6500m at the most <= 6500m"},
           {"scaling.quota", "the surge does not", a + scaler("a", 2, 10) + quota("requests.cpu: 6"), Verdict::refuted,
            "6500m at the most > 6"},
           {"scaling.quota", "not even the minimum", a + scaler("a", 9, 10) + quota("pods: 8"), Verdict::refuted,
            "even the minimum of all needs 9 > 8"},
           {"scaling.quota", "sidecars count", meshed + annotated + scaler("a", 2, 10) + quota("requests.cpu: 6500m"),
            Verdict::refuted, "7800m at the most > 6500m"},
           {"scaling.quota", "none", a, Verdict::not_applicable, ""},
       })
    judge(row);
}

TEST_CASE("users, the open, a zone gone, the nodes") {
  const std::string strict = backend("DoNotSchedule", 15, 20);
  std::string floored = backend("DoNotSchedule", 2, 50);
  floored = floored.substr(0, floored.rfind("\n---\n"));
  for (const Case& row : std::vector<Case>{
           {"capacity.websocket-users", "enough", strict, Verdict::proved, "20 pods at most x 100 = 2000 >= 1000"},
           {"capacity.websocket-users", "too few", backend("DoNotSchedule", 2, 9), Verdict::refuted, "= 900 < 1000"},
           {"capacity.websocket-users", "nobody", deployment("a", "", ""), Verdict::unknown,
            "no Service has a port named websocket"},
           {"capacity.prescale", "by the minimum", strict, Verdict::proved, "15 pods x 100 = 1500"},
           {"capacity.prescale", "the guide's kind", backend("DoNotSchedule", 2, 20), Verdict::refuted,
            "2 pods x 100 = 200 < 1000"},
           {"capacity.prescale", "by the hour", floored + floor_of(12), Verdict::proved, "12 pods x 100"},
           {"capacity.prescale", "not enough by the hour", floored + floor_of(8), Verdict::refuted, "800 < 1000"},
           {"capacity.zone-headroom", "left", strict, Verdict::proved, "1000 >= 1000 users"},
           {"capacity.zone-headroom", "preferred", backend("ScheduleAnyway", 15, 20), Verdict::unknown, "only prefers"},
           {"capacity.zone-headroom", "not left", backend("DoNotSchedule", 14, 20), Verdict::refuted,
            "900 < 1000 users"},
           {"capacity.nodes", "room",
            deployment("a", "replicas: 50", "", "resources: {requests: {cpu: \"1\", memory: 1Gi}}"), Verdict::proved,
            "<="},
           {"capacity.nodes", "no room",
            deployment("a", "replicas: 60", "", "resources: {requests: {cpu: \"1\", memory: 1Gi}}"), Verdict::refuted,
            "cpu: 60 >"},
           {"capacity.nodes", "larger than a node",
            deployment("a", "replicas: 1", "", "resources: {requests: {cpu: \"17\"}}"), Verdict::refuted,
            "more than a node has"},
       })
    judge(row);
  env::Environment silent = promising();
  silent.promises.users.reset();
  judge({"capacity.prescale", "nobody promised", strict, Verdict::not_applicable, ""}, silent);
}

TEST_CASE("metrics are kept as long as promised") {
  const auto prometheus = [](const std::string& spec) {
    return "apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nmetadata: {name: p, namespace: t}\nspec: "
           "{scrapeInterval: 15s, " +
           spec + "}\n";
  };
  const auto volume = [](const char* size) {
    return std::string("storage: {volumeClaimTemplate: {spec: {resources: {requests: {storage: ") + size + "}}}}}";
  };
  for (const Case& row : std::vector<Case>{
           {"capacity.metrics-storage", "kept", prometheus("retention: 90d, " + volume("308Gi")), Verdict::proved,
            "<= 308.0 GiB"},
           {"capacity.metrics-storage", "the guide's", prometheus("retention: 90d, " + volume("50Gi")),
            Verdict::refuted, "> 50.0 GiB"},
           {"capacity.metrics-storage", "too short", prometheus("retention: 15d, " + volume("308Gi")), Verdict::refuted,
            "retention of 15 days"},
           {"capacity.metrics-storage", "cut by size",
            prometheus("retention: 90d, retentionSize: 100GiB, " + volume("308Gi")), Verdict::refuted,
            "retentionSize 100.0 GiB"},
           {"capacity.metrics-storage", "no volume", prometheus("retention: 90d"), Verdict::refuted,
            "gone with the pod"},
           {"capacity.metrics-storage", "none", "kind: Pod\nmetadata: {name: x}\n", Verdict::not_applicable, ""},
       })
    judge(row);
}

TEST_CASE("budgets let nodes be drained and keep quorums") {
  const std::string three = deployment("a", "replicas: 3", "");
  for (const Case& row : std::vector<Case>{
           {"rollout.disruption-budgets", "one of three", three + budget("b", "maxUnavailable: 1", "a"),
            Verdict::proved, "1 of 3"},
           {"rollout.disruption-budgets", "nobody", three + budget("b", "minAvailable: 3", "a"), Verdict::refuted,
            "can ever be drained"},
           {"rollout.disruption-budgets", "by percent", three + budget("b", "minAvailable: 100%", "a"),
            Verdict::refuted, "can ever be drained"},
           {"rollout.disruption-budgets", "all", three + budget("b", "maxUnavailable: 3", "a"), Verdict::refuted,
            "3 of 3"},
           {"rollout.disruption-budgets", "none", three, Verdict::refuted, "no budget"},
           {"rollout.disruption-budgets", "two",
            three + budget("b", "maxUnavailable: 1", "a") + budget("c", "maxUnavailable: 1", "a"), Verdict::refuted,
            "refuses to choose"},
           {"rollout.disruption-budgets", "of nobody",
            three + budget("b", "maxUnavailable: 1", "a") + budget("c", "maxUnavailable: 1", "z"), Verdict::refuted,
            "selects no pod"},
           {"rollout.disruption-budgets", "one pod", deployment("a", "replicas: 1", ""), Verdict::not_applicable, ""},
       })
    judge(row);
}

TEST_CASE("the grace period holds withdrawal, drain and sidecar") {
  const auto pod = [](int grace, int nap, const char* drain) {
    return deployment("a", "", "terminationGracePeriodSeconds: " + std::to_string(grace),
                      "lifecycle: {preStop: {sleep: {seconds: " + std::to_string(nap) +
                          "}}}, env: [{name: NAUTILUS_DRAIN_SECONDS, value: \"" + drain + "\"}]");
  };
  for (const Case& row : std::vector<Case>{
           {"rollout.grace-period", "fits", pod(75, 15, "60"), Verdict::proved, "= 75 <= 75"},
           {"rollout.grace-period", "does not", pod(30, 15, "60"), Verdict::refuted, "= 75 > 30"},
           {"rollout.grace-period", "the default",
            deployment("a", "", "", "lifecycle: {preStop: {sleep: {seconds: 31}}}"), Verdict::refuted, "= 31 > 30"},
           {"rollout.grace-period", "nothing said about sessions",
            deployment("a", "", "", "ports: [{name: websocket, containerPort: 1}]"), Verdict::unknown,
            "nothing says how long"},
       })
    judge(row);
}

TEST_CASE("more than one pod is in more than one zone") {
  const auto spread = [](const char* key, const char* app) {
    return deployment("a", "replicas: 3",
                      std::string("topologySpreadConstraints: [{topologyKey: ") + key +
                          ", whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: " + app + "}}}]");
  };
  for (const Case& row : std::vector<Case>{
           {"topology.spread", "spread", spread("topology.kubernetes.io/zone", "a"), Verdict::proved, "is spread"},
           {"topology.spread", "by host only", spread("kubernetes.io/hostname", "a"), Verdict::refuted,
            "out of one zone"},
           {"topology.spread", "counts others", spread("topology.kubernetes.io/zone", "b"), Verdict::refuted,
            "other pods than its own"},
           {"topology.spread", "one pod", deployment("a", "replicas: 1", ""), Verdict::not_applicable, ""},
       })
    judge(row);
}

TEST_CASE("Services lead to pods and name ports that they have") {
  const std::string a = deployment("a", "", "volumes: [{name: c, configMap: {name: cfg}}]",
                                   "ports: [{name: http, containerPort: 8080}]") +
                        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: cfg, namespace: t}\ndata: {d.yaml: "
                        "\"kubernetes:\\n  role_label: x/role\\n\"}\n";
  for (const Case& row : std::vector<Case>{
           {"service.selectors", "found", a + service("s", "app: a", "port: 80"), Verdict::proved,
            "leads to Deployment t/a"},
           {"service.selectors", "renamed", a + service("s", "app: b", "port: 80"), Verdict::refuted, "selects no pod"},
           {"service.selectors", "by a daemon's label", a + service("s", "app: a, x/role: primary", "port: 80"),
            Verdict::proved, "chooses by x/role"},
           {"service.selectors", "by an unknown label", a + service("s", "app: a, y/role: primary", "port: 80"),
            Verdict::refuted, "selects no pod"},
           {"service.ports", "by name", a + service("s", "app: a", "port: 80, targetPort: http"), Verdict::proved,
            "targetPort http is a port"},
           {"service.ports", "by number", a + service("s", "app: a", "port: 8080"), Verdict::proved, "8080 is a port"},
           {"service.ports", "of nobody", a + service("s", "app: a", "port: 80, targetPort: web"), Verdict::refuted,
            "web is no port"},
           {"service.ports", "a probe's", deployment("a", "", "", "livenessProbe: {httpGet: {port: health}}"),
            Verdict::refuted, "asks port health"},
       })
    judge(row);
}

TEST_CASE("pods keep to the profile that their namespace enforces") {
  const auto space = [](const char* level) {
    return std::string(
               "apiVersion: v1\nkind: Namespace\nmetadata: {name: t, labels: {pod-security.kubernetes.io/enforce: ") +
           level + "}}\n";
  };
  const std::string safe =
      "securityContext: {allowPrivilegeEscalation: false, runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}, "
      "capabilities: {drop: [ALL]}";
  for (const Case& row : std::vector<Case>{
           {"pods.security", "restricted", space("restricted") + deployment("a", "", "", safe + "}"), Verdict::proved,
            "keep to the profile"},
           {"pods.security", "nothing said", space("restricted") + deployment("a", "", ""), Verdict::refuted,
            "may run as root"},
           {"pods.security", "privileged", space("restricted") + deployment("a", "", "", safe + ", privileged: true}"),
            Verdict::refuted, "is privileged"},
           {"pods.security", "host network", space("restricted") + deployment("a", "", "hostNetwork: true", safe + "}"),
            Verdict::refuted, "uses hostNetwork"},
           {"pods.security", "host path",
            space("restricted") + deployment("a", "", "volumes: [{name: v, hostPath: {path: /}}]", safe + "}"),
            Verdict::refuted, "mounts hostPath"},
           {"pods.security", "reads the node",
            space("privileged") + deployment("a", "", "volumes: [{name: v, hostPath: {path: /}}]",
                                             "volumeMounts: [{name: v, readOnly: true}], " + safe + "}"),
            Verdict::proved, "read-only, in a namespace of its own"},
           {"pods.security", "writes the node",
            space("privileged") + deployment("a", "", "volumes: [{name: v, hostPath: {path: /}}]",
                                             "volumeMounts: [{name: v}], " + safe + "}"),
            Verdict::refuted, "mounts hostPath"},
           {"pods.security", "nothing enforced", space("baseline") + deployment("a", "", "", safe + "}"),
            Verdict::refuted, "enforces baseline"},
           {"pods.security", "namespace of somebody else", deployment("a", "", "", safe + "}"), Verdict::unknown,
            "is not rendered"},
       })
    judge(row);
}

TEST_CASE("images, and the ends of their lives") {
  const auto image = [](const std::string& name) { return deployment("a", "", "", "image: \"" + name + "\""); };
  const auto ends = value::parse_yaml(
      "products:\n- {product: kubernetes, cycles: [{cycle: '1.37', end: '2027-10-28'}, {cycle: '1.27', end: "
      "'2024-07-16'}]}\n"
      "- {product: postgresql, images: [x/pg], tagPrefix: pg, cycles: [{cycle: '1', end: '2000-01-01'}, {cycle: '17', "
      "end: '2029-11-08'}, {cycle: '13', end: '2026-11-23'}, "
      "{cycle: '14', end: '2026-11-24'}, {cycle: '99', end: soon}]}\n- {product: tool, images: [x/tool], cycles: "
      "[{cycle: '2', end: none}]}\n",
      "eol.yaml");
  REQUIRE(ends.ok());
  const std::string digest = "@sha256:" + std::string(64, 'a');
  for (const Case& row : std::vector<Case>{
           {"images.digests", "pinned", image("r/x:1" + digest), Verdict::proved, "1 images are pinned"},
           {"images.digests", "a tag", image("r/x:1"), Verdict::refuted, "something else tomorrow"},
           {"images.digests", "istiod's", image("auto"), Verdict::not_applicable, "filled in by istiod"},
           {"versions.end-of-life", "mended", image("r/x/pg:pg17.11-ts2" + digest), Verdict::proved,
            "postgresql 17: mended until 2029-11-08"},
           {"versions.end-of-life", "over since yesterday", image("x/pg:13.4"), Verdict::refuted, "1 days ago"},
           {"versions.end-of-life", "the last day counts", image("x/pg:14"), Verdict::proved, "0 days from now"},
           {"versions.end-of-life", "not a prefix of a number", image("x/pg:18"), Verdict::unknown,
            "does not know that cycle"},
           {"versions.end-of-life", "no end", image("x/tool:v2.3"), Verdict::proved, "no end has been announced"},
           {"versions.end-of-life", "a bad date", image("x/pg:99"), Verdict::unknown, "is no date"},
           {"versions.end-of-life", "unheard of", image("y/z:1"), Verdict::unknown, "keeps no dates"},
           {"versions.end-of-life", "a port is not a tag", image("host:5000/x/tool"), Verdict::proved,
            "kubernetes 1.37"},
       })
    judge(row, promising(), *ends);
  env::Environment old = promising();
  old.kube_version = "v1.27.16";
  judge({"versions.end-of-life", "the guide's Kubernetes", image("x/tool:2"), Verdict::refuted,
         "kubernetes 1.27: not mended"},
        old, *ends);
  judge({"versions.end-of-life", "no dates at all", image("x/tool:2"), Verdict::unknown, "no manifests/eol.yaml"});
}

TEST_CASE("no secret is written down, and none is repeated in the answer") {
  const auto env = [](const std::string& name, const std::string& value) {
    return deployment("a", "", "", "env: [{name: " + name + ", value: \"" + value + "\"}]");
  };
  const auto file = [](const std::string& text) {
    return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: t}\ndata:\n  f: |\n    " + text + "\n";
  };
  const std::string random = "aB3dE5gH7jK9mN1pQ3sT5vW7";
  for (const Case& row : std::vector<Case>{
           {"secrets.literals", "the guide's URL",
            env("DATABASE_URL", "postgresql://nautilus:nautilus123@pgbouncer:5432/nautilus"), Verdict::refuted,
            "a URL carries a password"},
           {"secrets.literals", "a URL without", env("DATABASE_URL", "postgresql://nautilus@pgbouncer:5432/nautilus"),
            Verdict::proved, ""},
           {"secrets.literals", "a reference in it", env("DATABASE_URL", "postgresql://u:$(PASSWORD)@h/d"),
            Verdict::proved, ""},
           {"secrets.literals", "by name", env("REDIS_PASSWORD", "hunter22"), Verdict::refuted,
            "REDIS_PASSWORD has its value"},
           {"secrets.literals", "a file's name", env("REDIS_PASSWORD_FILE", "/run/secrets/x"), Verdict::proved, ""},
           {"secrets.literals", "a key", file("-----BEGIN RSA PRIVATE KEY-----"), Verdict::refuted, "a private key"},
           {"secrets.literals", "in a file", file("requirepass_password = hunter22"), Verdict::refuted,
            "has its value written down"},
           {"secrets.literals", "of Redis", file("requirepass hunter22"), Verdict::refuted,
            "requirepass has its value"},
           {"secrets.literals", "read in a script", file("password=\"$(cat /run/secret)\""), Verdict::proved, ""},
           {"secrets.literals", "random", env("X", random), Verdict::refuted, "looks like a key"},
           {"secrets.literals", "a certificate",
            file("-----BEGIN CERTIFICATE-----\n    " + random + "\n    -----END CERTIFICATE-----"), Verdict::proved, ""},
           {"secrets.literals", "after a certificate",
            file("-----BEGIN CERTIFICATE-----\n    A\n    -----END CERTIFICATE-----\n    " + random), Verdict::refuted,
            "looks like a key"},
           {"secrets.literals", "a certificate without end", file("-----BEGIN CERTIFICATE-----\n    " + random),
            Verdict::refuted, "looks like a key"},
           {"secrets.literals", "a digest",
            env("X", "sha256:ccc02ba721bd2ddaf793bea8085c9079ce051f95a5142a2ac049a4b91954bd60"), Verdict::proved, ""},
           {"secrets.literals", "words", env("X", "requiredDuringSchedulingIgnoredDuringExecution"), Verdict::proved,
            ""},
           {"secrets.literals", "a Secret",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: t}\ndata: {a: aGk=}\n", Verdict::refuted,
            "a Secret with 1 values"},
       }) {
    judge(row);
    const std::string told = chain(answered(row.id, row.objects, promising()));
    for (const std::string& secret : {std::string("nautilus123"), std::string("hunter22"), random, std::string("aGk=")})
      CHECK_MESSAGE(told.find(secret) == std::string::npos, told);
  }
}

TEST_CASE("every Secret that is named comes from somewhere") {
  const std::string needs = deployment("a", "", "volumes: [{name: v, secret: {secretName: s}}]");
  env::Environment given = promising();
  given.external_secrets.push_back({"s", "t", "x"});
  judge({"secrets.provided", "declared", needs, Verdict::proved, "1 references"}, given);
  judge({"secrets.provided", "nowhere", needs, Verdict::refuted, "waits for it for ever"});
  judge({"secrets.provided", "optional",
         deployment("a", "", "volumes: [{name: v, secret: {secretName: s, optional: true}}]"), Verdict::unknown,
         "starts without it"});
  judge({"secrets.provided", "made by cert-manager",
         needs + "---\nkind: Certificate\nmetadata: {name: c, namespace: t}\nspec: {secretName: s}\n", Verdict::proved,
         ""});
}

TEST_CASE("clocks that change, and windows with holes") {
  const auto job = [](const char* cron, const char* zone) {
    return std::string("apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: j, namespace: t}\nspec: {schedule: \"") +
           cron + "\"" + zone + "}\n";
  };
  const auto windows = [](const std::string& list) {
    return "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: p, namespace: argocd}\nspec: "
           "{syncWindows: [" +
           list + "]}\n";
  };
  for (const Case& row : std::vector<Case>{
           {"schedule.time-zone", "UTC", job("0 2 * * *", ", timeZone: Etc/UTC"), Verdict::proved,
            "without summer time"},
           {"schedule.time-zone", "two in New York", job("0 2 * * *", ", timeZone: America/New_York"), Verdict::refuted,
            "may not exist"},
           {"schedule.time-zone", "noon in New York", job("0 12 * * *", ", timeZone: America/New_York"),
            Verdict::proved, "no hour in which"},
           {"schedule.time-zone", "every hour", job("5 * * * *", ", timeZone: America/New_York"), Verdict::proved, ""},
           {"schedule.time-zone", "whose clock", job("0 12 * * *", ""), Verdict::unknown, "kube-controller-manager"},
           {"schedule.windows", "deny only",
            windows("{kind: deny, schedule: '0 8 * * 1-5', duration: 10h, timeZone: America/New_York}"),
            Verdict::proved, "no window denies is allowed"},
           {"schedule.windows", "no zone", windows("{kind: deny, schedule: '0 8 * * 1-5', duration: 10h}"),
            Verdict::refuted, "no timeZone"},
           {"schedule.windows", "a hole",
            windows("{kind: deny, schedule: '0 9 * * *', duration: 8h, timeZone: UTC}, {kind: allow, schedule: '0 18 * "
                    "* *', duration: 14h, timeZone: UTC}"),
            Verdict::refuted, "14.0 h a week are neither"},
           {"schedule.windows", "whole",
            windows("{kind: deny, schedule: '0 9 * * *', duration: 8h, timeZone: UTC}, {kind: allow, schedule: '0 17 * "
                    "* *', duration: 16h, timeZone: UTC}"),
            Verdict::proved, "every minute of the week"},
           {"schedule.windows", "overlap",
            windows("{kind: deny, schedule: '0 9 * * *', duration: 9h, timeZone: UTC}, {kind: allow, schedule: '0 17 * "
                    "* *', duration: 16h, timeZone: UTC}"),
            Verdict::refuted, "7.0 h a week are allowed and denied"},
           {"schedule.windows", "none", "kind: Pod\nmetadata: {name: x}\n", Verdict::not_applicable, ""},
       })
    judge(row);
}
