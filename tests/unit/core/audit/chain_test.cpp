// The chain of records: whatever is changed, removed, moved or doubled is found and named by its index.
#include <doctest/doctest.h>

#include "core/audit/verify.h"

using namespace nautilus;
using audit::Finding;

namespace {

std::vector<std::string> chain(int count) {
  std::vector<std::string> lines;
  std::string digest;
  for (int i = 0; i < count; ++i) {
    const auto entry = audit::follow(i - 1, digest, {fmt::format("id-{}", i), "ann", "test", "x", {{"n", i}}},
                                     port::WallTime(std::chrono::seconds(1'700'000'000 + i)));
    digest = entry.digest;
    lines.push_back(audit::to_line(entry));
  }
  return lines;
}

bool found(const std::vector<Finding>& findings, Finding::Kind kind, std::int64_t index) {
  return std::any_of(findings.begin(), findings.end(),
                     [&](const Finding& f) { return f.kind == kind && f.index == index; });
}

}  // namespace

TEST_CASE("a whole chain has no findings, and its lines read back to the same") {
  CHECK(audit::verify({}).empty());
  const auto lines = chain(20);
  CHECK(audit::verify(lines).empty());
  CHECK(audit::verify(lines, chain(7)).empty());
  for (const auto& line : lines) CHECK(audit::to_line(*audit::from_line(line)) == line);
}

TEST_CASE("every change of any byte of any record is found") {
  const auto whole = chain(4);
  for (std::size_t record = 0; record < whole.size(); ++record)
    for (std::size_t at = 0; at < whole[record].size(); ++at) {
      auto lines = whole;
      lines[record][at] = lines[record][at] == '1' ? '2' : '1';
      CAPTURE(record);
      CAPTURE(at);
      CHECK_FALSE(audit::verify(lines).empty());
    }
}

TEST_CASE("what was done to a chain is named with the index") {
  auto lines = chain(10);
  auto changed = *audit::from_line(lines[3]);
  changed.event.actor = "mallory";
  lines[3] = audit::to_line(changed);
  CHECK(found(audit::verify(lines), Finding::Kind::tampered, 3));

  // With a digest of its own it is the next record that does not follow it.
  changed.digest = audit::digest_of(changed);
  lines[3] = audit::to_line(changed);
  CHECK(found(audit::verify(lines), Finding::Kind::broken, 4));

  lines = chain(10);
  lines.erase(lines.begin() + 5);
  auto findings = audit::verify(lines);
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].kind == Finding::Kind::gap);
  CHECK(findings[0].index == 5);
  CHECK(findings[0].text == "record 5 is missing before record 6");

  lines = chain(10);
  std::swap(lines[6], lines[7]);
  CHECK(found(audit::verify(lines), Finding::Kind::reordered, 6));

  lines = chain(10);
  lines.insert(lines.begin() + 2, lines[1]);
  CHECK(found(audit::verify(lines), Finding::Kind::doubled, 1));

  lines = chain(10);
  lines.erase(lines.begin(), lines.begin() + 3);
  CHECK(found(audit::verify(lines), Finding::Kind::gap, 0));

  lines = chain(10);
  lines[8] = "{\"index\":8";
  CHECK(found(audit::verify(lines), Finding::Kind::unreadable, 8));
}

TEST_CASE("a cut end and a chain made anew are found against an earlier export") {
  auto lines = chain(10);
  const auto before = lines;
  lines.resize(6);
  CHECK(audit::verify(lines).empty());
  auto findings = audit::verify(lines, before);
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].kind == Finding::Kind::cut);
  CHECK(findings[0].index == 6);

  auto anew = chain(10);
  auto first = *audit::from_line(anew[0]);
  const auto other = audit::follow(-1, "", {"id-0", "mallory", "test", "x", Json::object()}, port::WallTime{});
  anew[0] = audit::to_line(other);
  findings = audit::verify({anew[0]}, {before[0]});
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].kind == Finding::Kind::tampered);
}

TEST_CASE("data that is too large for a record is cut and says so") {
  const auto entry = audit::follow(-1, "", {"id", "ann", "test", "x", {{"text", std::string(10'000, 'x')}}}, {});
  CHECK(audit::to_line(entry).size() <= audit::kMaxEntryBytes);
  CHECK(entry.event.data.contains("cut"));
  CHECK(audit::verify({audit::to_line(entry)}).empty());
}
