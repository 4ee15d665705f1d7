#include "core/release/record.h"

#include <doctest/doctest.h>

#include "core/release/gzip.h"

using namespace nautilus;

namespace {

release::Revision sample(int number, std::size_t payload) {
  release::Revision revision;
  revision.number = number;
  revision.status = std::string(release::kDeployed);
  revision.description = "deploy";
  std::string noise;
  unsigned state = 7;
  for (std::size_t i = 0; i < payload; ++i)
    noise += static_cast<char>('a' + (state = state * 1664525u + 1013904223u) / 16 % 26);
  revision.objects.push_back({{"", "ConfigMap", "ns", "big"}, "v1", "t.yaml", false, Json{{"data", {{"x", noise}}}}});
  return revision;
}

}  // namespace

TEST_CASE("a record comes back, in one part or several, in any order") {
  for (std::size_t payload : {std::size_t{10}, std::size_t{3'000'000}}) {
    CAPTURE(payload);
    auto maps = release::encode(sample(7, payload), "nautilus", "ns").value();
    if (payload > 1'000'000) CHECK(maps.size() > 1);
    std::reverse(maps.begin(), maps.end());
    auto back = release::decode(maps, true);
    REQUIRE_MESSAGE(back.ok(), back.error().text());
    REQUIRE(back->size() == 1);
    CHECK((*back)[0].number == 7);
    CHECK((*back)[0].objects[0].manifest == sample(7, payload).objects[0].manifest);
  }
}

TEST_CASE("a record that misses a part or is damaged is named") {
  auto maps = release::encode(sample(2, 3'000'000), "nautilus", "ns").value();
  auto missing = maps;
  missing.pop_back();
  auto result = release::decode(missing, true);
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().text().find("revision 2") != std::string::npos);
  auto damaged = maps;
  damaged[0]["binaryData"]["objects"] = release::base64("not gzip");
  CHECK_FALSE(release::decode(damaged, true).ok());
  damaged[0]["binaryData"]["objects"] = "*";
  CHECK_FALSE(release::decode(damaged, true).ok());
  CHECK(release::decode(damaged, false).ok());  // the head alone does not need the objects
}

TEST_CASE("secret content never reaches a record") {
  apply::Plan plan;
  apply::PlanItem item;
  item.id = {"", "Secret", "ns", "s"};
  item.manifest = {{"kind", "Secret"}, {"stringData", {{"password", "hunter2"}}}, {"type", "Opaque"}};
  plan.items.push_back(item);
  const auto objects = release::objects_of(plan);
  REQUIRE(objects.size() == 1);
  CHECK(objects[0].manifest.dump().find("hunter2") == std::string::npos);
  CHECK(objects[0].manifest["type"] == "Opaque");
}

TEST_CASE("base64 and gzip come back, and refuse damage and bombs") {
  for (const std::string& text :
       {std::string(), std::string("a"), std::string("ab"), std::string("abc"), std::string(1000, '\0')}) {
    CHECK(release::from_base64(release::base64(text)).value() == text);
    CHECK(release::gunzip(release::gzip(text), 1 << 20).value() == text);
  }
  CHECK_FALSE(release::from_base64("abc").ok());
  CHECK(release::gunzip(release::gzip(std::string(10 << 20, 'x')), 1 << 20).error().code == Code::limit);
  const std::string packed = release::gzip("hello hello hello");
  CHECK_FALSE(release::gunzip(std::string_view(packed).substr(0, packed.size() - 3), 100).ok());
}
