#include "core/release/lease.h"

#include <algorithm>

#include "core/port/wall_time.h"

namespace nautilus::release {

namespace {

// Reads exactly `digits` digits at `at`.
std::optional<int> number(std::string_view text, std::size_t at, std::size_t digits) {
  if (at + digits > text.size()) return std::nullopt;
  int value = 0;
  for (char c : text.substr(at, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

Json lease(const std::string& release, const std::string& namespace_, const std::string& resource_version) {
  Json object = {
      {"apiVersion", "coordination.k8s.io/v1"},
      {"kind", "Lease"},
      {"metadata",
       {{"name", lease_name(release)},
        {"namespace", namespace_},
        {"labels", {{"app.kubernetes.io/managed-by", "nautilusctl"}, {"nautilusctl.io/release", release}}}}}};
  if (!resource_version.empty()) object["metadata"]["resourceVersion"] = resource_version;
  return object;
}

}  // namespace

std::string lease_name(const std::string& release) { return "nautilusctl-" + release; }

std::optional<port::WallTime> parse_time(std::string_view text) {
  const auto year = number(text, 0, 4), month = number(text, 5, 2), day = number(text, 8, 2);
  const auto hour = number(text, 11, 2), minute = number(text, 14, 2), second = number(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second || !text.ends_with('Z')) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  port::WallTime time = port::wall_time(std::chrono::sys_days(date) + std::chrono::hours(*hour) +
                                        std::chrono::minutes(*minute) + std::chrono::seconds(*second));
  if (text[19] == '.') {
    std::int64_t scale = 100'000'000, nanos = 0;
    for (std::size_t i = 20; i < text.size() - 1 && scale > 0; ++i, scale /= 10) {
      if (text[i] < '0' || text[i] > '9') return std::nullopt;
      nanos += (text[i] - '0') * scale;
    }
    time += std::chrono::nanoseconds(nanos);
  }
  return time;
}

LeaseState lease_state(const Json& object) {
  LeaseState state;
  state.holder = value::string_at(object, "spec", "holderIdentity");
  if (auto renewed = parse_time(value::string_at(object, "spec", "renewTime"))) state.renewed = *renewed;
  constexpr std::int64_t kLongest = std::chrono::seconds(std::chrono::years(1)).count();  // anybody may have written it
  state.duration = std::chrono::seconds(
      std::clamp<std::int64_t>(value::int_at(object, 0, "spec", "leaseDurationSeconds"), 0, kLongest));
  state.transitions = static_cast<int>(value::int_at(object, 0, "spec", "leaseTransitions"));
  state.resource_version = value::string_at(object, "metadata", "resourceVersion");
  return state;
}

bool may_take(const LeaseState& state, port::WallTime now) {
  return state.holder.empty() || state.renewed + state.duration < now;
}

Json held_lease(const std::string& release, const std::string& namespace_, const std::string& holder,
                port::WallTime now, const std::optional<LeaseState>& previous) {
  Json object = lease(release, namespace_, previous ? previous->resource_version : "");
  const bool renewal = previous && previous->holder == holder;
  object["spec"] = {{"holderIdentity", holder},
                    {"leaseDurationSeconds", std::chrono::duration_cast<std::chrono::seconds>(kLeaseDuration).count()},
                    {"renewTime", port::micro_time(now)},
                    {"leaseTransitions", previous ? previous->transitions + (renewal ? 0 : 1) : 0}};
  if (!renewal) object["spec"]["acquireTime"] = port::micro_time(now);
  return object;
}

Json free_lease(const std::string& release, const std::string& namespace_, port::WallTime now, const LeaseState& held) {
  Json object = lease(release, namespace_, held.resource_version);
  object["spec"] = {{"holderIdentity", ""},
                    {"leaseDurationSeconds", 1},
                    {"renewTime", port::micro_time(now)},
                    {"leaseTransitions", held.transitions}};
  return object;
}

}  // namespace nautilus::release
