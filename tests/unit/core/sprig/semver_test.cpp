#include "core/sprig/semver.h"

#include <doctest/doctest.h>

using nautilus::sprig::Constraint;
using nautilus::sprig::Version;

namespace {

void check_constraint(const char* constraint, const char* version, bool expected) {
  CAPTURE(constraint);
  CAPTURE(version);
  const auto wanted = Constraint::parse(constraint);
  REQUIRE(wanted.ok());
  const auto parsed = Version::parse(version);
  REQUIRE(parsed.ok());
  CHECK(wanted->check(*parsed) == expected);
}

}  // namespace

TEST_CASE("a constraint accepts the versions Helm accepts") {
  // Recorded from Helm 4.3.1 (semverCompare).
  check_constraint("1.2.3", "1.2.3", true);
  check_constraint("=1.2", "1.2.9", true);
  check_constraint("!=1.2.x", "1.2.3", false);
  check_constraint("!=1.2.x", "1.3.0", true);
  check_constraint(">=1.19-0", "v1.37.2", true);
  check_constraint(">=1.19-0", "v1.19.0-gke.1", true);
  check_constraint(">=1.19", "v1.20.0-gke.1", false);
  check_constraint("<1.19.0-0", "1.18.20", true);
  check_constraint("~1.2", "1.2.99", true);
  check_constraint("~1.2", "1.3.0", false);
  check_constraint("~1", "1.9.0", true);
  check_constraint("^0.2.3", "0.2.9", true);
  check_constraint("^0.2.3", "0.3.0", false);
  check_constraint("^0.0.3", "0.0.4", false);
  check_constraint("^1.2", "1.99.0", true);
  check_constraint("^1.2", "2.0.0", false);
  check_constraint(">1", "1.5.0", false);
  check_constraint(">1", "2.0.0", true);
  check_constraint("<=1.2", "1.2.7", true);
  check_constraint("*", "0.0.1", true);
  check_constraint("1.x || >=2.5.0 <3", "2.6.1", true);
  check_constraint("1.x || >=2.5.0, <3", "2.4.0", false);
  check_constraint("1.2 - 1.4.5", "1.4.5", true);
  check_constraint("1.2 - 1.4.5", "1.4.6", false);
}

TEST_CASE("what is not a version or a constraint is refused") {
  for (const char* text : {"", "1.2.3.4", "v", "1.2.", "a.b.c", "1.2.3-", "1.2.3+", "1..2"}) {
    CAPTURE(text);
    CHECK_FALSE(Version::parse(text).ok());
  }
  for (const char* text : {"", ">", ">=>1", "1.2.3 foo", "~x y", "1,", "||"}) {
    CAPTURE(text);
    CHECK_FALSE(Constraint::parse(text).ok());
  }
  CHECK_FALSE(Constraint::parse(std::string(513, '1')).ok());
  CHECK_FALSE(Version::parse(std::string(257, '1')).ok());
}

TEST_CASE("precedence follows the semantic versioning specification") {
  const char* ordered[] = {
      "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
      "1.0.0",       "1.0.1",         "1.10.0",           "2.0.0"};
  for (std::size_t i = 0; i + 1 < std::size(ordered); ++i) {
    CAPTURE(ordered[i]);
    CHECK(Version::parse(ordered[i])->compare(*Version::parse(ordered[i + 1])) < 0);
  }
  CHECK(Version::parse("1.2.3+a")->compare(*Version::parse("v1.2.3+b")) == 0);
  CHECK(Version::parse("v1.2-rc.1+x")->text() == "1.2.0-rc.1+x");
}
