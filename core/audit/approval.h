// An emergency override: two people sign, each with a key of their own, what exactly may be done and until when.
//
// Purpose: the maintenance window (or a failed preflight check) is stepped over only for the plan whose digest was
// signed, for the scope and the reason that were signed, until the expiry that was signed, and once.
// What is signed is the canonical text of Statement (statement_text()); nothing outside of it counts. An identity is a
// row of the environment's approvers; one of kind `ci` cannot approve. Threading: plain values, pure functions.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/env/upgrades.h"
#include "core/port/clock.h"
#include "core/value/json.h"

namespace nautilus::audit {

inline constexpr std::size_t kApprovalsNeeded = 2;
inline constexpr port::Duration kMaxApprovalAge = std::chrono::hours(24);  // from issued to expires

using env::Approver;

struct Statement {
  std::string plan;    // "upgrade-system/backend-1"
  std::string digest;  // of the plan's change, "sha256:..."
  std::string reason;
  std::vector<std::string> scope;  // what is stepped over: "window", "preflight"; sorted
  std::string issued, expires;     // RFC 3339, UTC
  std::string identity;            // who signs
};

struct Approval {
  Statement statement;
  std::string signature;
};

// What is signed: a line that names the format, then the statement as JSON with sorted keys.
std::string statement_text(const Statement& statement);
// Names one approval for single use: a digest of its text.
std::string approval_id(const Statement& statement);

Json to_json(const Approval& approval);
Result<Approval> approval_from_json(const Json& json);

// What a valid set of approvals allows; the reason why not otherwise.
struct Override {
  bool valid = false;
  std::set<std::string> scope;          // what all of them signed
  std::vector<std::string> identities;  // who signed
  std::vector<std::string> ids;         // approval_id of each that counted
  port::WallTime expires{};             // the earliest
  std::string why_not;                  // one line naming who and what
  bool covers(std::string_view what) const { return valid && scope.contains(std::string(what)); }
};

// `used`: approval ids that other plans have used up.
Override judge(const std::vector<Approval>& approvals, const std::vector<Approver>& approvers, std::string_view plan,
               std::string_view digest, const std::set<std::string>& used, port::WallTime now);

}  // namespace nautilus::audit
