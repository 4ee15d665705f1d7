#include "core/release/rollback.h"

#include <fmt/ranges.h>

#include <set>

#include "core/release/commit.h"
#include "core/release/export.h"

namespace nautilus::release {

namespace {

bool usable(const Revision& revision) { return revision.status == kDeployed || revision.status == kSuperseded; }

std::string usable_list(const std::vector<Revision>& revisions) {
  std::vector<int> numbers;
  for (const auto& revision : revisions)
    if (usable(revision)) numbers.push_back(revision.number);
  return numbers.empty() ? "none" : fmt::format("{}", fmt::join(numbers, ", "));
}

Result<const Revision*> choose(const std::vector<Revision>& revisions, int to) {
  if (to > 0) {
    for (const auto& revision : revisions) {
      if (revision.number != to) continue;
      if (!usable(revision))
        return Error(Code::refused,
                     fmt::format("revision {} is {}, it was never completely deployed", to, revision.status),
                     "revisions to go back to: " + usable_list(revisions));
      return &revision;
    }
    return Error(Code::not_found, fmt::format("no revision {} in the history", to),
                 "revisions to go back to: " + usable_list(revisions));
  }
  // After a failed deploy, the way back is the newest good revision; after a good one, the one before it.
  const bool newest_failed = !revisions.empty() && !usable(revisions.back());
  int skip = newest_failed ? 0 : 1;
  for (auto revision = revisions.rbegin(); revision != revisions.rend(); ++revision)
    if (usable(*revision) && skip-- == 0) return &*revision;
  return Error(Code::not_found, "there is no earlier revision to go back to",
               "revisions in the history: " + usable_list(revisions));
}

void append(apply::Desired& desired, const RecordedObject& object) {
  if (!object.generated) desired.objects.push_back({object.manifest, object.source});
}

}  // namespace

bool belongs_to(const RecordedObject& object, const std::string& component) {
  auto label = [&](const char* name) {
    return value::string_at(object.manifest, "metadata", "labels", std::string("app.kubernetes.io/") + name);
  };
  const std::string name = label("name");
  return name == component || name == "nautilus-" + component || label("component") == component ||
         object.source.find("/charts/" + component + "/") != std::string::npos;
}

Result<apply::Desired> rollback_state(const std::vector<Revision>& revisions, const RollbackTarget& target,
                                      int& chosen_revision) {
  ASSIGN_OR_RETURN(const Revision* chosen, choose(revisions, target.to));
  chosen_revision = chosen->number;
  apply::Desired desired;
  desired.chart = chosen->chart;
  if (target.component.empty()) {
    for (const auto& object : chosen->objects) append(desired, object);
    return desired;
  }
  int found = 0;
  for (const auto& object : chosen->objects)
    if (belongs_to(object, target.component) && ++found) append(desired, object);
  std::set<std::string> names;
  const Revision& current = revisions.back();
  for (const auto& object : current.objects) {
    if (!belongs_to(object, target.component)) append(desired, object);
    if (const auto name = value::string_at(object.manifest, "metadata", "labels", "app.kubernetes.io/name");
        !name.empty())
      names.insert(name);
  }
  if (found == 0)
    return Error(Code::usage, fmt::format("revision {} has no component \"{}\"", chosen->number, target.component),
                 fmt::format("components: {}", fmt::join(names, ", ")));
  desired.chart = current.chart;
  return desired;
}

Result<> rollback(const Session& session, const RollbackTarget& target, const DeployOptions& options,
                  Outcome& outcome) {
  TRY(check_cluster(session));
  ASSIGN_OR_RETURN(const auto revisions, session.store().list(true));
  TRY(check_not_exported(session, revisions));
  int chosen = 0;
  auto desired = rollback_state(revisions, target, chosen);
  if (!desired.ok()) return std::move(desired).error().within("rolling back release " + session.env.release);
  apply::PlanInput input{session.env, *desired, entries(inventory(revisions))};
  input.operation = "rollback";
  input.description = fmt::format("rollback{}{} to {}{}{}", target.component.empty() ? "" : " ", target.component,
                                  chosen, target.reason.empty() ? "" : ": ", target.reason);
  input.base_revision = revisions.back().number;
  input.take_from = options.take_from;
  input.allow_removal = options.allow_removal;
  ASSIGN_OR_RETURN(outcome.planned, apply::make_plan(session.cluster, input));
  TRY(refuse_problems(outcome.planned));
  outcome.digest = outcome.planned.plan.digest();
  if (!outcome.planned.plan.changes_anything() && revisions.back().status == kDeployed) return {};
  if (options.confirm) {
    ASSIGN_OR_RETURN(const bool yes, options.confirm(outcome.planned));
    if (!yes) return Error(Code::interrupted, "not confirmed, nothing was written");
  }
  return commit(session, outcome.planned.plan, options, outcome);
}

}  // namespace nautilus::release
