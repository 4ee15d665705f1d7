#include "core/release/commit.h"

#include "core/port/wall_time.h"

namespace nautilus::release {

namespace {

// How a run that ended with this error is remembered.
std::string_view status_of(const Error& error) { return error.code == Code::interrupted ? kInterrupted : kFailed; }

Revision pending_revision(const Session& session, const apply::Plan& plan, int number) {
  Revision revision;
  revision.number = number;
  revision.status = kPending;
  revision.operation = plan.operation;
  revision.description = plan.description;
  revision.chart = plan.chart;
  revision.environment = plan.environment;
  revision.plan_digest = plan.digest();
  revision.who = session.who;
  revision.started = port::micro_time(session.cluster.client().clock().now());
  revision.objects = objects_of(plan);
  return revision;
}

// The revisions that the new one replaces: what was deployed is superseded, what was never finished is interrupted.
Result<> close_earlier(Store& store, std::vector<Revision>& revisions) {
  for (auto& revision : revisions) {
    const std::string before = revision.status;
    if (before == kDeployed) revision.status = kSuperseded;
    if (before == kPending) {
      revision.status = kInterrupted;
      revision.message = "the run ended without recording its end";
    }
    if (revision.status != before) TRY(store.update_head(revision));
  }
  return {};
}

Result<> executed(const Session& session, const apply::Plan& plan, const DeployOptions& options, Lock& lock,
                  Outcome& outcome) {
  apply::ExecuteOptions execute;
  execute.wait = options.wait;
  execute.wave_timeout = session.env.wave_timeout;
  execute.total_timeout = session.env.total_timeout;
  execute.guard = [&lock] { return lock.ok(); };
  return apply::execute(session.cluster, plan, execute, session.entropy, outcome.execution);
}

}  // namespace

std::vector<apply::InventoryEntry> entries(const std::vector<RecordedObject>& objects) {
  std::vector<apply::InventoryEntry> list;
  for (const auto& object : objects) list.push_back({object.id, object.api_version, object.generated});
  return list;
}

Result<> commit(const Session& session, const apply::Plan& plan, const DeployOptions& options, Outcome& outcome) {
  auto& cluster = session.cluster;
  TRY(apply::ensure_namespace(cluster, plan));
  LockOptions lock_options{session.who, options.lock_wait, options.take_over_lock};
  ASSIGN_OR_RETURN(auto lock, Lock::take(cluster, session.env.release, session.env.namespace_, lock_options));
  Store store = session.store();
  ASSIGN_OR_RETURN(auto revisions, store.list(false));
  const int newest = revisions.empty() ? 0 : revisions.back().number;
  if (newest != plan.base_revision)
    return Error(Code::refused,
                 fmt::format("the plan was made after revision {}, the newest is {} now", plan.base_revision, newest),
                 "somebody deployed meanwhile; make the plan again");
  Revision revision = pending_revision(session, plan, newest + 1);
  TRY(store.create(revision));
  outcome.revision = revision.number;
  outcome.digest = revision.plan_digest;
  auto done = executed(session, plan, options, *lock, outcome);
  const kube::Uninterrupted section(cluster.client());  // the end is recorded even after Ctrl-C
  revision.finished = port::micro_time(cluster.client().clock().now());
  revision.status = done.ok() ? kDeployed : status_of(done.error());
  if (!done.ok()) revision.message = done.error().text();
  if (lock->ok().ok()) {  // a run that lost the lock must not write, not even this
    if (done.ok()) TRY(close_earlier(store, revisions));
    TRY(store.update_head(revision));
    revisions.push_back(revision);
    if (done.ok()) TRY(store.trim(revisions, session.env.history_limit));
    TRY(lock->release());
  }
  if (!done.ok() && done.error().code == Code::interrupted)
    std::move(done.error()).with_hint("the cluster is left resumable: run the same command again to finish");
  return done;
}

Result<> record_end(const Session& session, Result<> done, Revision& revision, std::vector<Revision>& revisions,
                    Lock& lock, std::string_view again) {
  const kube::Uninterrupted section(session.cluster.client());
  revision.finished = port::micro_time(session.cluster.client().clock().now());
  revision.status = done.ok() ? kDeployed : status_of(done.error());
  if (!done.ok()) revision.message = done.error().text();
  TRY(lock.ok());
  Store store = session.store();
  if (done.ok()) TRY(close_earlier(store, revisions));
  TRY(store.update_head(revision));
  TRY(lock.release());
  if (!done.ok())
    return std::move(done).error().with_hint(
        fmt::format("run `nautilusctl {}` again: it goes on where it stopped", again));
  return {};
}

}  // namespace nautilus::release
