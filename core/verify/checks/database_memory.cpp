// database.memory: what PostgreSQL may take fits the container.
#include <fmt/format.h>

#include "core/verify/checks/postgres.h"
#include "core/verify/settings.h"
#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

constexpr std::int64_t kMiB = 1 << 20;
constexpr std::int64_t kPerConnection = 5 * kMiB;  // a backend's own memory beside work_mem: catalog caches, plans
constexpr std::int64_t kFixed = 256 * kMiB;        // WAL buffers, locks, the postmaster, Patroni

void memory(const Input& input, Answer& answer) {
  const Postgres postgres = Postgres::of(input.platform);
  if (postgres.members.empty()) return;
  std::int64_t values[5] = {};
  const struct {
    const char* name;
    std::int64_t unit, fallback;
  } kWanted[] = {{"shared_buffers", 8192, 128 * kMiB},
                 {"work_mem", 1024, 4 * kMiB},
                 {"maintenance_work_mem", 1024, 64 * kMiB},
                 {"max_connections", 1, 100},
                 {"autovacuum_max_workers", 1, 3}};
  for (int i = 0; i < 5; ++i) {
    const auto found = postgres.parameter(kWanted[i].name);
    if (!found) {
      values[i] = kWanted[i].fallback;
      answer.note(fmt::format("{} is not set: PostgreSQL's default", kWanted[i].name));
      continue;
    }
    const auto value = postgres_bytes(found->value, kWanted[i].unit);
    if (!value) return answer.missing("cannot be read: " + found->value, found->where);
    values[i] = *value;
    answer.read(found->where, found->value, kWanted[i].name);
  }
  const auto [shared, work, maintenance, connections, workers] = values;
  const std::int64_t sum = shared + connections * (work + kPerConnection) + workers * maintenance + kFixed;
  answer.step(fmt::format(
      "shared_buffers {} + {} connections x ({} work_mem + {} of a backend) + {} x maintenance {} + {} = {}",
      bytes_text(static_cast<double>(shared)), connections, bytes_text(static_cast<double>(work)),
      bytes_text(static_cast<double>(kPerConnection)), workers, bytes_text(static_cast<double>(maintenance)),
      bytes_text(static_cast<double>(kFixed)), bytes_text(static_cast<double>(sum))));
  answer.note("one sort or hash for each connection; a query with several takes work_mem for each");
  for (const PodSet* member : postgres.members) {
    for (const Container& container : containers(*member)) {
      if (container.name != "postgresql") continue;
      const auto limit = resource(*container.json, "limits", "memory");
      if (limit.nano() == 0) {
        answer.missing("no memory limit", member->at(container.path + ".resources.limits.memory"));
        continue;
      }
      answer.read(member->at(container.path + ".resources.limits.memory"), limit.text(), "the container's limit");
      answer.judge(sum <= limit.value(),
                   fmt::format("{}: {} {} {}", member->name, bytes_text(static_cast<double>(sum)),
                               sum <= limit.value() ? "<=" : ">", bytes_text(limit.approximate())));
    }
  }
  if (const auto cache = postgres.parameter("effective_cache_size")) {
    const auto bytes = postgres_bytes(cache->value, 8192);
    answer.read(cache->where, cache->value, "what the planner believes is cached; nothing is taken");
    for (const PodSet* member : postgres.members)
      for (const Container& container : containers(*member))
        if (const auto limit = resource(*container.json, "limits", "memory");
            bytes && container.name == "postgresql" && limit.nano() > 0)
          answer.judge(
              *bytes <= limit.value(),
              fmt::format("{}: effective_cache_size {} {} {}", member->name, bytes_text(static_cast<double>(*bytes)),
                          *bytes <= limit.value() ? "<=" : ">", bytes_text(limit.approximate())));
  }
}

constexpr Check kChecks[] = {
    {"database.memory", "The database cannot be killed for the memory that its own settings allow it.",
     "shared_buffers + max_connections x (work_mem + a backend) + autovacuum_max_workers x maintenance_work_mem + a "
     "fixed "
     "part, against the container's memory limit; effective_cache_size against the same.",
     "work_mem 64 MB with 500 connections is 32 GB for one sort each, on a host that shared_buffers 4 GB and a cache "
     "of "
     "12 GB say has 16. The kernel kills the primary in the busiest minute of the day.",
     "Lower postgresql.tuning.workMemMiB or global.database.maxConnections (pools make 100 to 200 enough), or raise "
     "the limit.",
     "11", memory},
};

}  // namespace

std::span<const Check> database_memory_checks() { return kChecks; }

}  // namespace nautilus::verify
