#include "core/gotmpl/template.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

using namespace nautilus;
using gotmpl::Param;
using gotmpl::Val;

namespace {

std::shared_ptr<const gotmpl::Functions> functions() {
  auto f = gotmpl::Functions::predefined();
  f.add("list", 0, gotmpl::kVariadic, {}, [](gotmpl::Call&, std::span<Val> a) -> Result<Val> {
    return Val::list({a.begin(), a.end()});
  });
  f.add("str", 1, 1, {Param::string}, [](gotmpl::Call&, std::span<Val> a) -> Result<Val> { return a[0]; });
  f.add("num", 1, 1, {Param::integer}, [](gotmpl::Call&, std::span<Val> a) -> Result<Val> { return a[0]; });
  f.add("fail", 1, 1, {Param::string},
        [](gotmpl::Call&, std::span<Val> a) -> Result<Val> { return Error(Code::invalid, a[0].as_string()); });
  f.add("include", 2, 2, {Param::string, Param::any}, [](gotmpl::Call& call, std::span<Val> a) -> Result<Val> {
    ASSIGN_OR_RETURN(std::string out, call.execute(a[0].as_string(), a[1]));
    return Val(std::move(out));
  });
  f.add("tpl", 2, 2, {Param::string, Param::any}, [](gotmpl::Call& call, std::span<Val> a) -> Result<Val> {
    ASSIGN_OR_RETURN(std::string out, call.execute_text(a[0].as_string(), a[1]));
    return Val(std::move(out));
  });
  return std::make_shared<const gotmpl::Functions>(std::move(f));
}

Result<std::string> render(const std::string& text, const Json& data, const gotmpl::Options& options = {}) {
  gotmpl::TemplateSet set(functions());
  TRY(set.parse("t.yaml", text, options.limits));
  return set.execute("t.yaml", gotmpl::from_json(data), options);
}

Json read_json(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return Json::parse(text.str());
}

}  // namespace

TEST_CASE("every recorded case gives what Go gives") {
  std::size_t cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(NAUTILUS_SOURCE_DIR "/tests/unit/core/gotmpl/cases")) {
    if (entry.path().extension() != ".json") continue;
    for (const auto& one : read_json(entry.path())) {
      ++cases;
      const std::string text = value::string_at(one, "text"), option = value::string_at(one, "missingkey");
      CAPTURE(text);
      gotmpl::Options options;
      if (option == "zero") options.missing_key = gotmpl::MissingKey::zero;
      if (option == "error") options.missing_key = gotmpl::MissingKey::error;
      const auto result = render(text, one.contains("data") ? one["data"] : Json(), options);
      const std::string expected_error = value::string_at(one, "error");
      if (expected_error.empty()) {
        CHECK_MESSAGE(result.ok(), result.error().message);
        if (result.ok()) CHECK(*result == value::string_at(one, "out"));
      } else {
        CHECK_FALSE(result.ok());
        if (!result.ok()) CHECK(result.error().message == expected_error);
      }
    }
  }
  CHECK(cases > 600);
}

TEST_CASE("bounds end what would not end, by name") {
  struct Row {
    const char* name;
    std::string text;
    const char* message;
  };
  const Row rows[] = {
      {"include of itself", R"({{define "a"}}{{include "a" .}}{{end}}{{include "a" .}})", "deep"},
      {"template of itself", R"({{define "a"}}{{template "a" .}}{{end}}{{template "a" .}})", "deep"},
      {"doubling include",
       R"({{define "a"}}{{if lt (len .) 28}}{{$x := printf "%sx" .}}{{include "a" $x}}{{include "a" $x}}{{end}}{{end}}{{include "a" ""}})",
       "more than 20000000 steps"},
      {"tpl of itself", R"({{tpl "{{tpl . .}}" "{{tpl . .}}"}})", "deep"},
      {"long loop", R"({{range 1000000000}}{{end}})", "more than 5000000 rounds"},
      {"growing output", R"({{range 100000}}{{printf "%1000d" 1}}{{end}})", "bytes of output"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    const auto result = render(row.text, Json());
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Code::limit);
    CHECK_MESSAGE(result.error().message.find(row.message) != std::string::npos,
                  result.error().message.substr(0, 2000));
  }
  const std::string endless =
      render(R"({{define "a"}}{{include "a" .}}{{end}}{{include "a" .}})", Json()).error().text();
  CHECK_MESSAGE(endless.size() < 2000, endless);
  CHECK_MESSAGE(endless.find(" more calls ...") != std::string::npos, endless);
  const std::string deep = std::string(5000, '(') + "1" + std::string(5000, ')');
  CHECK(render("{{" + deep + "}}", Json()).error().code == Code::limit);
}

TEST_CASE("an interrupt ends a run") {
  struct Always final : port::Interrupt {
    bool requested() const override { return true; }
  } always;
  gotmpl::Options options;
  options.interrupt = &always;
  CHECK(render("{{range 100000}}{{.}}{{end}}", Json(), options).error().code == Code::interrupted);
}

TEST_CASE("an error inside an include names both places, and where it really is") {
  const auto result = render("x\n{{define \"a\"}}\n  {{ .b.c }}{{end}}{{ include \"a\" . }}", Json{{"b", nullptr}});
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().where == "t.yaml:3:7");
  CHECK(result.error().message.find("executing \"t.yaml\" at <include \"a\" .>: error calling include: template: "
                                    "t.yaml:3:7: executing \"a\" at <.b.c>: nil pointer evaluating interface {}.c") !=
        std::string::npos);
}

TEST_CASE("maps are shared, as in Go") {
  auto f = gotmpl::Functions::predefined();
  f.add("set", 3, 3, {Param::map, Param::string, Param::any}, [](gotmpl::Call&, std::span<Val> a) -> Result<Val> {
    a[0].as_map().items.insert_or_assign(a[1].as_string(), a[2]);
    return a[0];
  });
  gotmpl::TemplateSet set(std::make_shared<const gotmpl::Functions>(std::move(f)));
  REQUIRE(set.parse("t", "{{$_ := set .m \"x\" 1}}{{.m.x}}{{with .m}}{{.x}}{{end}}").ok());
  CHECK(set.execute("t", gotmpl::from_json(Json{{"m", Json::object()}}), {}).value() == "11");
}
