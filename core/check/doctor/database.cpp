// database.no-primary, database.pgbouncer-down, database.credentials-mismatch-by-name: who leads, and who lets in.
#include <fmt/format.h>

#include <set>

#include "core/check/doctor/doctor.h"
#include "core/status/rules.h"

namespace nautilus::check {

namespace {

constexpr const char* kRole = "nautilus.trading.com/postgresql-role";  // Patroni writes it (docs/architecture/platform.md)
constexpr port::Duration kGrace = std::chrono::minutes(2);

std::vector<const Json*> pods_named(const Facts& facts, std::string_view name) {
  std::vector<const Json*> found;
  for (const Json* pod : facts.snapshot.ours(source::kPods))
    if (value::string_at(*pod, "metadata", "labels", "app.kubernetes.io/name") == name) found.push_back(pod);
  return found;
}

bool ready(const Json& pod) { return status::condition_status(pod, "Ready") == "True"; }

void no_primary(const Facts& facts, Outcome& outcome) {
  const auto members = pods_named(facts, "postgresql");
  if (members.empty()) {
    bool wanted = false;
    for (const auto* set : facts.platform().named("postgresql")) {
      wanted = wanted || set->replicas.value_or(1) > 0;
      if (set->replicas.value_or(1) > 0)
        outcome.fail(set->id, "it has no pod at all, so there is no primary", "see what keeps its pods from being made: "
                     "nautilusctl doctor pods", describe(*set->object));
    }
    if (!wanted) outcome.not_applicable("the platform runs no PostgreSQL");
    return;
  }
  std::vector<std::string> leaders, dead, standbys;
  std::string space;
  for (const Json* pod : members) {
    space = namespace_of(*pod);
    const std::string role = value::string_at(*pod, "metadata", "labels", kRole);
    if (role == "primary" || role == "master")
      (ready(*pod) ? leaders : dead).push_back(name_of(*pod));
    else if (ready(*pod))
      standbys.push_back(name_of(*pod));
  }
  const std::string list = fmt::format("kubectl -n {} get pods -l app.kubernetes.io/name=postgresql -L {}", space, kRole);
  const std::string object = fmt::format("PostgreSQL {} ({} members)", space, members.size());
  if (leaders.size() > 1)
    outcome.fail(object, fmt::format("{} pods say they are the primary: {}, {}", leaders.size(), leaders[0], leaders[1]),
                 "two primaries write two histories: runbook NautilusPostgresTwoPrimaries before anything else", list);
  else if (leaders.empty() && !dead.empty())
    outcome.fail(object, fmt::format("the primary {} is not ready, {} standbys are", dead.front(), standbys.size()),
                 "Patroni fails over by itself if a synchronous standby is left; look at its pod and at patronictl list",
                 list);
  else if (leaders.empty())
    outcome.fail(object, fmt::format("no pod carries {}=primary; {} are ready", kRole, standbys.size()),
                 "nobody leads: ask Patroni why (patronictl list); without a synchronous standby it waits for a person",
                 list);
  else
    outcome.note(fmt::format("{} leads, {} standbys are ready", leaders.front(), standbys.size()));
}

void pgbouncer_down(const Facts& facts, Outcome& outcome) {
  const auto pools = facts.platform().named("pgbouncer");
  if (pools.empty()) {
    outcome.not_applicable("the platform runs no PgBouncer");
    return;
  }
  for (const auto* pool : pools) {
    const auto wanted = value::int_at(*pool->object, 1, "spec", "replicas");
    const auto have = value::int_at(*pool->object, 0, "status", "readyReplicas");
    const std::string evidence = fmt::format("{} of {} instances are ready", have, wanted);
    const std::string logs = fmt::format("kubectl -n {} logs -l app.kubernetes.io/name=pgbouncer -c pgbouncer --tail=50",
                                         pool->namespace_);
    bool moving = !facts.older_than(value::string_at(*pool->object, "metadata", "creationTimestamp"), kGrace);
    for (const Json& condition : items(*pool->object, "status", "conditions"))
      moving = moving || (value::string_at(condition, "type") == "Progressing" &&
                          !facts.older_than(value::string_at(condition, "lastUpdateTime"), kGrace));
    if (have == 0)
      outcome.fail(pool->id, wanted == 0 ? "it is scaled to 0" : evidence,
                   "no client reaches the database: see its pods (nautilusctl doctor pods), then its log", logs);
    else if (have < wanted && !moving)
      outcome.warn(pool->id, evidence, "fewer pools, so fewer connections: clients wait at peak; see its pods", logs);
    else
      outcome.note(evidence);
  }
}

// key -> Secrets that a set's volumes take it from.
std::map<std::string, std::set<std::string>> keys_of(const verify::PodSet& set) {
  std::map<std::string, std::set<std::string>> found;
  if (!set.pod) return found;
  const auto take = [&](const Json& source, const char* name) {
    for (const Json& item : items(source, "items"))
      found[value::string_at(item, "key")].insert(value::string_at(source, name));
  };
  for (const Json& volume : items(*set.pod, "volumes")) {
    if (const Json* secret = value::find(volume, "secret")) take(*secret, "secretName");
    for (const Json& source : items(volume, "projected", "sources"))
      if (const Json* secret = value::find(source, "secret")) take(*secret, "name");
  }
  for (const auto& container : verify::containers(set))
    for (const Json& variable : items(*container.json, "env"))
      if (const Json* secret = value::find(variable, "valueFrom", "secretKeyRef"))
        found[value::string_at(*secret, "key")].insert(value::string_at(*secret, "name"));
  return found;
}

void credentials(const Facts& facts, Outcome& outcome) {
  std::map<std::string, std::set<std::string>> server;
  for (const auto* set : facts.platform().named("postgresql"))
    for (auto& [key, secrets] : keys_of(*set)) server[key].insert(secrets.begin(), secrets.end());
  if (server.empty()) {
    outcome.not_applicable("the platform runs no PostgreSQL that takes its passwords from Secrets");
    return;
  }
  for (const auto& [key, secrets] : server)
    if (secrets.size() > 1)
      outcome.fail("PostgreSQL", fmt::format("its members take {} from {} Secrets: {}, {}", key, secrets.size(),
                                             *secrets.begin(), *secrets.rbegin()),
                   "one Secret for all members, or a failover changes the password");
  std::size_t compared = 0;
  for (const char* name : {"pgbouncer", "nautilus-backend"})
    for (const auto* client : facts.platform().named(name))
      for (const auto& [key, secrets] : keys_of(*client)) {
        const auto theirs = server.find(key);
        if (theirs == server.end()) continue;
        for (const std::string& secret : secrets) {
          ++compared;
          if (theirs->second.contains(secret)) continue;
          outcome.fail(client->id,
                       fmt::format("takes {} from Secret {}, PostgreSQL takes it from {}", key, secret,
                                   *theirs->second.begin()),
                       "both have to name one Secret (global.database.credentialsSecret), else the login fails",
                       fmt::format("kubectl -n {} get secret {} {}", client->namespace_, secret, *theirs->second.begin()));
        }
      }
  outcome.note(fmt::format("{} keys of clients compared, by name", compared));
}

const std::vector<Need> kTemplates = {{&source::kDeployments}, {&source::kStatefulSets}};

}  // namespace

std::vector<Check> database_checks() {
  return {{{"database.no-primary", "PostgreSQL has one primary, and it is ready.",
            "The pods of PostgreSQL: how many of them carry the role primary that Patroni writes, and whether they are "
            "ready.",
            "No primary: patronictl list in any member says why. Two: fence one before anything else. A primary that is "
            "not ready: its log; failover needs a synchronous standby.",
            "NautilusPostgresNoPrimary"},
           {{&source::kPods}, {&source::kStatefulSets}},
           no_primary},
          {{"database.pgbouncer-down", "Every PgBouncer answers.",
            "Ready instances of PgBouncer against those that are wished for; a rollout has two minutes.",
            "None ready: nobody reaches the database. Its log says whether PostgreSQL, the configuration or the Secret is "
            "at fault.",
            "NautilusPgBouncerDown"},
           kTemplates,
           pgbouncer_down},
          {{"database.credentials-mismatch-by-name", "Clients and PostgreSQL take a password from the same Secret.",
            "The Secrets, by name and key, that PostgreSQL, PgBouncer and the backend mount. No value is read, so a "
            "Secret that was changed under running pods is not seen.",
            "Name one Secret on both sides and deploy. If the password was changed: the role in PostgreSQL, the Secret, "
            "then a restart of the clients, in that order.",
            "database.credentials-mismatch-by-name"},
           kTemplates,
           credentials}};
}

}  // namespace nautilus::check
