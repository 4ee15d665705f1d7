// database.pool-budget: every pool at its largest still fits the database.
#include <fmt/format.h>

#include "core/value/yaml.h"
#include "core/verify/checks/postgres.h"
#include "core/verify/settings.h"
#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

constexpr std::int64_t kPgBouncerDefaultPool = 20;  // default_pool_size, where nothing says otherwise

// Server connections one instance may open for one line of [databases], and how that is known.
std::int64_t pool_of(const IniEntry& database, std::string_view text, const std::string& where, std::int64_t users,
                     Answer& answer) {
  const auto limit = word_value(database.value, "max_db_connections");
  const auto global_limit = ini_value(text, "pgbouncer", "max_db_connections");
  if (const auto hard = integer(limit.value_or(global_limit.value_or("0"))); hard && *hard > 0) {
    answer.read(fmt::format("{} [databases] {}", where, database.key), *hard, "max_db_connections, the hard bound");
    return *hard;
  }
  const auto pool = integer(word_value(database.value, "pool_size")
                                .value_or(ini_value(text, "pgbouncer", "default_pool_size").value_or("")))
                        .value_or(kPgBouncerDefaultPool);
  const auto reserve = integer(ini_value(text, "pgbouncer", "reserve_pool_size").value_or("0")).value_or(0);
  answer.read(fmt::format("{} [databases] {}", where, database.key), pool, "pool_size, for each user");
  answer.read(where + " [pgbouncer] reserve_pool_size", reserve, "on top, for each pool");
  answer.step(fmt::format("{}: ({} + {}) x {} user{} = {}", database.key, pool, reserve, users, users == 1 ? "" : "s",
                          (pool + reserve) * users));
  return (pool + reserve) * users;
}

void pool_budget(const Input& input, Answer& answer) {
  const auto bouncers = input.platform.named("pgbouncer");
  const Postgres postgres = Postgres::of(input.platform);
  if (bouncers.empty() || postgres.members.empty()) return;
  const auto most = postgres.parameter("max_connections");
  if (!most) return answer.missing("max_connections is nowhere to be read", postgres.members.front()->id);
  answer.read(most->where, most->value, "max_connections");
  const auto max_connections = integer(most->value);
  if (!max_connections) return answer.missing("max_connections is not a number", most->where);
  std::int64_t reserved = 0;
  for (const char* name : {"superuser_reserved_connections", "reserved_connections"}) {
    const auto found = postgres.parameter(name);
    const std::int64_t fallback = name[0] == 's' ? 3 : 0;  // PostgreSQL's own defaults
    const std::int64_t value = found ? integer(found->value).value_or(fallback) : fallback;
    if (found)
      answer.read(found->where, value, name);
    else if (fallback > 0)
      answer.note(fmt::format("{} is not set: PostgreSQL's default of {}", name, fallback));
    reserved += value;
  }
  // Patroni's own session, and one for each exporter, that come past the pools.
  std::int64_t beside = 1;
  for (const PodSet* member : postgres.members)
    for (const Container& container : containers(*member))
      if (container.name.find("exporter") != std::string::npos) {
        beside = 1 + 3;  // CONNECTION LIMIT 3
        answer.note(member->at(container.path) + " reads statistics over at most 3 connections");
        break;
      }
  const std::int64_t room = *max_connections - reserved - beside;
  answer.step(fmt::format("room for pools = {} - {} reserved - {} for Patroni and exporters = {}", *max_connections,
                          reserved, beside, room));
  std::map<std::string, std::int64_t> by_host;
  for (const PodSet* set : bouncers) {
    const ConfigFile* file = set->file("pgbouncer.ini");
    if (!file) {
      answer.missing("no pgbouncer.ini among its files", set->id);
      continue;
    }
    std::int64_t instances = set->most;
    answer.read(set->at(set->scaler ? "the autoscaler's maxReplicas" : "spec.replicas"), instances,
                "instances at most");
    if (const Json* surge = value::find(*set->object, "spec", "strategy", "rollingUpdate", "maxSurge");
        surge && !(*surge == 0)) {
      std::int64_t extra = surge->is_number_integer() ? surge->get<std::int64_t>() : 0;
      if (surge->is_string()) {
        const auto percent =
            integer(surge->get<std::string>().substr(0, surge->get_ref<const std::string&>().find('%')));
        extra = (instances * percent.value_or(25) + 99) / 100;
      }
      answer.read(set->at("spec.strategy.rollingUpdate.maxSurge"), scalar(surge), "more while it is updated");
      instances += extra;
    } else if (!surge && set->kind == "Deployment") {
      const std::int64_t extra = (instances * 25 + 99) / 100;
      answer.note(fmt::format("no maxSurge: Kubernetes' default of 25 %, {} more while it is updated", extra));
      instances += extra;
    }
    // One application user per database line unless `user=` pins it: each user has a pool of its own.
    for (const IniEntry& database : ini_section(*file->text, "databases")) {
      const std::string host = word_value(database.value, "host").value_or("?");
      const std::int64_t each = pool_of(database, *file->text, file->where(), 1, answer);
      by_host[host] += instances * each;
      answer.step(fmt::format("{}: {} instances x {} = {} connections to {}", database.key, instances, each,
                              instances * each, host));
    }
  }
  for (const auto& [host, sum] : by_host) {
    // Pools of several names of one member add up; a replica's Service may lead all of them to the last standby.
    answer.judge(sum <= room, fmt::format("{}: {} {} {} for pools", host, sum, sum <= room ? "<=" : ">", room));
  }
  if (postgres.members_count() > 1 && by_host.size() > 1) {
    // After a failover with one member left, both Services lead to it.
    std::int64_t all = 0;
    for (const auto& [host, sum] : by_host) all += sum;
    answer.note(
        fmt::format("with one member left, a name for reads that led to it too would make {} connections", all));
  }
  const auto senders = postgres.parameter("max_wal_senders");
  const std::int64_t wanted = postgres.members_count() - 1 + 2;
  if (senders) {
    const std::int64_t have = integer(senders->value).value_or(0);
    answer.read(senders->where, have, "replication has slots of its own, beside max_connections");
    answer.judge(have >= wanted, fmt::format("max_wal_senders {} {} {}: {} standbys, a base backup and one to spare",
                                             have, have >= wanted ? ">=" : "<", wanted, postgres.members_count() - 1));
  }
}

constexpr Check kChecks[] = {
    {"database.pool-budget", "All pools at their largest leave the database room for replication and for people.",
     "Per database host: instances (with their surge) x the largest pool of each database line of pgbouncer.ini, "
     "summed, "
     "against max_connections less the reserved ones and what connects past the pools. max_wal_senders against "
     "standbys.",
     "Five PgBouncers in front of max_connections 500 can open all 500: then neither Patroni nor a person gets in, and "
     "the "
     "database looks dead while it works.",
     "Lower pgbouncer.connectionsPerInstance or raise global.database.maxConnections, and check database.memory.",
     "11, 12", pool_budget},
};

}  // namespace

std::span<const Check> pool_checks() { return kChecks; }

}  // namespace nautilus::verify
