#include "core/env/environment.h"

#include <doctest/doctest.h>

#include "tests/support/memory_filesystem.h"

using namespace nautilus;

namespace {

const std::string kFile = "/p/manifests/environments/prod/environment.yaml";

const std::string kGood = R"(apiVersion: nautilusctl.io/v1alpha1
kind: Environment
metadata: {name: prod}
spec:
  chart: ../../../templates/nautilus-platform
  values: [values-production.yaml]
  release: {name: nautilus-prod, namespace: nautilus-trading}
  cluster: {context: "", kubeSystemUID: "u-1"}
  kubeVersion: v1.37.2
  generatedSecrets:
    - {name: db, namespace: nautilus-trading, keys: {password: {length: 24}, other: {}}}
  externalSecrets:
    - {name: tls, namespace: nautilus-trading, why: certificate of the ingress}
  timeouts: {wave: 7m, total: 1h}
  history: {limit: 3}
)";

testing::MemoryFilesystem project_with(const std::string& text) {
  testing::MemoryFilesystem files;
  files.files[kFile] = text;
  files.files["/p/templates/x"] = "";
  return files;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("an environment file is read with its paths resolved") {
  const auto files = project_with(kGood);
  auto env = env::load(files, "/p", "prod");
  REQUIRE_MESSAGE(env.ok(), env.error().text());
  CHECK(env->chart == "/p/templates/nautilus-platform");
  CHECK(env->values == std::vector<std::string>{"/p/manifests/environments/prod/values-production.yaml"});
  CHECK(env->release == "nautilus-prod");
  CHECK(env->namespace_ == "nautilus-trading");
  CHECK(env->kube_system_uid == "u-1");
  CHECK(env->wave_timeout == std::chrono::minutes(7));
  CHECK(env->total_timeout == std::chrono::hours(1));
  CHECK(env->history_limit == 3);
  REQUIRE(env->generated_secrets.size() == 1);
  CHECK(env->generated_secrets[0].keys.at("password") == 24);
  CHECK(env->generated_secrets[0].keys.at("other") == 32);
  REQUIRE(env->external_secrets.size() == 1);
  CHECK(env->external_secrets[0].why == "certificate of the ingress");
}

TEST_CASE("what is wrong with an environment file is named with its field") {
  struct Row {
    std::string from, to, where, message;
  };
  const Row rows[] = {
      {"history: {limit: 3}", "histroy: {limit: 3}", kFile + ":15: spec.histroy", "unknown field"},
      {"limit: 3", "limit: three", kFile + ":15: spec.history.limit", "expected an integer, found string"},
      {"limit: 3", "limit: 0", kFile + ":15: spec.history.limit", "must be between 1 and 100"},
      {"wave: 7m", "wave: soon", kFile + ":14: spec.timeouts.wave", "soon"},
      {"wave: 7m", "wave: 0s", kFile + ":14: spec.timeouts.wave", "more than zero"},
      {"values: [values-production.yaml]", "values: x", kFile + ":6: spec.values", "expected a list of strings"},
      {"name: nautilus-prod, ", "", kFile + ":7: spec.release.name", "is required"},
      {"{length: 24}", "{length: 4}", kFile + ":11: spec.generatedSecrets[0].keys.password.length",
       "between 8 and 256"},
      {"kind: Environment", "kind: Env", kFile + ":2: kind", "must be Environment"},
      {"v1alpha1", "v9", kFile + ":1: apiVersion", "must be nautilusctl.io/v1alpha1"},
      {"{name: prod}", "{name: staging}", kFile, "but the folder is \"prod\""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.to);
    const auto files = project_with(replaced(kGood, row.from, row.to));
    auto env = env::load(files, "/p", "prod");
    REQUIRE_FALSE(env.ok());
    CHECK(env.error().where == row.where);
    CHECK_MESSAGE(env.error().message.find(row.message) != std::string::npos, env.error().message);
    CHECK(env.error().code == Code::invalid);
  }
}

TEST_CASE("an unknown environment lists the known ones and is a usage error") {
  const auto files = project_with(kGood);
  for (const char* name : {"production", "", "../prod", ".hidden"}) {
    CAPTURE(name);
    auto env = env::load(files, "/p", name);
    REQUIRE_FALSE(env.ok());
    CHECK(env.error().code == Code::usage);
    CHECK(env.error().hint.find("environments of this project: prod") != std::string::npos);
  }
}

TEST_CASE("the project is found from a folder below it") {
  const auto files = project_with(kGood);
  CHECK(env::find_project(files, "/p/manifests/environments").value() == "/p");
  CHECK_FALSE(env::find_project(files, "/elsewhere").ok());
}
