// Is the new version as good as it must be? What upgrades ask after each step, and what answers it.
//
// An Analyst looks at one step at a time: `promote` only on evidence, `rollback` on evidence against, `hold` while there
// is not enough of either. No data never promotes. The one shipped here compares Prometheus queries with thresholds
// (threshold.h); a statistical one is another implementation of the same interface.
// Threading: the caller's thread; an Analyst may wait for its source, with a bound of its own.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/port/clock.h"
#include "core/value/json.h"

namespace nautilus::canary {

enum class Outcome { promote, hold, rollback };
std::string_view name(Outcome outcome);

struct Metric {
  std::string name, query;         // PromQL that gives one number; placeholders: see threshold.h
  std::optional<double> min, max;  // at least one; both inclusive
};

struct Criteria {
  std::vector<Metric> metrics;
  std::string samples_query;  // how many requests (orders, ...) the new version has answered since the step began
  double min_samples = 0;     // below it nothing is decided
};

// What is compared with what.
struct Subject {
  std::string namespace_, stable, canary;  // names of the workloads; canary is empty if there is none beside stable
  int step = 0, weight = 0;                // percent of the traffic
  port::WallTime since{}, now{};           // the step's traffic began
};

struct Reading {
  std::string metric;
  std::optional<double> value;  // absent: no data
  Outcome outcome = Outcome::hold;
  std::string text;  // "error_rate 0.4 > 0.01"
};

struct Analysis {
  Outcome outcome = Outcome::hold;
  std::string reason;  // one line
  std::vector<Reading> readings;
};

class Analyst {
 public:
  virtual ~Analyst() = default;
  virtual Analysis analyse(const Criteria& criteria, const Subject& subject) = 0;
};

Json to_json(const Analysis& analysis);

}  // namespace nautilus::canary
