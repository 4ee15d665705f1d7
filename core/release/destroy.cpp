#include "core/release/destroy.h"

#include "core/apply/batch.h"
#include "core/apply/wait.h"
#include "core/kube/reader.h"
#include "core/port/wall_time.h"
#include "core/release/commit.h"
#include "core/release/export.h"
#include "core/release/lock.h"

namespace nautilus::release {

namespace {

bool is_last(const apply::PlanItem& item) { return item.wave == apply::Wave::namespaces; }

apply::Plan part_of(const apply::Plan& plan, bool last) {
  apply::Plan part = plan;
  std::erase_if(part.items, [&](const apply::PlanItem& item) { return is_last(item) != last; });
  return part;
}

// Claims made from a StatefulSet's templates belong to no inventory and have no owner; they are found by their names.
Result<> remove_claims(const Session& session, const std::vector<apply::InventoryEntry>& inventory) {
  auto& cluster = session.cluster;
  ASSIGN_OR_RETURN(const auto* resource, cluster.resource(value::GroupVersion{"", "v1"}, "PersistentVolumeClaim"));
  std::set<std::string> namespaces;
  for (const auto& item : inventory)
    if (item.id.kind == "StatefulSet") namespaces.insert(item.id.namespace_);
  for (const auto& space : namespaces) {
    kube::ListOptions list;
    list.namespace_ = space;
    ASSIGN_OR_RETURN(const auto claims, kube::Reader(cluster.client()).list(*resource, list));
    apply::Batch batch(cluster.client());
    std::optional<Error> failed;
    for (const auto& claim : claims.items) {
      const auto id = value::ObjectId{"", "PersistentVolumeClaim", space, value::string_at(claim, "metadata", "name")};
      const bool ours = std::any_of(inventory.begin(), inventory.end(), [&](const apply::InventoryEntry& item) {
        if (item.id.kind != "StatefulSet" || item.id.namespace_ != space) return false;
        // <template>-<set>-<ordinal>
        const auto dash = id.name.rfind('-');
        return dash != std::string::npos && id.name.substr(0, dash).ends_with("-" + item.id.name) &&
               id.name.find_first_not_of("0123456789", dash + 1) == std::string::npos;
      });
      if (!ours) continue;
      ASSIGN_OR_RETURN(auto request, cluster.remove(id, "v1", value::string_at(claim, "metadata", "uid")));
      batch.add(std::move(request), [&](kube::Response r) {
        if (!r.ok() && r.status != 404) failed = std::move(r.error).within("removing " + id.text());
      });
    }
    TRY(batch.run());
    if (failed) return std::move(*failed);
  }
  return {};
}

apply::ExecuteOptions execute_options(const Session& session) {
  apply::ExecuteOptions execute;
  execute.wave_timeout = session.env.wave_timeout;
  execute.total_timeout = session.env.total_timeout;
  return execute;
}

// What is spared stays in the history, so that a later destroy or deploy finds it.
Result<> record_what_stays(const Session& session, const apply::Plan& plan, Outcome& outcome) {
  Revision revision;
  revision.number = plan.base_revision + 1;
  revision.status = kDeployed;
  revision.operation = revision.description = plan.operation;
  revision.environment = plan.environment;
  revision.plan_digest = plan.digest();
  revision.who = session.who;
  revision.started = revision.finished = port::micro_time(session.cluster.client().clock().now());
  revision.objects = objects_of(plan);
  outcome.revision = revision.number;
  return session.store().create(revision);
}

Result<> spare_data(const Session& session, const apply::Plan& plan, Lock& lock, Outcome& outcome) {
  auto execute = execute_options(session);
  execute.guard = [&lock] { return lock.ok(); };
  TRY(apply::execute(session.cluster, plan, execute, session.entropy, outcome.execution));
  TRY(lock.ok());
  TRY(record_what_stays(session, plan, outcome));
  return lock.release();
}

// `inventory` knows the StatefulSets of earlier revisions too: their claims may be all that is left of them.
Result<> remove_everything(const Session& session, const apply::Plan& plan,
                           const std::vector<apply::InventoryEntry>& inventory, Lock& lock, Outcome& outcome) {
  auto execute = execute_options(session);
  execute.guard = [&lock] { return lock.ok(); };
  TRY(apply::execute(session.cluster, part_of(plan, false), execute, session.entropy, outcome.execution));
  TRY(remove_claims(session, inventory));
  const apply::Plan last = part_of(plan, true);
  const bool own_namespace = std::any_of(last.items.begin(), last.items.end(), [&](const apply::PlanItem& item) {
    return item.id.kind == "Namespace" && item.id.name == session.env.namespace_ &&
           item.action == apply::Action::remove;
  });
  // The history goes with the namespace. If the namespace is somebody else's, it is removed by itself; a run killed
  // before this line still finds the history and goes on.
  if (!own_namespace) TRY(session.store().erase_all());
  TRY(lock.erase());
  execute.guard = nullptr;  // the lock goes with the namespace too
  return apply::execute(session.cluster, last, execute, session.entropy, outcome.execution);
}

}  // namespace

Result<> destroy(const Session& session, const DestroyOptions& options, Outcome& outcome) {
  TRY(check_cluster(session));
  ASSIGN_OR_RETURN(const auto revisions, session.store().list(true));
  if (revisions.empty()) return {};
  TRY(check_not_exported(session, revisions));
  env::Environment bare = session.env;
  bare.generated_secrets.clear();
  bare.external_secrets.clear();
  bare.operators.clear();
  const apply::Desired nothing;
  apply::PlanInput input{bare, nothing, {}};
  // Every revision that is remembered, not only the newest: what an older run kept must not stay behind.
  std::set<value::ObjectId> seen;
  for (auto revision = revisions.rbegin(); revision != revisions.rend(); ++revision)
    for (const auto& entry : entries(revision->objects))
      if (seen.insert(entry.id).second) input.inventory.push_back(entry);
  input.operation = input.description = "destroy";
  input.base_revision = revisions.back().number;
  input.ignore_helm_keep = true;
  input.spare_data = !options.delete_data;
  if (options.delete_data)
    for (const auto& entry : input.inventory) input.allow_removal.insert(entry.id.text());
  ASSIGN_OR_RETURN(outcome.planned, apply::make_plan(session.cluster, input));
  TRY(refuse_problems(outcome.planned));
  if (outcome.planned.plan.count(apply::Action::remove) == 0 && !options.delete_data) return {};  // only data is left
  if (options.confirm) {
    ASSIGN_OR_RETURN(const bool yes, options.confirm(outcome.planned));
    if (!yes) return Error(Code::interrupted, "not confirmed, nothing was written");
  }
  LockOptions lock_options{session.who, options.lock_wait, options.take_over_lock};
  ASSIGN_OR_RETURN(auto lock, Lock::take(session.cluster, session.env.release, session.env.namespace_, lock_options));
  auto done = options.delete_data ? remove_everything(session, outcome.planned.plan, input.inventory, *lock, outcome)
                                  : spare_data(session, outcome.planned.plan, *lock, outcome);
  const kube::Uninterrupted section(session.cluster.client());
  if (!done.ok()) return std::move(done).error().with_hint("run `nautilusctl destroy` again to finish");
  return {};
}

}  // namespace nautilus::release
