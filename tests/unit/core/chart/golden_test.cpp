// Against real Helm: the expressions and charts in tests/differential/helm, whose results record.py has recorded.
#include <doctest/doctest.h>

#include "core/chart/render.h"
#include "core/value/yaml.h"
#include "tests/unit/core/chart/disk_filesystem.h"

using namespace nautilus;
using namespace nautilus::chart;

namespace {

const std::string kRoot = NAUTILUS_SOURCE_DIR "/tests/differential/helm/";

class SeededEntropy final : public port::Entropy {
 public:
  void fill(std::span<std::byte> out) override {
    for (std::byte& one : out) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      one = static_cast<std::byte>(state_ >> 56);
    }
  }

 private:
  std::uint64_t state_ = 42;
};

class FixedClock final : public port::Clock {
 public:
  port::WallTime now() const override { return port::WallTime(std::chrono::seconds(1'790'000'000)); }
  port::Monotonic monotonic() const override { return {}; }
};

std::string read(const std::string& path) {
  auto text = chart_test::DiskFilesystem().read(path, 1u << 30);
  if (!text.ok()) FAIL(path << ": " << text.error().text());
  return text.ok() ? *text : "";
}

RenderServices services() {
  static SeededEntropy entropy;
  static FixedClock clock;
  RenderServices out;
  out.entropy = &entropy;
  out.clock = &clock;
  return out;
}

ReleaseInfo release() {
  ReleaseInfo out;
  out.name = "rel";
  out.namespace_ = "ns";
  return out;
}

// The chart that record.py generates, for one expression.
Result<RenderedTexts> evaluate(const Chart& base, const std::string& named, const std::string& expression) {
  Chart chart = base;
  auto templates = std::make_shared<Files>();
  templates->push_back({"templates/_named.tpl", named});
  templates->push_back({"templates/_cases.tpl", "{{- define \"case\" -}}" + expression + "{{- end -}}"});
  templates->push_back({"templates/probe.yaml", "{{ toJson (include \"case\" .) }}"});
  chart.templates = std::move(templates);
  auto ports = services();
  return render_texts(chart, Json::object(), release(), {}, ports);
}

struct Count {
  int good = 0, bad = 0;
};

void check_expression(const Chart& base, const std::string& named, const Json& recorded, Count& count) {
  const std::string expression = recorded["expression"];
  const auto texts = evaluate(base, named, expression);
  std::string problem;
  if (recorded.contains("error")) {
    if (texts.ok()) problem = "does not fail: " + texts->front().second;
  } else if (!texts.ok()) {
    problem = "fails: " + texts.error().text();
  } else {
    const Json output = Json::parse(texts->front().second, nullptr, false);
    if (output != recorded["output"])
      problem = fmt::format("gives {} instead of {}", output.dump(), recorded["output"].dump());
  }
  ++(problem.empty() ? count.good : count.bad);
  if (!problem.empty()) MESSAGE(expression << " " << problem);
}

void check_family(const std::string& family, int known_differences) {
  chart_test::DiskFilesystem disk;
  Chart base;
  {
    auto loaded = load(disk, kRoot + "expressions/files");
    REQUIRE_MESSAGE(loaded.ok(), loaded.error().text());
    base = **loaded;
  }
  ValuesInput input;
  input.files = {kRoot + "expressions/values.yaml"};
  auto values = merge_values(disk, input);
  REQUIRE_MESSAGE(values.ok(), values.error().text());
  base.values = *values;
  // The generated chart has files/data only; the helper file beside it is a template there.
  auto files = std::make_shared<Files>();
  std::string named;
  for (const File& file : *base.files) {
    if (file.name == "_named.tpl")
      named = file.data;
    else
      files->push_back(file);
  }
  base.files = files;
  Count count;
  for (const Json& recorded : Json::parse(read(kRoot + "expressions/" + family + ".json")))
    check_expression(base, named, recorded, count);
  MESSAGE(family << ": " << count.good << " as Helm, " << count.bad << " not");
  CHECK(count.good > 40);
  CHECK(count.bad == known_differences);
}

// --- whole charts

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto end = std::min(text.find('\n', at), text.size());
    if (end > at) out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

ValuesInput flags_of(const std::string& directory) {
  ValuesInput input;
  chart_test::DiskFilesystem disk;
  if (!disk.exists(directory + "/flags")) return input;
  const auto lines = lines_of(read(directory + "/flags"));
  for (std::size_t i = 0; i + 1 < lines.size(); i += 2) {
    std::string value = lines[i + 1];
    if (const auto at = value.find("CASE"); at != std::string::npos) value.replace(at, 4, directory);
    const std::map<std::string, std::vector<std::string>*> targets = {{"-f", &input.files},
                                                                      {"--set", &input.set},
                                                                      {"--set-string", &input.set_string},
                                                                      {"--set-json", &input.set_json},
                                                                      {"--set-file", &input.set_file},
                                                                      {"--set-literal", &input.set_literal}};
    targets.at(lines[i])->push_back(value);
  }
  return input;
}

Result<Rendered> render_case(const std::string& directory) {
  chart_test::DiskFilesystem disk;
  ASSIGN_OR_RETURN(const auto loaded, load(disk, directory + "/chart"));
  ASSIGN_OR_RETURN(const Json values, merge_values(disk, flags_of(directory)));
  auto ports = services();
  return render(*loaded, values, release(), {}, ports);
}

// What Helm printed, as (source, object) in its order; hooks are printed last.
std::vector<std::pair<std::string, Json>> printed(const std::string& output) {
  std::vector<std::pair<std::string, Json>> out;
  for (const Document& document : split_documents(output)) {
    // The second document of a file in crds/ is printed without its source.
    std::string source = out.empty() ? "" : out.back().first;
    if (document.text.starts_with("# Source: ")) source = document.text.substr(10, document.text.find('\n') - 10);
    auto parsed = value::parse_yaml(document.text, "golden");
    REQUIRE_MESSAGE(parsed.ok(), parsed.error().text());
    if (!parsed->is_null()) out.emplace_back(source, std::move(*parsed));
  }
  return out;
}

void check_case(const std::string& name) {
  CAPTURE(name);
  const std::string directory = kRoot + "charts/" + name;
  const Json golden = Json::parse(read(directory + "/golden.json"));
  const auto rendered = render_case(directory);
  if (golden.contains("error")) {
    CHECK_FALSE_MESSAGE(rendered.ok(), "Helm says: " << golden["error"]);
    return;
  }
  if (!rendered.ok()) {
    FAIL_CHECK(rendered.error().text());
    return;
  }
  std::vector<std::pair<std::string, Json>> ours;
  for (const auto* part : {&rendered->crds, &rendered->objects})
    for (const Manifest& one : *part) ours.emplace_back(one.source, one.object);
  for (const Hook& hook : rendered->hooks) ours.emplace_back(hook.manifest.source, hook.manifest.object);
  const auto theirs = printed(golden["output"]);
  REQUIRE(ours.size() == theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    CAPTURE(i);
    CHECK(ours[i].first == theirs[i].first);
    CHECK(ours[i].second == theirs[i].second);
  }
}

}  // namespace

// The second number is how many lines are known to differ; docs/architecture/chart.md lists them.
TEST_CASE("strings are made as Helm makes them") { check_family("strings", 0); }
TEST_CASE("lists are made as Helm makes them") { check_family("lists", 0); }
TEST_CASE("dicts are made as Helm makes them") { check_family("dicts", 1); }
TEST_CASE("numbers are calculated as Helm calculates them") { check_family("math", 0); }
TEST_CASE("defaults and types are as Helm has them") { check_family("defaults", 2); }
TEST_CASE("data is encoded and decoded as Helm does it") { check_family("encoding", 2); }
TEST_CASE("hashes, passwords and certificates are as Helm makes them") { check_family("crypto", 0); }
TEST_CASE("versions, regular expressions and paths are as in Helm") { check_family("versions", 0); }
TEST_CASE("dates and durations are as in Helm") { check_family("dates", 0); }
TEST_CASE("include, tpl, files and the built-in objects are as in Helm") { check_family("helm", 1); }

TEST_CASE("whole charts give the objects Helm gives, in its order") {
  chart_test::DiskFilesystem disk;
  const auto names = disk.list(kRoot + "charts");
  REQUIRE(names.ok());
  CHECK(names->size() > 50);
  for (const std::string& name : *names) check_case(name);
}
