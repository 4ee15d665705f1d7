// JUnit's XML, as CI systems read it.
//
// Source followed: the JUnit 10 schema of the Jenkins xUnit plugin. Text is escaped; characters that XML 1.0 does not
// have become '?'. Threading: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nautilus::base {

struct JunitCase {
  enum class Result { passed, failed, error, skipped } result = Result::passed;
  std::string classname, name;
  std::string type, message, text;  // of what did not pass; skipped has the message only
};

struct JunitSuite {
  std::string name;
  std::vector<JunitCase> cases;
};

std::string junit(std::string_view name, const std::vector<JunitSuite>& suites);

}  // namespace nautilus::base
