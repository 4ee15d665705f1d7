// Conversations recorded with kube-apiserver 1.37.2, replayed: every answer must be the same but for what no two
// servers share (uids, revisions, times, addresses).
#include <cstdio>

#include "tests/unit/core/sim/api/fixture.h"

namespace nautilus::sim::test {
namespace {

std::string read_file(const std::string& path) {
  std::string text;
  std::FILE* file = std::fopen(path.c_str(), "rb");
  REQUIRE_MESSAGE(file != nullptr, path);
  char buffer[65536];
  for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, file)) > 0;) text.append(buffer, n);
  std::fclose(file);
  return text;
}

// A uid anywhere in a text, and the five random characters of the token volume.
std::string masked(std::string text) {
  constexpr std::string_view kVolume = "kube-api-access-";
  if (auto at = text.find(kVolume); at != std::string::npos) text.replace(at + kVolume.size(), 5, "*");
  auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  for (std::size_t i = 0; i + 36 <= text.size(); ++i) {
    bool uid = true;
    for (std::size_t k = 0; k < 36 && uid; ++k)
      uid = k == 8 || k == 13 || k == 18 || k == 23 ? text[i + k] == '-' : hex(text[i + k]);
    if (uid) text.replace(i, 36, "*uid*");
  }
  return text;
}

Json plain(const Json& v) {
  static const std::vector<std::string> kDropped = {"resourceVersion",    "uid",
                                                    "creationTimestamp",  "time",
                                                    "clusterIP",          "clusterIPs",
                                                    "deletionTimestamp",  "nodePort",
                                                    "lastTransitionTime", "storageVersionHash",
                                                    "description"};
  if (v.is_object()) {
    Json made = Json::object();
    for (const auto& [key, inner] : v.items())
      if (std::find(kDropped.begin(), kDropped.end(), key) == kDropped.end()) made[key] = plain(inner);
    // Their order depends on how many seconds lay between the writes.
    if (auto owners = made.find("managedFields"); owners != made.end() && owners->is_array())
      std::sort(owners->begin(), owners->end());
    return made;
  }
  if (v.is_array()) {
    Json made = Json::array();
    for (const Json& inner : v) made.push_back(plain(inner));
    return made;
  }
  return v.is_string() ? Json(masked(v.get<std::string>())) : v;
}

void replay(const char* name, const char* ns = nullptr) {
  Cluster cluster;
  if (ns) cluster.make_namespace(ns);
  Json cases = Json::parse(read_file(std::string(NAUTILUS_SOURCE_DIR) + "/tests/unit/core/sim/api/golden/" + name),
                           nullptr, false);
  REQUIRE(cases.is_array());
  REQUIRE(cases.size() > 10);
  for (const Json& c : cases) {
    std::string title = value::string_at(c, "title"), path = value::string_at(c, "path");
    Json body = c["body"];
    if (body.is_object() && value::string_at(body, "metadata", "resourceVersion") == "$RV")
      body["metadata"]["resourceVersion"] = cluster.send("GET", path).body["metadata"]["resourceVersion"];
    std::string text = body.is_string() ? body.get<std::string>() : body.is_null() ? std::string() : body.dump();
    Answer answer = cluster.send_text(value::string_at(c, "method"), path, text, value::string_at(c, "type"),
                                      value::string_at(c, "accept"));
    cluster.clock.advance(std::chrono::milliseconds(10));
    if (!c.contains("answer")) continue;
    CAPTURE(title);
    CHECK(answer.status == value::int_at(c, 0, "status"));
    Json want = plain(c["answer"]), have = plain(answer.body);
    if (want != have) MESSAGE(title << ": " << Json::diff(want, have).dump());
    CHECK_MESSAGE(want == have, title);
    CHECK_MESSAGE(Json(answer.warnings) == c["warnings"], title);
  }
}

TEST_CASE("Deployments: creation, mistakes, conflicts, subresources and deletion answer as the real server does") {
  replay("deployments.json");
}
TEST_CASE("the kinds of a platform are defaulted, validated and admitted as on the real server") {
  replay("kinds.json", "t1");
}
TEST_CASE("server-side apply and the patches answer as the real server does") { replay("apply.json"); }
TEST_CASE("custom resources answer as on the real server") { replay("custom_resources.json"); }

}  // namespace
}  // namespace nautilus::sim::test
