// What was found, for people, programs and CI.
//
// Text is grouped by flow; the state is a word, never a colour alone. JSON is stable: fields are only added. JUnit: one
// test case a check; found is a failure, could-not-check an error, not-applicable skipped. Threading: pure.
#pragma once

#include <string>
#include <vector>

#include "core/base/junit.h"
#include "core/check/run.h"

namespace nautilus::check {

struct Heading {
  std::string command = "doctor";     // whose report it is
  std::string environment, server;    // "prod", "https://10.0.0.1:6443"
  std::string time;                   // of the snapshot, RFC 3339
  std::vector<std::string> namespaces;
};

// Checks that found nothing, or do not apply, are counted; `all` lists them too.
std::string report_text(const Heading& heading, const std::vector<Judged>& judged, bool all);
Json report_json(const Heading& heading, const std::vector<Judged>& judged);
std::string report_junit(const Heading& heading, const std::vector<Judged>& judged);

std::string explain_text(const Check& check);
Json explain_json(const Check& check);

// "docs/runbooks/NautilusPodNotReady.md"
std::string runbook_path(const About& about);

}  // namespace nautilus::check
