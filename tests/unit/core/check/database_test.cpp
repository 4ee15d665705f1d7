// The database: who leads, who answers, whose password, and the way there.
#include "tests/unit/core/check/judge.h"

using namespace nautilus;
using namespace nautilus::check;
using namespace nautilus::check::testing;

namespace {

std::string member(const char* name, const char* role, bool ready = true) {
  return std::string("---\napiVersion: v1\nkind: Pod\nmetadata: {name: ") + name +
         ", namespace: t, labels: {app.kubernetes.io/name: postgresql, nautilus.trading.com/postgresql-role: " + role +
         "}}\nstatus: {conditions: [{type: Ready, status: '" + (ready ? "True" : "False") + "'}]}\n";
}

std::string workload(const char* kind, const std::string& name, const std::string& spec, const char* status = "{}",
                     const char* replicas = "2") {
  return std::string("---\napiVersion: apps/v1\nkind: ") + kind + "\nmetadata: {name: " + name +
         ", namespace: t, creationTimestamp: '2026-01-05T10:00:00Z'}\nspec: {replicas: " + replicas +
         ", template: {metadata: {labels: {app.kubernetes.io/name: " + name + "}}, spec: " + spec + "}}\nstatus: " + status + "\n";
}

std::string takes(const char* secret, const char* key = "app-password") {
  return std::string("{volumes: [{secret: {secretName: ") + secret + ", items: [{key: " + key + "}]}}]}";
}

const std::string kPort = "{containers: [{ports: [{name: postgresql, containerPort: 5432}]}]}";

std::string tiers() {
  return workload("Deployment", "nautilus-backend", "{containers: []}") + workload("Deployment", "pgbouncer", kPort) +
         workload("StatefulSet", "postgresql", kPort);
}

std::string policy(const char* name, const char* of, const std::string& rules) {
  return std::string("---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: ") + name +
         ", namespace: t}\nspec: {podSelector: {matchLabels: {app.kubernetes.io/name: " + of + "}}, " + rules + "}\n";
}

std::string service(const std::string& name, const std::string& selector, const char* more = "") {
  return "---\napiVersion: v1\nkind: Service\nmetadata: {name: " + name + ", namespace: t}\nspec: {selector: " + selector +
         ", ports: [{name: p, port: 80}" + more + "]}\n";
}

std::string slice(const char* name, const char* ready) {
  return std::string("---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s, namespace: t, labels: "
                     "{kubernetes.io/service-name: ") +
         name + "}}\nendpoints: [{conditions: {ready: " + ready + "}}]\n";
}

}  // namespace

TEST_CASE("database.no-primary") {
  const char* id = "database.no-primary";
  judge({id, "no database", "", State::not_applicable, ""});
  judge({id, "one", member("a", "primary") + member("b", "replica"), State::ok, "a leads, 1 standbys are ready"});
  judge({id, "none", member("a", "replica") + member("b", "replica"), State::fail, "no pod carries"});
  judge({id, "two", member("a", "primary") + member("b", "primary"), State::fail, "2 pods say they are the primary: a, b"});
  judge({id, "not ready", member("a", "primary", false) + member("b", "replica"), State::fail, "the primary a is not ready, 1"});
  judge({id, "no pod", workload("StatefulSet", "postgresql", "{}"), State::fail, "no pod at all"});
}

TEST_CASE("database.pgbouncer-down") {
  const char* id = "database.pgbouncer-down";
  judge({id, "absent", "", State::not_applicable, ""});
  judge({id, "up", workload("Deployment", "pgbouncer", "{}", "{readyReplicas: 2}"), State::ok, "2 of 2"});
  judge({id, "half", workload("Deployment", "pgbouncer", "{}", "{readyReplicas: 1}"), State::warn, "1 of 2 instances"});
  judge({id, "down", workload("Deployment", "pgbouncer", "{}"), State::fail, "0 of 2 instances"});
  judge({id, "switched off", workload("Deployment", "pgbouncer", "{}", "{}", "0"), State::fail, "scaled to 0"});
  judge({id, "moving",
         workload("Deployment", "pgbouncer", "{}",
                  "{readyReplicas: 1, conditions: [{type: Progressing, status: 'True', lastUpdateTime: '2026-01-05T11:59:30Z'}]}"),
         State::ok, ""});
}

TEST_CASE("database.credentials-mismatch-by-name") {
  const char* id = "database.credentials-mismatch-by-name";
  const std::string server = workload("StatefulSet", "postgresql", takes("login"));
  judge({id, "no database", workload("Deployment", "pgbouncer", takes("login")), State::not_applicable, ""});
  judge({id, "the same", server + workload("Deployment", "pgbouncer", takes("login")), State::ok, "1 keys"});
  judge({id, "another", server + workload("Deployment", "pgbouncer", takes("old-login")), State::fail,
         "takes app-password from Secret old-login, PostgreSQL takes it from login"});
  judge({id, "another key is another matter", server + workload("Deployment", "pgbouncer", takes("x", "password")), State::ok, ""});
  judge({id, "a variable",
         server + workload("Deployment", "nautilus-backend",
                           "{containers: [{env: [{valueFrom: {secretKeyRef: {name: mine, key: app-password}}}]}]}"),
         State::fail, "Deployment t/nautilus-backend"});
}

TEST_CASE("database.network-policy-blocks") {
  const char* id = "database.network-policy-blocks";
  const std::string from_backend =
      policy("pgbouncer", "pgbouncer",
             "policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app.kubernetes.io/name: "
             "nautilus-backend}}}], ports: [{port: 5432}]}]");
  judge({id, "nothing to connect", "", State::not_applicable, ""});
  judge({id, "no policy", tiers(), State::ok, "3 of 3 ways are open"});
  judge({id, "allowed", tiers() + from_backend, State::ok, ""});
  judge({id, "shut in", tiers() + policy("shut", "pgbouncer", "policyTypes: [Ingress]"), State::fail,
         "Deployment t/nautilus-backend to Deployment t/pgbouncer port 5432\n               Deployment t/pgbouncer: no "
         "policy lets it in; ruled by shut"});
  judge({id, "shut out", tiers() + policy("shut", "pgbouncer", "policyTypes: [Egress]"), State::fail,
         "Deployment t/pgbouncer: no policy lets it out; ruled by shut"});
  judge({id, "another policy still opens it", tiers() + from_backend + policy("shut", "pgbouncer", "policyTypes: [Ingress]"),
         State::ok, ""});
}

TEST_CASE("services without endpoints, by flow") {
  const std::string pods = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: t, labels: {app.kubernetes.io/name: pgbouncer}}\n" +
                           workload("Deployment", "pgbouncer", "{}");
  const std::string good = service("pgbouncer", "{app.kubernetes.io/name: pgbouncer}");
  const char* id = "database.service-without-endpoints";
  judge({id, "none", "", State::not_applicable, ""});
  judge({id, "fine", pods + good + slice("pgbouncer", "true"), State::ok, "1 Services"});
  judge({id, "a typo", pods + service("pgbouncer", "{app.kubernetes.io/name: pgbuoncer}"), State::fail,
         "no pod carries app.kubernetes.io/name=pgbuoncer; pods of Deployment t/pgbouncer carry "
         "app.kubernetes.io/name=pgbouncer"});
  judge({id, "none is ready", pods + good + slice("pgbouncer", "false"), State::fail, "1 pods are selected, none is ready"});
  judge({"services.without-endpoints", "another flow", pods + good, State::not_applicable, ""});
  judge({"services.without-endpoints", "found", service("ui", "{a: b}"), State::fail, "Service t/ui"});
  judge({"services.without-endpoints", "a canary's", service("ui", "{nautilus.trading.com/track: canary}"), State::not_applicable, ""});
  judge({"services.without-endpoints", "endpoints by hand", service("ui", "{}"), State::not_applicable, ""});
  judge({"websocket.service-without-endpoints", "found", service("ws", "{a: b}", ", {name: websocket, port: 81}"), State::fail,
         "Service t/ws"});
  judge({"websocket.service-without-endpoints", "fine",
         service("ws", "{a: b}", ", {name: websocket, port: 81}") + slice("ws", "true"), State::ok, ""});
}
