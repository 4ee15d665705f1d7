#include "core/base/junit.h"

#include <fmt/format.h>

#include <iterator>

namespace nautilus::base {

namespace {

std::string xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default:
        // XML 1.0 has no other control characters, not even escaped.
        out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? '?' : c;
    }
  }
  return out;
}

struct Counts {
  int failures = 0, errors = 0, skipped = 0;
};

std::string case_text(const JunitCase& one, Counts& counts) {
  std::string text =
      fmt::format("    <testcase classname=\"{}\" name=\"{}\"", xml(one.classname), xml(one.name));
  switch (one.result) {
    case JunitCase::Result::passed: return text + "/>\n";
    case JunitCase::Result::skipped:
      ++counts.skipped;
      return text + fmt::format(">\n      <skipped message=\"{}\"/>\n    </testcase>\n", xml(one.message));
    case JunitCase::Result::failed:
    case JunitCase::Result::error: break;
  }
  const bool failed = one.result == JunitCase::Result::failed;
  ++(failed ? counts.failures : counts.errors);
  const char* tag = failed ? "failure" : "error";
  return text + fmt::format(">\n      <{} type=\"{}\" message=\"{}\">{}</{}>\n    </testcase>\n", tag, xml(one.type),
                            xml(one.message), xml(one.text), tag);
}

}  // namespace

std::string junit(std::string_view name, const std::vector<JunitSuite>& suites) {
  std::string body;
  std::size_t tests = 0;
  Counts all;
  for (const JunitSuite& suite : suites) {
    Counts counts;
    std::string cases;
    for (const JunitCase& one : suite.cases) cases += case_text(one, counts);
    fmt::format_to(
        std::back_inserter(body),
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n{}  </testsuite>\n",
        xml(suite.name), suite.cases.size(), counts.failures, counts.errors, counts.skipped, cases);
    tests += suite.cases.size();
    all.failures += counts.failures;
    all.errors += counts.errors;
    all.skipped += counts.skipped;
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" "
      "skipped=\"{}\">\n{}</testsuites>\n",
      xml(name), tests, all.failures, all.errors, all.skipped, body);
}

}  // namespace nautilus::base
