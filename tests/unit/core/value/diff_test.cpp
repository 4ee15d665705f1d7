#include "core/value/diff.h"

#include <doctest/doctest.h>

#include <random>

#include "core/value/yaml.h"

namespace nautilus::value {
namespace {

std::vector<std::string> changes(const char* before, const char* after) {
  std::vector<std::string> out;
  for (const auto& change : diff(parse_yaml(before, "before").value(), parse_yaml(after, "after").value()))
    out.push_back(
        fmt::format("{} {} {} {}", name(change.kind), change.path, change.before.dump(), change.after.dump()));
  return out;
}

// Applies a unified diff, strictly: every kept and removed line must be where the diff says.
std::string patch(const std::string& before, const std::string& text) {
  std::vector<std::string> lines, out;
  const auto split = [](const std::string& s) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at < s.size();) {
      const std::size_t end = std::min(s.find('\n', at), s.size());
      parts.push_back(s.substr(at, end - at));
      at = end + 1;
    }
    return parts;
  };
  lines = split(before);
  std::size_t at = 0;
  for (const auto& line : split(text)) {
    if (line.starts_with("---") || line.starts_with("+++")) continue;
    if (line.starts_with("@@ -")) {
      std::size_t start = std::stoul(line.substr(4));
      if (line.substr(4, line.find(" +") - 4).ends_with(",0")) ++start;
      REQUIRE_GE(start, at + 1);
      while (at + 1 < start) out.push_back(lines.at(at++));
    } else if (line[0] == '+') {
      out.push_back(line.substr(1));
    } else {
      REQUIRE_EQ(lines.at(at), line.substr(1));
      if (line[0] == ' ') out.push_back(lines[at]);
      ++at;
    }
  }
  while (at < lines.size()) out.push_back(lines[at++]);
  std::string joined;
  for (const auto& line : out) joined += line + "\n";
  return joined;
}

}  // namespace

TEST_CASE("changes are named by path, and list items by their key") {
  struct Row {
    const char *before, *after;
    std::vector<std::string> want;
  };
  for (const Row& row : std::vector<Row>{
           {"a: 1\n", "a: 1\n", {}},
           {"a: 1\nb: 2\n", "a: 2\nc: 3\n", {"changed .a 1 2", "removed .b 2 null", "added .c null 3"}},
           {"a.b: 1\n", "a.b: 2\n", {"changed [\"a.b\"] 1 2"}},
           {"l: [{name: x, v: 1}, {name: y}]\n", "l: [{name: y}, {name: x, v: 2}]\n", {"changed .l[name=x].v 1 2"}},
           {"l: [{containerPort: 1}, {containerPort: 1, protocol: UDP}]\n",
            "l: [{containerPort: 1, protocol: UDP, name: d}, {containerPort: 1, name: t}]\n",
            {"added .l[containerPort=1].name null \"t\"", "added .l[containerPort=1,protocol=UDP].name null \"d\""}},
           {"l: [{name: x}]\n", "l: [{name: x}, {name: z}]\n", {"added .l[name=z] null {\"name\":\"z\"}"}},
           {"l: [1, 2, 3]\n", "l: [1, 4]\n", {"changed .l[1] 2 4", "removed .l[2] 3 null"}},
           {"l: [{name: x}, {name: x, v: 1}]\n", "l: [{name: x}, {name: x, v: 2}]\n", {"changed .l[1].v 1 2"}},
           {"a: {b: 1}\n", "a: [1]\n", {"changed .a {\"b\":1} [1]"}},
           {"1\n", "2\n", {"changed . 1 2"}},
       })
    CHECK_EQ(changes(row.before, row.after), row.want);
}

TEST_CASE("a unified diff shows hunks with context") {
  const Json before = parse_yaml("a: 1\nb: 2\nc: 3\nd: 4\ne: 5\nf: 6\ng: 7\nh: 8\ni: 9\nj: 10\nk: 11\n", "f").value();
  Json after = before;
  after["b"] = 20;
  after["k"] = "x\x1b[31m";
  CHECK_EQ(unified_diff(before, after, "Thing x"),
           "--- Thing x (live)\n+++ Thing x (planned)\n"
           "@@ -1,5 +1,5 @@\n a: 1\n-b: 2\n+b: 20\n c: 3\n d: 4\n e: 5\n"
           "@@ -8,4 +8,4 @@\n h: 8\n i: 9\n j: 10\n-k: 11\n+k: \"x\\e[31m\"\n");
  CHECK_EQ(unified_diff(before, before, "x"), "");
  CHECK_EQ(unified_diff(Json(), Json{{"a", 1}}, "x"), "--- x (live)\n+++ x (planned)\n@@ -0,0 +1 @@\n+a: 1\n");
  CHECK_EQ(unified_diff(Json{{"a", 1}}, Json(), "x"), "--- x (live)\n+++ x (planned)\n@@ -1 +0,0 @@\n-a: 1\n");
}

TEST_CASE("what only the server's bookkeeping changed is not shown") {
  const auto object = [](int generation) {
    return Json{{"metadata",
                 {{"name", "x"},
                  {"generation", generation},
                  {"resourceVersion", std::to_string(generation)},
                  {"managedFields", Json::array({generation})}}}};
  };
  CHECK_EQ(unified_diff(object(1), object(2), "x"), "");
}

TEST_CASE("a diff applied to the first text gives the second") {
  std::mt19937 random(20261123);
  for (int round = 0; round < 400; ++round) {
    INFO(round);
    const auto text = [&] {
      std::string out;
      for (unsigned n = random() % 30; n > 0; --n) out += fmt::format("{}\n", random() % 6);
      return out;
    };
    const std::string a = text(), b = text();
    CHECK_EQ(patch(a, unified_text_diff(a, b, "t", random() % 4)), b);
  }
}

TEST_CASE("texts with nothing in common end at the bound on edits and are still right") {
  std::string a, b;
  for (int i = 0; i < 5000; ++i) a += fmt::format("a{}\n", i), b += fmt::format("b{}\n", i);
  CHECK_EQ(patch(a, unified_text_diff(a, b, "t")), b);
}

}  // namespace nautilus::value
