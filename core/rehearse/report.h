// A page for people: the timeline of a run as bars, one per object, with the waves behind them. One file, no script,
// nothing loaded from elsewhere.
#pragma once

#include <string>
#include <vector>

#include "core/rehearse/transcript.h"

namespace nautilus::rehearse {

struct ReportHead {
  std::string title, verdict;                              // "rehearse deploy prod", "healthy after 3m12s"
  std::vector<std::pair<std::string, std::string>> facts;  // shown as a table
  bool good = true;
};

std::string html_report(const ReportHead& head, const std::vector<Span>& spans);

}  // namespace nautilus::rehearse
