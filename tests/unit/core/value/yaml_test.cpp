#include "core/value/yaml.h"

#include <doctest/doctest.h>

#include <chrono>
#include <random>

namespace nautilus::value {
namespace {

struct Refused {
  std::string text, where, message;
  Code code = Code::invalid;
};

void check(const Refused& row) {
  INFO(row.text.substr(0, 200));
  auto got = parse_yaml_all(row.text, "f.yaml");
  REQUIRE_FALSE(got.ok());
  CHECK_EQ(got.error().code, row.code);
  CHECK_EQ(got.error().where, row.where);
  INFO(got.error().message);
  CHECK_NE(got.error().message.find(row.message), std::string::npos);
}

std::string repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("bad YAML is refused with its place") {
  for (const Refused& row : std::vector<Refused>{
           {"a: 1\nb: 2\na: 3\n", "f.yaml:3:1", "key \"a\" is given twice: here and in line 1"},
           {"a:\n  b: 1\n  c:\n    d: 1\n    d: 2\n", "f.yaml:5:5", "here and in line 4"},
           {"a: [1, 2\n", "f.yaml:2:1", "not YAML"},
           {"a: 'x\n", "f.yaml:1:4", "does not end"},
           {"a: 1\nb\n", "f.yaml:2:1", "colon"},
           {"a: 1\n b: 2\n", "f.yaml:2:3", "not YAML"},
           {"  a: 1\n b: 2\n", "f.yaml:2:2", "indentation"},
           {"a:\n\tb: 1\n", "f.yaml:2:1", "a tab is no indentation"},
           {"a: .nan\n", "f.yaml:1:4", "NaN"},
           {"a: !!int x\n", "f.yaml:1:4", "\"x\" is not a !!int"},
           {"[a]: 1\n", "f.yaml:1:1", "cannot be a key"},
           {"~: 1\n", "f.yaml:1:1", "null cannot be a key"},
           {"a: 1\x1b[2J\n", "f.yaml:1:5", "control character \\x1b"},
           {"a: \xff\n", "f.yaml:1:4", "byte \\xff"},
           {"a: &x [*x]\n", "f.yaml:1:8", "contains it"},
           {"a: *x\n", "f.yaml:1:4", "no anchor \"x\""},
           {repeat("[", 600), "f.yaml:1:501", "nested deeper than 500", Code::limit},
       })
    check(row);
}

TEST_CASE("a key given twice is a warning with its place where the last one counts") {
  struct Row {
    std::string text, value;
    std::vector<std::string> where;
  };
  for (const Row& row : std::vector<Row>{
           {"a: 1\n", R"({"a":1})", {}},
           {"a: 1\nb: 2\na: 3\n", R"({"a":3,"b":2})", {"f.yaml:3:1"}},
           {"a: {x: 1}\na: {z: 2}\n", R"({"a":{"z":2}})", {"f.yaml:2:1"}},  // replaced, not merged
           {"a: 1\na: 2\na:\n", R"({"a":null})", {"f.yaml:2:1", "f.yaml:3:1"}},
           {"m:\n  a: 1\n  <<: {a: 2}\n  a: 3\n", R"({"m":{"a":3}})", {"f.yaml:4:3"}},
           {"m:\n  <<: {a: 2}\n  a: 3\n", R"({"m":{"a":3}})", {}},
           {"m: &x 1\nm: &x 2\nl: *x\n", R"({"l":2,"m":2})", {"f.yaml:2:1"}},
           {"---\na: 1\na: 2\n", R"({"a":2})", {"f.yaml:3:1"}},
       }) {
    INFO(row.text);
    std::vector<YamlWarning> warnings;
    auto got = parse_yaml(row.text, "f.yaml", as_helm_reads_it(&warnings));
    REQUIRE(got.ok());
    CHECK_EQ(got->dump(), row.value);
    std::vector<std::string> where;
    for (const auto& warning : warnings) where.push_back(warning.where);
    CHECK_EQ(where, row.where);
  }
  std::vector<YamlWarning> warnings;
  REQUIRE(parse_yaml("a: 1\nb: 2\na: 3\n", "f.yaml", as_helm_reads_it(&warnings)).ok());
  CHECK_EQ(warnings[0].message, "key \"a\" is given twice: here and in line 1; this one counts");
  // Many of them cost no more than many keys, and are not all told.
  warnings.clear();
  auto many = parse_yaml("k: 0\n" + repeat("k: 1\n", 200'000), "f.yaml", as_helm_reads_it(&warnings));
  REQUIRE(many.ok());
  CHECK_EQ(many->dump(), R"({"k":1})");
  CHECK_EQ(warnings.size(), kMaxYamlWarnings);
}

TEST_CASE("an alias bomb ends at the bound on nodes") {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'i'; ++c)
    bomb += fmt::format("{0}: &{0} [{1}]\n", c, repeat(fmt::format("*{},", static_cast<char>(c - 1)), 10));
  auto got = parse_yaml(bomb, "bomb.yaml");
  REQUIRE_FALSE(got.ok());
  CHECK_EQ(got.error().code, Code::limit);
  CHECK_NE(got.error().text().find("bomb.yaml:"), std::string::npos);
  CHECK_NE(got.error().message.find("2000000 nodes"), std::string::npos);
}

TEST_CASE("aliases of a long text end at the bound on bytes") {
  YamlLimits limits;
  limits.max_bytes = 100'000;
  auto got = parse_yaml("a: &a " + repeat("x", 2000) + "\nb: [" + repeat("*a, ", 100) + "]\n", "f", limits);
  REQUIRE_FALSE(got.ok());
  CHECK_EQ(got.error().code, Code::limit);
}

TEST_CASE("documents are told apart, empty ones skipped, with the line where each begins") {
  auto got = parse_yaml_documents("# nothing\n---\n---\na: 1\n---\n# c\n\nb: 2\n...\n---\nnull\n--- x\n", "f");
  REQUIRE(got.ok());
  REQUIRE_EQ(got->size(), 3u);
  CHECK_EQ((*got)[0].value, Json{{"a", 1}});
  CHECK_EQ((*got)[0].line, 4);
  CHECK_EQ((*got)[1].value, Json{{"b", 2}});
  CHECK_EQ((*got)[1].line, 8);
  CHECK_EQ((*got)[2].value, Json("x"));
}

TEST_CASE("a single document is expected where one is asked for") {
  CHECK(parse_yaml("", "f").value().is_null());
  auto two = parse_yaml("a: 1\n---\nb: 1\n", "f");
  REQUIRE_FALSE(two.ok());
  CHECK_EQ(two.error().where, "f:3");
}

// Except a key "<<", which Go writes plain too.
TEST_CASE("what is written is read back the same") {
  std::mt19937 random(20261123);
  const std::vector<std::string> atoms = {
      "a",          "Z",   "0",    "1",   "-",   "_",  ".",    ":",      ": ",        " ", " #",     "\n",
      "\n\n",       "\t",  "'",    "\"",  "\\",  ",",  "[",    "]",      "{",         "}", "?",      "- ",
      "!",          "&",   "*",    "|",   ">",   "%",  "@",    "=",      "~",         "e", "\u00e9", "\u4e2d",
      "\U0001F600", "yes", "null", "---", "...", "\r", "\x1b", "\u00a0", "words and "};
  const auto text = [&] {
    std::string out;
    for (unsigned n = random() % 9; n > 0; --n) out += atoms[random() % atoms.size()];
    return out;
  };
  const auto make = [&](auto&& self, int depth) -> Json {
    switch (random() % (depth > 0 ? 8 : 6)) {
      case 0: return nullptr;
      case 1: return random() % 2 == 0;
      case 2: return static_cast<std::int64_t>(random()) - 1'000'000'000;
      case 3: return 0.5 + static_cast<double>(random()) / 7;
      case 6: {
        Json list = Json::array();
        for (unsigned n = random() % 5; n > 0; --n) list.push_back(self(self, depth - 1));
        return list;
      }
      case 7: {
        Json object = Json::object();
        for (unsigned n = random() % 6; n > 0; --n) object[text()] = self(self, depth - 1);
        return object;
      }
      default: return text();
    }
  };
  for (int round = 0; round < 3000; ++round) {
    const Json value = make(make, 5);
    const std::string written = to_yaml(value);
    INFO(written);
    auto back = parse_yaml(written, "f");
    INFO((back.ok() ? back->dump() : back.error().text()));
    REQUIRE(back.ok());
    if (value.is_number_float() || back->is_number()) continue;  // 5.0 is written as 5
    CHECK_EQ(back->dump(), value.dump());
  }
}

TEST_CASE("reading and writing grow linearly") {
  const auto seconds = [](int keys) {
    Json object = Json::object();
    for (int i = 0; i < keys; ++i) object[fmt::format("key-{}", i)] = fmt::format("value {}", i);
    const auto start = std::chrono::steady_clock::now();
    const std::string text = to_yaml(object);
    auto back = parse_yaml(text, "f");
    REQUIRE(back.ok());
    CHECK_EQ(*back, object);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const double small = seconds(4000), large = seconds(40000);
  CHECK_LT(large, small * 40 + 0.5);  // quadratic would be a hundred times
}

}  // namespace nautilus::value
