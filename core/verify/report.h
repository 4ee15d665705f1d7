// What was answered, for people, programs and CI.
//
// Text is grouped by area; the verdict is a word, never a colour alone. The chain of facts stands under what is not
// proved, or under everything. JSON is stable: fields are only added. JUnit: one test case a check; refuted is a
// failure, unknown and not applicable are skipped, unknown is a failure too under `strict`. Threading: pure.
#pragma once

#include <string>

#include "core/verify/verify.h"

namespace nautilus::verify {

struct Heading {
  std::string environment, date;  // "prod", "2026-11-24"
  bool strict = false;
};

// Whether these answers refuse: something is refuted, or unknown under `strict`.
bool refuses(const Counts& counts, bool strict);

std::string report_text(const Heading& heading, const std::vector<Judged>& judged, bool all_chains);
Json report_json(const Heading& heading, const std::vector<Judged>& judged);
std::string report_junit(const Heading& heading, const std::vector<Judged>& judged);

std::string explain_text(const Check& check);
Json explain_json(const Check& check);

}  // namespace nautilus::verify
