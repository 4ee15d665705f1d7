// redis.*: state is never evicted, never killed for its memory, survives a restart, and has one way to fail over.
#include <fmt/format.h>

#include "core/verify/settings.h"
#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

struct RedisSet {
  const PodSet* set;
  const ConfigFile* file;
  const Json* container;
  std::string container_path;
  bool state;  // says so by its component, or runs as a cluster with an append-only file
};

std::vector<RedisSet> redis_sets(const Platform& platform) {
  std::vector<RedisSet> found;
  for (const PodSet& set : platform.pods()) {
    const ConfigFile* file = set.file("redis.conf");
    if (!file) continue;
    for (const Container& container : containers(set)) {
      if (container.name != "redis") continue;
      const std::string component = set.label("app.kubernetes.io/component");
      const bool state = component == "state" || directive(*file->text, "cluster-enabled").value_or("no") == "yes";
      found.push_back({&set, file, container.json, container.path, state});
    }
  }
  return found;
}

void memory(const Input& input, Answer& answer) {
  for (const RedisSet& redis : redis_sets(input.platform)) {
    const auto text = directive(*redis.file->text, "maxmemory");
    const auto limit = resource(*redis.container, "limits", "memory");
    if (limit.nano() == 0) {
      answer.missing("no memory limit", redis.set->at(redis.container_path + ".resources.limits.memory"));
      continue;
    }
    answer.read(redis.set->at(redis.container_path + ".resources.limits.memory"), limit.text());
    if (!text) {
      answer.fails("no maxmemory: it grows until the kernel kills it", redis.file->where());
      continue;
    }
    const auto bytes = redis_bytes(*text);
    answer.read(redis.file->where() + " maxmemory", *text);
    if (!bytes || *bytes == 0) {
      answer.fails("maxmemory is not a bound", redis.file->where());
      continue;
    }
    // While the append-only file is rewritten, pages that change are held twice; replicas' buffers come on top.
    const bool forks = directive(*redis.file->text, "appendonly").value_or("no") == "yes" ||
                       !directive(*redis.file->text, "save").value_or("").empty();
    const double share = forks ? 0.75 : 0.90;
    const auto room = static_cast<std::int64_t>(limit.approximate() * share);
    answer.step(fmt::format("{} x {:.2f} = {}: {}", bytes_text(limit.approximate()), share,
                            bytes_text(static_cast<double>(room)),
                            forks ? "a quarter for copy-on-write while it forks" : "a tenth for replicas' buffers"));
    answer.judge(*bytes <= room,
                 fmt::format("{}: maxmemory {} {} {}", redis.set->name, bytes_text(static_cast<double>(*bytes)),
                             *bytes <= room ? "<=" : ">", bytes_text(static_cast<double>(room))));
  }
}

void eviction(const Input& input, Answer& answer) {
  for (const RedisSet& redis : redis_sets(input.platform)) {
    const std::string policy = directive(*redis.file->text, "maxmemory-policy").value_or("noeviction");
    answer.read(redis.file->where() + " maxmemory-policy", policy, redis.state ? "holds state" : "a cache");
    if (redis.state)
      answer.judge(
          policy == "noeviction",
          fmt::format("{} holds state under {}", redis.set->name,
                      policy == "noeviction" ? "noeviction: full is an error to the writer"
                                             : policy + ": orders, sessions and locks are evicted in silence"));
    else
      answer.judge(policy != "noeviction", fmt::format("{} is a cache under {}", redis.set->name, policy));
  }
}

void durability(const Input& input, Answer& answer) {
  for (const RedisSet& redis : redis_sets(input.platform)) {
    if (!redis.state) continue;
    const std::string& text = *redis.file->text;
    const std::string append = directive(text, "appendonly").value_or("no");
    const std::string sync = directive(text, "appendfsync").value_or("everysec");
    answer.read(redis.file->where() + " appendonly", append);
    answer.read(redis.file->where() + " appendfsync", sync);
    answer.judge(append == "yes" && sync != "no", fmt::format("{}: a node that dies loses {}", redis.set->name,
                                                              append != "yes"    ? "everything it holds"
                                                              : sync == "always" ? "nothing"
                                                              : sync == "no"     ? "what the kernel has not written"
                                                                                 : "at most one second"));
    bool claims = false;
    if (const Json* list = value::find(*redis.set->object, "spec", "volumeClaimTemplates"); list && list->is_array())
      claims = !list->empty();
    answer.judge(
        claims, fmt::format("{}: the file is on {}", redis.set->name, claims ? "a volume of its own" : "scratch space"),
        redis.set->at("spec.volumeClaimTemplates"));
    const auto lag = directive(text, "min-replicas-max-lag");
    const auto least = directive(text, "min-replicas-to-write");
    if (least && *least != "0") {
      answer.read(redis.file->where() + " min-replicas-to-write", *least);
      answer.step(fmt::format("a master that is cut off takes writes for {} s at most", lag.value_or("10")));
    } else {
      answer.note(
          "replication is asynchronous: a failover may lose acknowledged writes, so it is never the ledger (finding "
          "5)");
    }
  }
}

void failover(const Input& input, Answer& answer) {
  bool any = false;
  for (const RedisSet& redis : redis_sets(input.platform)) {
    if (directive(*redis.file->text, "cluster-enabled").value_or("no") != "yes") continue;
    any = true;
    answer.read(redis.file->where() + " cluster-enabled", "yes", "fails over by itself");
    // A sentinel that is pointed at a cluster's node names it in its settings or in the names of its peers.
    for (const PodSet& set : input.platform.pods()) {
      if (set.name.find("sentinel") == std::string::npos) continue;
      std::string seen;
      for (const Container& container : containers(set))
        if (const Json* env = value::find(*container.json, "env"); env && env->is_array())
          for (const Json& one : *env) {
            const std::string value = value::string_at(one, "value");
            if (value.find(redis.set->name + "-") != std::string::npos) seen = value::string_at(one, "name");
          }
      for (const ConfigFile& file : set.files)
        if (file.text->find("monitor") != std::string::npos &&
            file.text->find(redis.set->name + "-") != std::string::npos)
          seen = file.key;
      if (!seen.empty()) answer.read(set.at(seen), redis.set->name, "what this sentinel watches");
      answer.judge(seen.empty(), fmt::format("{} {} {}, which fails over by itself", set.name,
                                             seen.empty() ? "does not watch" : "watches", redis.set->name));
    }
    const int nodes = redis.set->least;
    answer.read(redis.set->at("spec.replicas"), nodes, "nodes of the cluster");
    if (nodes >= 3)
      answer.holds(fmt::format("{}: {} nodes can elect", redis.set->name, nodes));
    else if (nodes > 1)
      answer.fails(fmt::format("{}: {} nodes cannot elect", redis.set->name, nodes));
  }
  for (const PodSet& set : input.platform.pods()) {
    if (set.label("app.kubernetes.io/name") != "redis-sentinel") continue;
    any = true;
    answer.read(set.at("spec.replicas"), set.least, "sentinels");
    answer.judge(set.least % 2 == 1,
                 fmt::format("{} sentinels are {} number", set.least, set.least % 2 ? "an odd" : "an even"));
  }
  if (!any) answer.note("no Redis here");
}

constexpr Check kChecks[] = {
    {"redis.memory", "No Redis is killed for its memory.",
     "maxmemory is set, and at most three quarters of the container's limit where it forks to write, nine tenths "
     "elsewhere.",
     "The guide sets no maxmemory at all: Redis then grows until the kernel kills it, and its replica with the same "
     "data.",
     "Lower redis-cluster.maxmemoryMiB (redis-sentinel.cache.maxmemoryMiB) or raise the memory limit.", "5", memory},
    {"redis.eviction-policy", "State is never evicted; a cache never refuses writes.",
     "maxmemory-policy is noeviction where the component is state (or cluster-enabled), anything else for a cache.",
     "allkeys-lru on the Redis that holds orders, sessions and locks drops them without a word.",
     "Keep noeviction for redis-cluster; what may be lost belongs into redis-cache.", "5", eviction},
    {"redis.durability", "State survives a restart, and the bound on what a failover loses is stated.",
     "appendonly yes with appendfsync everysec or always, on a claimed volume; min-replicas-to-write is read if set.",
     "Replication is asynchronous: acknowledged writes may be lost in a failover, so Redis is never the ledger.",
     "Keep appendonly and the volume; what must not be lost belongs into PostgreSQL or the engine's journal.", "5, 23",
     durability},
    {"redis.failover", "Each Redis has exactly one way to fail over, and enough voters.",
     "No sentinel names a node of a cluster; a cluster has three nodes or more; sentinels are odd.",
     "Cluster and Sentinel both promote replicas. On the same nodes they fight, and each undoes the other.",
     "Point the sentinels at redis-cache only.", "9", failover},
};

}  // namespace

std::span<const Check> redis_checks() { return kChecks; }

}  // namespace nautilus::verify
