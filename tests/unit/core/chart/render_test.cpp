// Bounds, errors and ports of rendering. What templates give is in golden_test.cpp.
#include "core/chart/render.h"

#include <doctest/doctest.h>

#include "tests/unit/core/chart/memory_filesystem.h"

using namespace nautilus;
using namespace nautilus::chart;

namespace {

class SeededEntropy final : public port::Entropy {
 public:
  explicit SeededEntropy(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::byte> out) override {
    for (std::byte& one : out) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      one = static_cast<std::byte>(state_ >> 56);
    }
  }

 private:
  std::uint64_t state_;
};

class FixedClock final : public port::Clock {
 public:
  port::WallTime now() const override { return port::WallTime(std::chrono::seconds(1'790'000'000)); }
  port::Monotonic monotonic() const override { return {}; }
};

class Interrupted final : public port::Interrupt {
 public:
  bool requested() const override { return true; }
};

const char* const kChartYaml = "apiVersion: v2\nname: demo\nversion: 1.0.0\n";

Result<Rendered> render_files(const std::map<std::string, std::string>& files, const Json& values = Json::object(),
                              RenderServices services = {}, const std::string& release_name = "rel") {
  chart_test::MemoryFilesystem disk;
  disk.files["demo/Chart.yaml"] = kChartYaml;
  for (const auto& [name, text] : files) disk.files["demo/" + name] = text;
  ASSIGN_OR_RETURN(const auto loaded, load(disk, "demo"));
  ReleaseInfo release;
  release.name = release_name;
  release.namespace_ = "ns";
  return render(*loaded, values, release, {}, services);
}

Error failure(const std::map<std::string, std::string>& files, const Json& values = Json::object(),
              RenderServices services = {}) {
  auto rendered = render_files(files, values, services);
  if (rendered.ok()) FAIL("it rendered");
  return rendered.ok() ? Error() : std::move(rendered).error();
}

}  // namespace

TEST_CASE("templates that never end are stopped by a bound") {
  SUBCASE("calling themselves") {
    const Error error =
        failure({{"templates/a.yaml", "{{ define \"a\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}"}});
    CHECK(error.code == Code::limit);
  }
  SUBCASE("calling themselves twice, to a depth that would take years") {
    RenderServices services;
    services.limits.steps = 200'000;
    const char* text =
        "{{ define \"a\" }}{{ if gt (int .) 0 }}{{ include \"a\" (sub (int .) 1) }}{{ include \"a\" (sub (int .) 1) "
        "}}{{ end }}{{ end }}"
        "{{ include \"a\" 60 }}";
    CHECK(failure({{"templates/a.yaml", text}}, Json::object(), services).code == Code::limit);
  }
  SUBCASE("through tpl") {
    CHECK(failure({{"templates/a.yaml", "{{ tpl .Values.t . }}"}}, {{"t", "{{ tpl .Values.t . }}"}}).code ==
          Code::limit);
  }
  SUBCASE("making texts and lists without end") {
    for (const char* text :
         {"{{ repeat 2000000000 \"xxxxxxxxxx\" }}", "{{ until 2000000000 }}", "{{ untilStep 0 2000000000 1 }}",
          "{{ seq 2000000000 }}", "{{ indent 2000000000 \"x\" }}", "{{ randAlphaNum 2000000000 }}",
          "{{ range until 900000 }}{{ range until 900000 }}{{ end }}{{ end }}"}) {
      CAPTURE(text);
      SeededEntropy entropy(1);
      RenderServices services;
      services.entropy = &entropy;
      services.limits.steps = 2'000'000;
      CHECK(failure({{"templates/a.yaml", text}}, Json::object(), services).code == Code::limit);
    }
  }
  SUBCASE("with a map that contains itself") {
    for (const char* function : {"toYaml", "toJson", "deepCopy", "toToml"}) {
      CAPTURE(function);
      const std::string text =
          fmt::format("{{{{ $d := dict }}}}{{{{ $_ := set $d \"d\" $d }}}}{{{{ $x := {} $d }}}}", function);
      CHECK(failure({{"templates/a.yaml", text}}).code == Code::limit);
    }
  }
}

TEST_CASE("an interrupt ends rendering") {
  Interrupted interrupt;
  RenderServices services;
  services.interrupt = &interrupt;
  CHECK(failure({{"templates/a.yaml", "{{ range until 100000 }}x{{ end }}"}}, Json::object(), services).code ==
        Code::interrupted);
}

TEST_CASE("an error in a template names file, line, column and expression") {
  const Error error = failure({{"templates/a.yaml", "kind: A\nb: {{ .Values.a.b.c }}\n"}});
  CHECK(error.code == Code::invalid);
  CHECK(error.where.starts_with("demo/templates/a.yaml:2:"));
  CHECK(error.message.find(".Values.a.b.c") != std::string::npos);
  const Error missing = failure({{"templates/a.yaml", "{{ required \"set a password\" .Values.password }}"}});
  CHECK(missing.message.find("set a password") != std::string::npos);
  CHECK(missing.where.starts_with("demo/templates/a.yaml:1:"));
  const Error syntax = failure({{"templates/a.yaml", "x\n{{ if }}\n"}});
  CHECK(syntax.where.starts_with("demo/templates/a.yaml:2"));
}

TEST_CASE("an error in rendered YAML names the template and the line of its output") {
  const Error error = failure({{"templates/a.yaml", "kind: A\n---\nkind: B\nmetadata:\n  name: x\n bad: y\n"}});
  CHECK(error.code == Code::invalid);
  CHECK(error.where.starts_with("demo/templates/a.yaml (output line 6"));
  CHECK(failure({{"templates/a.yaml", "- a\n- b\n"}}).where == "demo/templates/a.yaml (output line 1)");
  CHECK(failure({{"templates/a.yaml", "kind: A\nmetadata: {annotations: {x: 5}}\n"}}).hint.find("quote") !=
        std::string::npos);
}

TEST_CASE("hooks are set apart with their events, weights and policies") {
  const auto rendered = render_files(
      {{"templates/job.yaml",
        "kind: Job\nmetadata:\n  name: j\n  annotations:\n    helm.sh/hook: pre-install, Post-Upgrade\n"
        "    helm.sh/hook-weight: \"-5\"\n    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded\n"
        "    helm.sh/hook-output-log-policy: hook-failed\n"},
       {"templates/test.yaml",
        "kind: Pod\nmetadata: {annotations: {helm.sh/hook: test-success, helm.sh/hook-weight: x}}\n"},
       {"templates/NOTES.txt", "Hello {{ .Release.Name }}"},
       {"templates/a.yaml", "kind: A\n---\n\n---\nkind: B\n"}});
  REQUIRE_MESSAGE(rendered.ok(), rendered.error().text());
  REQUIRE(rendered->hooks.size() == 2);
  const Hook& job = rendered->hooks[1];
  CHECK(job.events == std::vector<std::string>{"pre-install", "post-upgrade"});
  CHECK(job.weight == -5);
  CHECK(job.delete_policies == std::vector<std::string>{"before-hook-creation", "hook-succeeded"});
  CHECK(job.output_log_policies == std::vector<std::string>{"hook-failed"});
  CHECK(rendered->hooks[0].events == std::vector<std::string>{"test"});
  CHECK(rendered->hooks[0].weight == 0);
  CHECK(rendered->notes == "Hello rel");
  REQUIRE(rendered->objects.size() == 2);
  CHECK(rendered->objects[1].source == "demo/templates/a.yaml");
  CHECK(rendered->objects[1].document == 1);
}

TEST_CASE("randomness comes from the port: the same seed gives the same secrets") {
  const std::map<std::string, std::string> files{
      {"templates/a.yaml",
       "kind: A\np: {{ randAlphaNum 20 }}\nu: {{ uuidv4 }}\nk: {{ genPrivateKey \"ed25519\" | quote }}\nb: {{ bcrypt "
       "\"x\" }}\n"
       "d: {{ now | date \"2006-01-02\" }}\ne: {{ encryptAES \"k\" \"text\" }}\ns: {{ shuffle \"abcdefghij\" }}\n"}};
  FixedClock clock;
  const auto with_seed = [&](std::uint64_t seed) {
    SeededEntropy entropy(seed);
    RenderServices services;
    services.entropy = &entropy;
    services.clock = &clock;
    auto rendered = render_files(files, Json::object(), services);
    if (!rendered.ok()) FAIL(rendered.error().text());
    return rendered->objects.at(0).object;
  };
  const Json first = with_seed(1);
  CHECK(first == with_seed(1));
  CHECK(first["p"] != with_seed(2)["p"]);
  CHECK(first["d"] == "2026-09-21");
  CHECK(failure({{"templates/a.yaml", "{{ randAlpha 5 }}"}}).code == Code::refused);
  CHECK(failure({{"templates/a.yaml", "{{ now }}"}}).code == Code::refused);
}

TEST_CASE("what cannot be installed is refused before anything is rendered") {
  CHECK(render_files({}, Json::object(), {}, "Not_A_Name").error().message.find("release name") != std::string::npos);
  CHECK(render_files({}, Json::object(), {}, std::string(54, 'a')).error().code == Code::invalid);
  CHECK(render_files({}, Json::object(), {}, "a.b-c").ok());
  CHECK(render_files({}, Json::object(), {}, "a..b").error().code == Code::invalid);
  CHECK(failure({{"Chart.yaml", std::string(kChartYaml) + "type: library\n"}}).message.find("library") !=
        std::string::npos);
  CHECK(failure({{"Chart.yaml", std::string(kChartYaml) + "dependencies: [{name: redis, version: 1.0.0}]\n"}})
            .message.find("redis") != std::string::npos);
  CHECK(failure({{"Chart.yaml", std::string(kChartYaml) + "kubeVersion: \"<1.20\"\n"}}).code == Code::refused);
}

TEST_CASE("Chart.yaml of the wrong shape is refused with its field") {
  const auto error_of = [](const std::string& text) { return failure({{"Chart.yaml", text}}); };
  CHECK(error_of("name: x\n").message == "the chart has no version");
  CHECK(error_of("name: x\nversion: 1.x\n").message.find("semantic version") != std::string::npos);
  CHECK(error_of(std::string(kChartYaml) + "keywords: {a: b}\n").message ==
        "keywords must be a list of strings, not a map");
  CHECK(error_of(std::string(kChartYaml) + "maintainers: [x]\n").message ==
        "maintainers[0] must be a map, not a string");
  CHECK(
      error_of(std::string(kChartYaml) + "dependencies: [{name: a, tags: x}]\n").message.find("dependencies[0].tags") !=
      std::string::npos);
  CHECK(error_of(std::string(kChartYaml) + "dependencies: [{name: a}, {name: b, alias: a}]\n")
            .message.find("two dependencies") != std::string::npos);
  CHECK(error_of("name: ../x\nversion: 1.0.0\n").message.find("not allowed") != std::string::npos);
  CHECK(error_of("[1, 2]\n").where == "demo/Chart.yaml");
}
