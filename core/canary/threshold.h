// Thresholds: every metric within its bounds promotes, one outside rolls back, one without data holds.
#pragma once

#include <functional>

#include "core/base/error.h"
#include "core/canary/analysis.h"

namespace nautilus::canary {

// One number for a query at a time; nothing if there is no series. An error is no data, with its reason.
using Query = std::function<Result<std::optional<double>>(const std::string& promql, port::WallTime at)>;

// `{{namespace}}`, `{{stable}}`, `{{canary}}` (stable's name where there is no canary) and `{{since}}` (the seconds
// since the step's traffic began, at least 1, as "90s").
std::string filled_in(std::string query, const Subject& subject);

class ThresholdAnalyst final : public Analyst {
 public:
  explicit ThresholdAnalyst(Query query) : query_(std::move(query)) {}
  Analysis analyse(const Criteria& criteria, const Subject& subject) override;

 private:
  Reading read(const Metric& metric, const Subject& subject);
  Query query_;
};

}  // namespace nautilus::canary
