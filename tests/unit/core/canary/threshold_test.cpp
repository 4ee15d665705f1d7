// Thresholds over queries: no data never promotes, one metric out of bounds rolls back, too few samples prove nothing.
#include "core/canary/threshold.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/canary/prometheus.h"

using namespace nautilus;
using canary::Outcome;

namespace {

using Answers = std::map<std::string, Result<std::optional<double>>>;

canary::Analysis analyse(const Answers& answers, const canary::Criteria& criteria) {
  canary::ThresholdAnalyst analyst([&](const std::string& query, port::WallTime) { return answers.at(query); });
  canary::Subject subject{"ns", "app", "app-canary", 0, 10, {}, port::WallTime(std::chrono::seconds(90))};
  return analyst.analyse(criteria, subject);
}

Result<std::optional<double>> number(double value) { return std::optional<double>(value); }
Result<std::optional<double>> nothing() { return std::optional<double>(); }

}  // namespace

TEST_CASE("the verdict of a set of metrics") {
  canary::Criteria two;
  two.metrics = {{"errors", "e", {}, 0.01}, {"success", "s", 0.99, {}}};
  struct Row {
    Result<std::optional<double>> errors, success;
    Outcome outcome;
    const char* reason;
  };
  const Row rows[] = {
      {number(0), number(1), Outcome::promote, "every metric is in bounds"},
      {number(0.01), number(0.99), Outcome::promote, "every metric is in bounds"},
      {number(0.02), number(1), Outcome::rollback, "errors 0.02 > 0.01"},
      {number(0), number(0.5), Outcome::rollback, "success 0.5 < 0.99"},
      {nothing(), number(1), Outcome::hold, "errors: no data"},
      {Error(Code::unreachable, "away"), number(1), Outcome::hold, "errors: no data: away"},
      {number(std::nan("")), number(1), Outcome::hold, "errors: no data"},
      {number(INFINITY), number(1), Outcome::hold, "errors: no data"},
      {nothing(), number(0.5), Outcome::rollback, "success 0.5 < 0.99"},
  };
  for (const Row& row : rows) {
    const auto analysis = analyse({{"e", row.errors}, {"s", row.success}}, two);
    CHECK(analysis.outcome == row.outcome);
    CHECK(analysis.reason == row.reason);
    CHECK(analysis.readings.size() == 2);
  }
}

TEST_CASE("too few samples decide nothing, neither way") {
  canary::Criteria criteria;
  criteria.metrics = {{"errors", "e", {}, 0.01}};
  criteria.samples_query = "n";
  criteria.min_samples = 100;
  CHECK(analyse({{"e", number(1)}, {"n", number(99)}}, criteria).outcome == Outcome::hold);
  CHECK(analyse({{"e", number(1)}, {"n", nothing()}}, criteria).outcome == Outcome::hold);
  CHECK(analyse({{"e", number(1)}, {"n", number(100)}}, criteria).outcome == Outcome::rollback);
  CHECK(analyse({{"e", number(0)}, {"n", number(100)}}, criteria).outcome == Outcome::promote);
}

TEST_CASE("placeholders of a query") {
  canary::Subject subject{"ns", "app", "app-canary", 0, 10, {}, port::WallTime(std::chrono::seconds(90))};
  CHECK(canary::filled_in("a{ns=\"{{namespace}}\",p=~\"{{canary}}|{{stable}}\"}[{{since}}]", subject) ==
        "a{ns=\"ns\",p=~\"app-canary|app\"}[90s]");
  subject.canary = "";
  subject.now = {};
  CHECK(canary::filled_in("{{canary}} {{since}}", subject) == "app 1s");
}

TEST_CASE("answers of Prometheus") {
  const auto vector = [](Json result) {
    return Json{{"status", "success"}, {"data", {{"resultType", "vector"}, {"result", std::move(result)}}}};
  };
  const Json one = {{"metric", Json::object()}, {"value", Json::array({1.5, "0.25"})}};
  CHECK(**canary::number_of(vector(Json::array({one}))) == 0.25);
  CHECK_FALSE(canary::number_of(vector(Json::array()))->has_value());
  CHECK_FALSE(canary::number_of(vector(Json::array({one, one}))).ok());
  CHECK(**canary::number_of(Json{{"status", "success"},
                                 {"data", {{"resultType", "scalar"}, {"result", Json::array({1.5, "3"})}}}}) == 3);
  CHECK(std::isnan(**canary::number_of(vector(Json::array({{{"value", Json::array({1, "NaN"})}}})))));
  CHECK_FALSE(canary::number_of(Json{{"status", "error"}, {"error", "parse error"}}).ok());
  CHECK_FALSE(canary::number_of(Json::array()).ok());
  CHECK_FALSE(canary::number_of(vector(Json::array({{{"value", Json::array({1, "many"})}}}))).ok());
}
