#include "core/base/error.h"

#include <doctest/doctest.h>

using namespace nautilus;

namespace {

Result<int> half(int n) {
  if (n % 2) return Error(Code::invalid, "odd");
  return n / 2;
}

Result<int> quarter(int n) {
  ASSIGN_OR_RETURN(const int h, half(n).within("halving"));
  return half(h).within("halving again");
}

}  // namespace

TEST_CASE("an error carries its frames outward, the outermost printed first") {
  CHECK(quarter(8).value() == 2);
  auto failed = quarter(6).within("quartering 6");
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().text() == "quartering 6: halving again: odd");
}

TEST_CASE("the place of an error is printed once") {
  CHECK(Error(Code::invalid, "not YAML").at("a.yaml:3:1").text() == "a.yaml:3:1: not YAML");
  CHECK(Error(Code::invalid, "template: a.yaml:3:1: no").at("a.yaml:3:1").text() == "template: a.yaml:3:1: no");
}

TEST_CASE("exit codes are the documented ones") {
  CHECK(base::exit_code(Code::invalid) == 1);
  CHECK(base::exit_code(Code::usage) == 2);
  CHECK(base::exit_code(Code::partial) == 3);
  CHECK(base::exit_code(Code::differences) == 10);
  CHECK(base::exit_code(Code::locked) == 11);
  CHECK(base::exit_code(Code::refused) == 12);
  CHECK(base::exit_code(Code::unreachable) == 13);
  CHECK(base::exit_code(Code::interrupted) == 130);
}
