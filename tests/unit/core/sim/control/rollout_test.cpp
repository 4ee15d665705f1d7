#include "core/sim/control/rollout.h"

#include <doctest/doctest.h>

using namespace nautilus;
using Sizes = std::vector<std::int64_t>;

TEST_CASE("limits of a rolling update: surge rounds up, unavailable down, never both nothing") {
  struct Row {
    std::int64_t replicas;
    const char* rolling;
    std::int64_t surge, unavailable;
  };
  const Row rows[] = {
      {10, "{}", 3, 2},
      {10, R"({"maxSurge":"25%","maxUnavailable":"25%"})", 3, 2},
      {4, R"({"maxSurge":0,"maxUnavailable":0})", 0, 1},
      {3, R"({"maxSurge":1,"maxUnavailable":0})", 1, 0},
      {2, R"({"maxSurge":0,"maxUnavailable":"10%"})", 0, 1},
      {3, R"({"maxSurge":0,"maxUnavailable":9})", 0, 3},
      {0, "{}", 0, 0},
  };
  for (const auto& row : rows) {
    INFO(row.replicas, " ", row.rolling);
    const Json deployment = {
        {"spec",
         {{"replicas", row.replicas},
          {"strategy", {{"type", "RollingUpdate"}, {"rollingUpdate", Json::parse(row.rolling)}}}}}};
    const auto limits = sim::rollout_limits(deployment);
    CHECK(limits.surge == row.surge);
    CHECK(limits.unavailable == row.unavailable);
  }
}

TEST_CASE("the new set grows as far as the surge allows") {
  const sim::RolloutLimits limits{10, 3, 2, true};
  CHECK(sim::new_set_size(limits, 10, 0) == 3);
  CHECK(sim::new_set_size(limits, 13, 3) == 3);
  CHECK(sim::new_set_size(limits, 11, 9) == 10);
  CHECK(sim::new_set_size(limits, 12, 12) == 10);
  CHECK(sim::new_set_size({10, 0, 0, false}, 0, 0) == 10);
}

TEST_CASE("old sets give up what is not available first, then what availability spares") {
  const sim::RolloutLimits limits{10, 3, 2, true};
  // 10 old, all available, 3 new that are not: 13 pods, 8 must stay.
  CHECK(sim::old_set_sizes(limits, {3, 0, 0}, {{10, 10, 0}}) == Sizes{8});
  // The three are available now.
  CHECK(sim::old_set_sizes(limits, {5, 5, 0}, {{8, 8, 0}}) == Sizes{3});
  // A broken release in between: its pods go before any that serve.
  CHECK(sim::old_set_sizes(limits, {3, 0, 0}, {{8, 8, 0}, {2, 0, 0}}) == Sizes{8, 0});
  // Nothing may go while too few are available.
  CHECK(sim::old_set_sizes(limits, {5, 0, 0}, {{8, 8, 0}}) == Sizes{8});
  CHECK(sim::old_set_sizes(limits, {10, 10, 0}, {}) == Sizes{});
}

TEST_CASE("scaling in the middle of a rollout keeps the proportions") {
  // 10 replicas, surge 3: 8 old and 5 new; scaled to 15 with surge 4.
  CHECK(sim::proportional_sizes({15, 4, 3, true}, 13, {{8, 8, 13}, {5, 0, 13}}) == Sizes{12, 7});
  CHECK(sim::proportional_sizes({5, 2, 1, true}, 13, {{8, 8, 13}, {5, 0, 13}}) == Sizes{4, 3});
  CHECK(sim::proportional_sizes({0, 0, 0, true}, 13, {{8, 8, 13}, {5, 0, 13}}) == Sizes{0, 0});
  CHECK(sim::proportional_sizes({10, 3, 2, true}, 13, {{8, 8, 13}, {5, 0, 13}}) == Sizes{8, 5});
}
