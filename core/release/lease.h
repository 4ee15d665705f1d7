// The Lease object that is the lock of a release, as pure functions over its JSON.
//
// One run at a time may write a release. The holder renews the Lease every kRenewEvery; a Lease that was not renewed
// for kLeaseDuration may be taken over. A holder that could not renew for kGiveUpAfter must stop writing by itself,
// before anybody else may begin: kGiveUpAfter < kLeaseDuration, with room for a clock that runs a few seconds off.
// Source: coordination.k8s.io/v1 Lease, and the leader election rules of client-go.
#pragma once

#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/port/clock.h"
#include "core/value/json.h"

namespace nautilus::release {

inline constexpr port::Duration kLeaseDuration = std::chrono::seconds(30);
inline constexpr port::Duration kRenewEvery = std::chrono::seconds(7);
inline constexpr port::Duration kGiveUpAfter = std::chrono::seconds(20);

struct LeaseState {
  std::string holder;  // "" = free
  port::WallTime renewed{};
  port::Duration duration{};
  int transitions = 0;
  std::string resource_version;
};

std::string lease_name(const std::string& release);
LeaseState lease_state(const Json& lease);
// True if nobody holds it, or its holder has not renewed it in time.
bool may_take(const LeaseState& state, port::WallTime now);
// A Lease held by `holder`; keeps transitions and the resourceVersion precondition of `previous` if there is one.
Json held_lease(const std::string& release, const std::string& namespace_, const std::string& holder,
                port::WallTime now, const std::optional<LeaseState>& previous);
// A Lease that nobody holds.
Json free_lease(const std::string& release, const std::string& namespace_, port::WallTime now, const LeaseState& held);

// Reads what port::micro_time() wrote, with any number of decimals.
std::optional<port::WallTime> parse_time(std::string_view text);

}  // namespace nautilus::release
