// One record of a decision, chained to the one before it.
//
// Purpose: whoever changes, removes or moves a record breaks the chain, and verify() (verify.h) names the place.
// Format of a line: one JSON object with sorted keys and no blanks: action, actor, data, id, index, previous, subject,
// time, digest. `digest` is the SHA-256 of the same object without it, `previous` the digest of the record before
// (64 zeros for the first). Threading: plain values, pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/port/clock.h"
#include "core/value/json.h"

namespace nautilus::audit {

inline constexpr std::size_t kMaxEntryBytes = 8 * 1024;  // of a line; larger data is cut, and says so

// What is to be recorded. No secrets: the record is exported.
struct Event {
  std::string id;       // names the decision; one id is recorded once, however often it is tried
  std::string actor;    // "ann@host pid 4711"
  std::string action;   // "upgrade.phase", "override.used", "rollback"
  std::string subject;  // "UpgradePlan upgrade-system/backend-2026-11-29"
  Json data = Json::object();
};

struct Entry {
  std::int64_t index = 0;
  std::string time;  // RFC 3339, UTC, microseconds
  Event event;
  std::string previous, digest;
};

std::string first_previous();  // 64 zeros

// The entry that follows the one with that index and digest; index -1 = there is none.
Entry follow(std::int64_t last_index, const std::string& last_digest, Event event, port::WallTime now);

Json to_json(const Entry& entry);
std::string to_line(const Entry& entry);
// Code::invalid naming what is wrong. Does not check the digest: verify() does.
Result<Entry> from_line(std::string_view line);
std::string digest_of(const Entry& entry);

}  // namespace nautilus::audit
