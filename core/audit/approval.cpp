#include "core/audit/approval.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "core/audit/signature.h"
#include "core/base/text.h"
#include "core/release/lease.h"
#include "core/value/digest.h"

namespace nautilus::audit {

namespace {

Json content(const Statement& statement) {
  return {{"plan", statement.plan},     {"digest", statement.digest},   {"reason", statement.reason},
          {"scope", statement.scope},   {"issued", statement.issued},   {"expires", statement.expires},
          {"identity", statement.identity}};
}

// Why this one does not count; "" if it does.
std::string objection(const Approval& approval, const std::vector<Approver>& approvers, std::string_view plan,
                      std::string_view digest, const std::set<std::string>& used, port::WallTime now) {
  const Statement& said = approval.statement;
  const auto who = std::find_if(approvers.begin(), approvers.end(),
                                [&](const Approver& known) { return known.identity == said.identity; });
  if (who == approvers.end()) return "is not among the environment's approvers";
  if (who->ci) return "is a CI identity, which cannot approve";
  if (!signed_by(who->public_key, statement_text(said), approval.signature)) return "did not sign this: bad signature";
  if (said.plan != plan) return fmt::format("approved another plan, {}", said.plan);
  if (said.digest != digest) return "approved another content: the plan was changed after it";
  if (base::trim(said.reason).empty()) return "gave no reason";
  const auto issued = release::parse_time(said.issued), expires = release::parse_time(said.expires);
  if (!issued || !expires) return "gave no time that can be read";
  if (*expires <= now) return fmt::format("approved until {}, which has passed", said.expires);
  if (*expires - *issued > kMaxApprovalAge) return "approved for more than 24 hours";
  if (*issued > now + std::chrono::minutes(5)) return "signed in the future";
  if (used.contains(approval_id(said))) return "gave an approval that was used already";
  return "";
}

}  // namespace

std::string statement_text(const Statement& statement) {
  return "nautilusctl override v1\n" + content(statement).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string approval_id(const Statement& statement) { return value::sha256_hex(statement_text(statement)); }

Json to_json(const Approval& approval) {
  Json json = content(approval.statement);
  json["signature"] = approval.signature;
  return json;
}

Result<Approval> approval_from_json(const Json& json) {
  Approval approval;
  Statement& said = approval.statement;
  said.plan = value::string_at(json, "plan");
  said.digest = value::string_at(json, "digest");
  said.reason = value::string_at(json, "reason");
  said.issued = value::string_at(json, "issued");
  said.expires = value::string_at(json, "expires");
  said.identity = value::string_at(json, "identity");
  approval.signature = value::string_at(json, "signature");
  if (const Json* scope = value::find(json, "scope"); scope && scope->is_array())
    for (const Json& item : *scope)
      if (item.is_string()) said.scope.push_back(item.get<std::string>());
  if (said.identity.empty() || approval.signature.empty())
    return Error(Code::invalid, "an approval without identity or signature");
  return approval;
}

Override judge(const std::vector<Approval>& approvals, const std::vector<Approver>& approvers, std::string_view plan,
               std::string_view digest, const std::set<std::string>& used, port::WallTime now) {
  Override out;
  std::set<std::string> keys;
  std::vector<std::string> objections;
  out.expires = port::WallTime::max();
  for (const Approval& approval : approvals) {
    const Statement& said = approval.statement;
    if (auto why = objection(approval, approvers, plan, digest, used, now); !why.empty()) {
      objections.push_back(said.identity + " " + why);
      continue;
    }
    const auto who = std::find_if(approvers.begin(), approvers.end(),
                                  [&](const Approver& known) { return known.identity == said.identity; });
    // Two names over one key are one person.
    const auto key = check_public_key(who->public_key);
    if (!key.ok() || !keys.insert(*key).second) {
      objections.push_back(said.identity + " has approved already");
      continue;
    }
    const std::set<std::string> theirs(said.scope.begin(), said.scope.end());
    if (out.identities.empty()) {
      out.scope = theirs;
    } else {
      std::erase_if(out.scope, [&](const std::string& item) { return !theirs.contains(item); });
    }
    out.identities.push_back(said.identity);
    out.ids.push_back(approval_id(said));
    out.expires = std::min(out.expires, *release::parse_time(said.expires));
  }
  out.valid = out.identities.size() >= kApprovalsNeeded && !out.scope.empty();
  if (!out.valid) {
    out.why_not = out.identities.size() >= kApprovalsNeeded
                      ? "the approvals have no scope in common"
                      : fmt::format("{} of {} approvals", out.identities.size(), kApprovalsNeeded);
    if (!objections.empty()) out.why_not += fmt::format(" ({})", fmt::join(objections, "; "));
  }
  return out;
}

}  // namespace nautilus::audit
