#include "core/env/operators.h"

#include <doctest/doctest.h>

#include "core/env/environment.h"
#include "tests/support/memory_filesystem.h"

using namespace nautilus;

namespace {

const std::string kFile = "/p/manifests/environments/prod/environment.yaml";
const std::string kDigest = "sha256:" + std::string(64, 'a');

const std::string kGood = R"(apiVersion: nautilusctl.io/v1alpha1
kind: Environment
metadata: {name: prod}
spec:
  chart: ../../../templates/nautilus-platform
  release: {name: nautilus-prod, namespace: nautilus-trading}
  requireDigests: true
  operators:
    - name: cert-manager
      namespace: cert-manager
      chart: {repository: "https://charts.example/", name: cert-manager, caFile: ca.pem, credentials: {usernameVariable: CHARTS_USER, passwordVariable: CHARTS_PASSWORD}}
      version: v1.21.2
      digest: DIGEST
      values: [cert-manager.yaml]
      provides:
        - {group: cert-manager.io, version: v1, kind: Certificate, plural: certificates}
        - {group: cert-manager.io, version: v1, kind: ClusterIssuer, plural: clusterissuers, scope: Cluster}
        - {group: cert-manager.io, version: v1beta1, kind: Certificate, plural: certificates, scope: Namespaced}
    - name: istio
      namespace: istio-system
      installedBy: other
      provides:
        - {group: networking.istio.io, version: v1, kind: Gateway, plural: gateways, listKind: GatewayList}
    - {name: local, namespace: ops, chart: {directory: ../../../templates/local}, version: 0.1.0}
    - {name: packed, namespace: ops, chart: {archive: packed-0.1.0.tgz}, version: 0.1.0-rc.1+b5}
    - {name: pulled, namespace: ops, chart: {oci: "oci://registry.example/charts/pulled"}, version: 2.0.0}
)";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE_MESSAGE(at != std::string::npos, from);
  return text.replace(at, from.size(), to);
}

Result<env::Environment> loaded(const std::string& text) {
  testing::MemoryFilesystem files;
  files.files[kFile] = text.find("DIGEST") == std::string::npos ? text : replaced(text, "DIGEST", kDigest);
  files.files["/p/templates/x"] = "";
  return env::load(files, "/p", "prod");
}

}  // namespace

TEST_CASE("operators are read with their sources, pins and kinds") {
  const auto env = loaded(kGood);
  REQUIRE_MESSAGE(env.ok(), env.error().text());
  CHECK(env->require_digests);
  REQUIRE(env->operators.size() == 5);
  const env::Operator& first = env->operators[0];
  CHECK(first.ours);
  CHECK(first.chart.kind == env::ChartSource::Kind::repository);
  CHECK(first.chart.location == "https://charts.example");
  CHECK(first.chart.name == "cert-manager");
  CHECK(first.chart.ca_file == "/p/manifests/environments/prod/ca.pem");
  CHECK(first.chart.username_variable == "CHARTS_USER");
  CHECK(first.chart.password_variable == "CHARTS_PASSWORD");
  CHECK(first.digest == kDigest);
  CHECK(first.values == std::vector<std::string>{"/p/manifests/environments/prod/cert-manager.yaml"});
  REQUIRE(first.provides.size() == 3);
  CHECK(first.provides[0].namespaced);
  CHECK(first.provides[0].list_kind == "CertificateList");
  CHECK(first.provides[0].definition() == "certificates.cert-manager.io");
  CHECK_FALSE(first.provides[1].namespaced);
  CHECK_FALSE(env->operators[1].ours);
  CHECK(env->operators[1].chart.kind == env::ChartSource::Kind::none);
  CHECK(env->operators[2].chart.location == "/p/templates/local");
  CHECK(env->operators[3].chart.location == "/p/manifests/environments/prod/packed-0.1.0.tgz");
  CHECK(env->operators[4].chart.location == "oci://registry.example/charts/pulled");
  CHECK(env->operators[4].chart.name == "pulled");
  CHECK(env::provider_of(env->operators, "networking.istio.io", "Gateway") == &env->operators[1]);
  CHECK(env::provider_of(env->operators, "gateway.networking.k8s.io", "Gateway") == nullptr);
}

TEST_CASE("what is wrong with an operator is named with its field") {
  struct Row {
    std::string from, to, field, message;
  };
  const Row rows[] = {
      {"chart: {directory: ../../../templates/local}", "chart: {directory: x, archive: b.tgz}",
       "operators[2].chart.archive", "one source"},
      {"chart: {directory: ../../../templates/local}, version: 0.1.0", "chart: {directory: x}", "operators[2].version",
       "is required"},
      {"chart: {directory: ../../../templates/local}, ", "", "operators[2].chart", "is required"},
      {"chart: {directory: ../../../templates/local}", "chart: {directory: x, name: b}", "operators[2].chart.name",
       "goes with repository"},
      {"chart: {directory: ../../../templates/local}", "chart: {dir: x}", "operators[2].chart.dir", "unknown field"},
      {"version: 0.1.0}", "version: 0.1.0, digest: " + kDigest + "}", "operators[2].digest", "a directory has none"},
      {"version: 0.1.0}", "version: \"0.1\"}", "operators[2].version", "not an exact version"},
      {"version: 0.1.0}", "version: ^0.1.0}", "operators[2].version", "not an exact version"},
      {"DIGEST", "sha256:abc", "operators[0].digest", "64 hexadecimal digits"},
      {"DIGEST", "sha256:" + std::string(64, 'A'), "operators[0].digest", "64 hexadecimal digits"},
      {"https://charts.example/", "http://charts.example/", "operators[0].chart.repository", "plain http://"},
      {"https://charts.example/", "ftp://charts.example/", "operators[0].chart.repository", "must begin with https://"},
      {"https://charts.example/", "https://user:pass@charts.example/", "operators[0].chart.repository",
       "holds credentials"},
      {"https://charts.example/", "https://charts.example/?token=x", "operators[0].chart.repository", "without query"},
      {"name: cert-manager, caFile", "caFile", "operators[0].chart.name", "is required"},
      {"CHARTS_USER", "hunter2!", "operators[0].chart.credentials.usernameVariable", "name of an environment variable"},
      {", passwordVariable: CHARTS_PASSWORD", "", "operators[0].chart.credentials", "needs both"},
      {"oci://registry.example/charts/pulled", "oci://registry.example/charts/pulled:2.0.0", "operators[4].chart.oci",
       "must not carry a version"},
      {"oci://registry.example/charts/pulled", "registry.example/charts/pulled", "operators[4].chart.oci",
       "must be oci://"},
      {"installedBy: other", "installedBy: argo", "operators[1].installedBy", "must be one of nautilusctl, other"},
      {"installedBy: other", "installedBy: other\n      version: 1.0.0", "operators[1].version", "there is none"},
      {"name: istio\n", "name: cert-manager\n", "operators[1].name", "is there twice"},
      {"release: {name: nautilus-prod, namespace: nautilus-trading}", "release: {name: local, namespace: ops}",
       "operators[2].name", "the environment's own release"},
      {"name: istio\n", "name: Istio\n", "operators[1].name", "cannot name a release"},
      {"namespace: istio-system", "namespace: istio_system", "operators[1].namespace", "not a namespace"},
      {"group: networking.istio.io", "group: apps", "operators[1].provides[0].group", "not the group of a custom kind"},
      {"kind: Gateway, plural: gateways", "kind: gateway, plural: gateways", "operators[1].provides[0].kind",
       "not a kind"},
      {"plural: gateways", "plural: Gateways", "operators[1].provides[0].plural", "not a plural name"},
      {"version: v1, kind: Gateway", "version: v1.2, kind: Gateway", "operators[1].provides[0].version",
       "not a version"},
      {"plural: gateways, listKind", "plural: gateways, scope: cluster, listKind", "operators[1].provides[0].scope",
       "must be one of Namespaced, Cluster"},
      {"{group: networking.istio.io, version: v1, kind: Gateway, plural: gateways, listKind: GatewayList}",
       "{group: cert-manager.io, version: v1, kind: Certificate, plural: certificates}", "operators[1].provides[0]",
       "provided by cert-manager already"},
      {"version: v1beta1", "version: v1", "operators[0].provides[2]", "is there twice"},
      {"plural: certificates, scope: Namespaced", "plural: certificates, scope: Cluster", "operators[0].provides[2]",
       "differ between its versions"},
      {"      provides:\n        - {group: networking.istio.io, version: v1, kind: Gateway, plural: gateways, "
       "listKind: GatewayList}\n",
       "", "operators[1].provides", "the kinds that are waited for"},
      {"requireDigests: true", "requireDigests: yes please", "requireDigests", "expected true or false"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.from);
    CAPTURE(row.to);
    const auto env = loaded(replaced(kGood, row.from, row.to));
    REQUIRE_FALSE(env.ok());
    CHECK(env.error().code == Code::invalid);
    CHECK_MESSAGE(env.error().where.ends_with(": spec." + row.field), env.error().where);
    CHECK(env.error().where.starts_with(kFile));
    CHECK_MESSAGE(env.error().message.find(row.message) != std::string::npos, env.error().message);
  }
}

TEST_CASE("the number of operators and kinds is bounded") {
  std::string many = kGood;
  for (int i = 0; i < 64; ++i)
    many += "    - {name: o" + std::to_string(i) + ", namespace: x, chart: {directory: x}, version: 1.0.0}\n";
  const auto env = loaded(many);
  REQUIRE_FALSE(env.ok());
  CHECK(env.error().message.find("more than 64 entries") != std::string::npos);
}
