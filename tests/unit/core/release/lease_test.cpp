#include "core/release/lease.h"

#include <doctest/doctest.h>

#include "core/port/wall_time.h"

using namespace nautilus;
using namespace std::chrono_literals;

namespace {
const port::WallTime kNow = *release::parse_time("2026-11-23T14:00:00.250000Z");
}

TEST_CASE("times are written and read as Kubernetes does") {
  CHECK(port::micro_time(kNow) == "2026-11-23T14:00:00.250000Z");
  CHECK(*release::parse_time("2026-11-23T14:00:00Z") == kNow - 250ms);
  for (const char* bad :
       {"", "2026-11-23", "2026-13-01T00:00:00Z", "2026-11-23T14:00:00+01:00", "x026-11-23T14:00:00Z"})
    CHECK_FALSE(release::parse_time(bad));
}

TEST_CASE("a lease can be taken when it is free or its holder went silent, not before") {
  const Json held = release::held_lease("nautilus", "ns", "ann@host", kNow, std::nullopt);
  const auto state = release::lease_state(held);
  CHECK(state.holder == "ann@host");
  CHECK_FALSE(release::may_take(state, kNow));
  CHECK_FALSE(release::may_take(state, kNow + release::kLeaseDuration));
  CHECK(release::may_take(state, kNow + release::kLeaseDuration + 1s));
  CHECK(release::may_take(release::lease_state(release::free_lease("nautilus", "ns", kNow, state)), kNow));
}

TEST_CASE("a takeover counts a transition and carries the precondition, a renewal keeps the count") {
  auto state = release::lease_state(release::held_lease("nautilus", "ns", "ann", kNow, std::nullopt));
  state.resource_version = "41";
  const Json taken = release::held_lease("nautilus", "ns", "bob", kNow + 60s, state);
  CHECK(taken["spec"]["leaseTransitions"] == 1);
  CHECK(taken["metadata"]["resourceVersion"] == "41");
  const Json renewed = release::held_lease("nautilus", "ns", "ann", kNow + 5s, state);
  CHECK(renewed["spec"]["leaseTransitions"] == 0);
  CHECK_FALSE(renewed["spec"].contains("acquireTime"));
}

TEST_CASE("a holder gives up before anybody else may begin") {
  CHECK(release::kRenewEvery * 2 < release::kGiveUpAfter);
  CHECK(release::kGiveUpAfter < release::kLeaseDuration);
}
