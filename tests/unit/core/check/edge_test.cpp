// WebSockets, certificates, webhooks, nodes and events.
#include "core/kube/connect.h"
#include "core/value/base64.h"
#include "tests/unit/core/check/judge.h"

using namespace nautilus;
using namespace nautilus::check;
using namespace nautilus::check::testing;

namespace {

const std::string kService =
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: nautilus-websocket, namespace: t}\n"
    "spec: {ports: [{name: websocket, port: 80, appProtocol: kubernetes.io/ws}]}\n";
const std::string kClass = "---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: nginx}\n";

std::string ingress(const std::string& annotations, const char* service = "nautilus-websocket", const char* port = "name: websocket") {
  return "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: ws, namespace: t, annotations: {" + annotations +
         "}}\nspec: {ingressClassName: nginx, tls: [{secretName: nautilus-tls}], rules: [{http: {paths: [{backend: {service: {name: " +
         service + ", port: {" + port + "}}}}]}}]}\n";
}

std::string route(const char* host, const char* more = "") {
  return std::string("---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: ws, namespace: t}\n"
                     "spec: {http: [{") +
         more + "route: [{destination: {host: " + host + "}}]}]}\n";
}

std::string rule(const char* policy) {
  return std::string("---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: ws, namespace: t}\n"
                     "spec: {host: nautilus-websocket.t.svc.cluster.local, trafficPolicy: ") +
         policy + "}\n";
}

const std::string kUpgraded = "nginx.org/websocket-services: nautilus-websocket";

std::string webhook(const char* policy = "Fail") {
  return std::string("---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: "
                     "judge}\nwebhooks: [{name: a.example, failurePolicy: ") +
         policy + ", clientConfig: {service: {namespace: other, name: judge}}, rules: [{operations: [CREATE], resources: [pods]}]}]\n";
}

std::string node(const char* conditions) {
  return std::string("---\napiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {conditions: [") + conditions + "]}\n";
}

std::string warning(const char* reason, int count, const char* last = "2026-01-05T11:55:00Z", const char* space = "t") {
  return std::string("---\napiVersion: v1\nkind: Event\nmetadata: {name: e, namespace: ") + space +
         "}\ninvolvedObject: {kind: ConfigMap, namespace: " + space + ", name: x}\ntype: Warning\nlastTimestamp: '" + last +
         "'\nreason: " + reason + "\nmessage: odd\ncount: " + std::to_string(count) + "\n";
}

}  // namespace

TEST_CASE("websocket.ingress-without-backend") {
  const char* id = "websocket.ingress-without-backend";
  judge({id, "no edge", kService, State::not_applicable, ""});
  judge({id, "fine", kService + kClass + ingress(""), State::ok, ""});
  judge({id, "no Service", kClass + ingress(""), State::fail, "leads to Service t/nautilus-websocket, which does not exist"});
  judge({id, "no port", kService + kClass + ingress("", "nautilus-websocket", "number: 81"), State::fail, "leads to port 81"});
  judge({id, "no class", kService + ingress(""), State::fail, "its class nginx does not exist"});
  judge({id, "istio", kService + route("nautilus-websocket.t.svc.cluster.local"), State::ok, ""});
  judge({id, "istio, elsewhere", kService + route("gone.t.svc.cluster.local"), State::fail, "leads to gone.t.svc.cluster.local"});
}

TEST_CASE("websocket.idle-timeout") {
  const char* id = "websocket.idle-timeout";
  judge({id, "no route", kService, State::not_applicable, ""});
  judge({id, "an hour", kService + ingress(kUpgraded + ", nginx.org/proxy-read-timeout: 3600s"), State::ok, ""});
  judge({id, "the default", kService + ingress(kUpgraded), State::warn, "nginx cuts after 60 s"});
  judge({id, "a minute", kService + ingress(kUpgraded + ", nginx.org/proxy-read-timeout: 60s"), State::warn, "proxy-read-timeout 60s"});
  judge({id, "no upgrade", kService + ingress("nginx.org/proxy-read-timeout: 3600s"), State::fail, "is not passed on"});
  judge({id, "istio", kService + route("nautilus-websocket"), State::ok, ""});
  judge({id, "istio cuts", kService + route("nautilus-websocket", "timeout: 30s, "), State::fail, "timeout 30s"});
  judge({id, "istio idles", kService + rule("{connectionPool: {http: {idleTimeout: 60s}}}"), State::warn, "idleTimeout 60s"});
}

TEST_CASE("websocket.no-sticky-sessions") {
  const char* id = "websocket.no-sticky-sessions";
  const std::string hash = "{loadBalancer: {consistentHash: {httpCookie: {name: s}}}}";
  judge({id, "no mesh", kService + ingress(""), State::not_applicable, ""});
  judge({id, "sticky", kService + route("nautilus-websocket") + rule(hash.c_str()), State::ok, ""});
  judge({id, "not", kService + route("nautilus-websocket") + rule("{}"), State::warn, "no trafficPolicy.loadBalancer"});
}

TEST_CASE("websocket.gateway-without-pods") {
  const char* id = "websocket.gateway-without-pods";
  const std::string gateway =
      "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: t}\nspec: {selector: {istio: g}}\n";
  const std::string pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: edge, labels: {istio: g}}\n"
                          "status: {conditions: [{type: Ready, status: 'True'}]}\n";
  judge({id, "none", "", State::not_applicable, ""});
  judge({id, "fine", gateway + pod, State::ok, ""});
  judge({id, "no pod", gateway, State::fail, "its selector fits no pod"});
  const auto api = [](const char* conditions) {
    return std::string("---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: t}\nstatus: "
                       "{conditions: [") + conditions + "]}\n";
  };
  judge({id, "programmed", api("{type: Accepted, status: 'True'}, {type: Programmed, status: 'True'}"), State::ok, ""});
  judge({id, "not", api("{type: Accepted, status: 'True'}, {type: Programmed, status: 'False', message: no address}"), State::fail,
         "no address"});
}

TEST_CASE("certificates.missing and certificates.expiring") {
  const std::string secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: nautilus-tls, namespace: t}\n";
  judge({"certificates.missing", "no edge", "", State::not_applicable, ""});
  judge({"certificates.missing", "there", ingress("") + secret, State::ok, ""});
  judge({"certificates.missing", "not there", ingress(""), State::fail, "Secret t/nautilus-tls does not exist"});
  const auto tls = [&](const std::string& pem) {
    return secret + "type: kubernetes.io/tls\ndata: {tls.crt: '" + value::encode_base64(pem) + "'}\n";
  };
  judge({"certificates.expiring", "none", "", State::ok, ""});
  judge({"certificates.expiring", "unreadable", tls("x"), State::fail, "no certificate that can be read"});
  judge({"certificates.expiring", "not of that type", secret, State::ok, "0 Secrets"});
  const std::string certificate = "---\napiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: c, namespace: t}\nstatus: "
                                  "{conditions: [{type: Ready, status: 'False', reason: Pending, message: the issuer refuses}]}\n";
  judge({"certificates.expiring", "cert-manager", certificate, State::fail, "the issuer refuses"});
}

TEST_CASE("webhook.unreachable") {
  const char* id = "webhook.unreachable";
  const std::string service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: judge, namespace: other}\nspec: {}\n";
  const std::string slice = "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s, namespace: other, labels: "
                            "{kubernetes.io/service-name: judge}}\nendpoints: [{conditions: {ready: true}}]\n";
  judge({id, "none", "", State::ok, "0 webhooks"});
  judge({id, "fine", webhook() + service + slice, State::ok, ""});
  judge({id, "no Service", webhook(), State::fail, "does not exist; failurePolicy Fail: CREATE of pods is refused"});
  judge({id, "no endpoint", webhook() + service, State::fail, "has no ready endpoint"});
  judge({id, "ignored", webhook("Ignore"), State::warn, "passes unjudged"});
  Snapshot narrow = snapshot_of(webhook());
  narrow.put(source::kServices, {}, Snapshot::Reach::one_namespace);
  CHECK(judged(id, narrow).outcome.state() == State::could_not_check);
}

TEST_CASE("nodes") {
  judge({"nodes.not-ready", "ready", node("{type: Ready, status: 'True'}"), State::ok, "1 nodes"});
  judge({"nodes.not-ready", "lost",
         node("{type: Ready, status: Unknown, lastTransitionTime: '2026-01-05T11:00:00Z', message: kubelet stopped}"), State::fail,
         "Ready is Unknown for 60m: kubelet stopped"});
  judge({"nodes.pressure", "none", node("{type: DiskPressure, status: 'False'}"), State::ok, ""});
  judge({"nodes.pressure", "disk", node("{type: DiskPressure, status: 'True', message: full}"), State::fail, "DiskPressure: full"});
}

TEST_CASE("cluster.api-unavailable") {
  const auto api = [](const char* group, const char* state) {
    return std::string("---\napiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: v1.x}\nspec: {group: ") + group +
           "}\nstatus: {conditions: [{type: Available, status: '" + state + "', reason: MissingEndpoints, message: nobody}]}\n";
  };
  const char* id = "cluster.api-unavailable";
  judge({id, "up", api("a.example", "True"), State::ok, ""});
  judge({id, "down", api("a.example", "False"), State::fail, "MissingEndpoints: nobody"});
  judge({id, "told by autoscaling",
         api("metrics.k8s.io", "False") +
             "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h, namespace: t}\n",
         State::ok, ""});
}

TEST_CASE("events.warnings") {
  const char* id = "events.warnings";
  judge({id, "none", "", State::ok, ""});
  judge({id, "again and again", warning("Odd", 7), State::warn, "Odd: odd (7 times in 15m)"});
  judge({id, "once", warning("Odd", 1), State::ok, ""});
  judge({id, "long ago", warning("Odd", 7, "2026-01-05T11:30:00Z"), State::ok, ""});
  judge({id, "told elsewhere", warning("BackOff", 7), State::ok, ""});
  judge({id, "other people's", warning("Odd", 7, "2026-01-05T11:55:00Z", "other"), State::ok, ""});
}

TEST_CASE("certificates.expiring, by the time that is left") {
  const std::string pem =
      "-----BEGIN CERTIFICATE-----\n"
      "MIIBbTCCAROgAwIBAgIUMQbfVx/wLOyYljZ1/JZQSZc+r0kwCgYIKoZIzj0EAwIw\n"
      "DDEKMAgGA1UEAwwBeDAeFw0yNjExMjkwNzMxNTFaFw0yNzAyMjcwNzMxNTFaMAwx\n"
      "CjAIBgNVBAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQlhciThwrIgNfa\n"
      "1huzC+/k9EJfb68avTNv5pzYTzfwzVErbbKJ8K4VCB/ml/rFZNO0rqA6BzUleFwW\n"
      "xZq2u0+/o1MwUTAdBgNVHQ4EFgQUTzeQ1XLH8UuG79u09irJ+mknTz4wHwYDVR0j\n"
      "BBgwFoAUTzeQ1XLH8UuG79u09irJ+mknTz4wDwYDVR0TAQH/BAUwAwEB/zAKBggq\n"
      "hkjOPQQDAgNIADBFAiB2qPwJ2/mI+YIl3b3I1JjMAjd0/cWOKwAl8Io7ieKG3gIh\n"
      "AIS7QjZUlmyjiGtTJuETiyOd0oBTot6jEuoXdD0StHuP\n"
      "-----END CERTIFICATE-----\n";
  const auto ends = kube::certificate_expiry(pem);
  REQUIRE(ends);
  const Snapshot snapshot = snapshot_of(
      "apiVersion: v1\nkind: Secret\nmetadata: {name: nautilus-tls, namespace: t}\ntype: kubernetes.io/tls\ndata: {tls.crt: '" +
      value::encode_base64(pem) + "'}\n");
  const env::Environment env = environment();
  const auto at = [&](port::WallTime now) {
    const Facts facts(snapshot, env, now);
    return run(facts, {&check_named("certificates.expiring")}).front().outcome;
  };
  using std::chrono::days, std::chrono::hours;
  CHECK(at(*ends - days(22)).state() == State::ok);
  CHECK(at(*ends - days(20)).state() == State::warn);
  CHECK(at(*ends - days(2)).state() == State::fail);
  CHECK(at(*ends - days(2)).findings().front().evidence == "expires in 2d");
  CHECK(at(*ends + hours(3)).findings().front().evidence == "expired 3h ago");
}
