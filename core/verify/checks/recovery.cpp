// recovery.*: what is lost (RPO) and how long it takes (RTO) when a pod, a node, a zone, the region or a person fails.
//
// Two things hold what must not be lost: the database and the engines' journals. Everything else is rebuilt from them.
#include <fmt/format.h>

#include "core/value/yaml.h"
#include "core/verify/checks/backup_facts.h"
#include "core/verify/checks/postgres.h"
#include "core/verify/settings.h"
#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

enum class Mode { pod, node, zone, region, operator_error };
constexpr const char* kModeNames[] = {"pod", "node", "zone", "region", "operatorError"};

constexpr std::int64_t kPushAllowance = 10;     // a 16 MiB segment to an object store, where nothing is declared
constexpr std::int64_t kPromoteAllowance = 10;  // from winning the lock to accepting writes
constexpr std::int64_t kReattachSeconds =
    360;  // unreachable for 300 s before pods are evicted, then the volume detaches

// A bound in seconds; nullopt: nothing bounds it. What led there is in the answer already.
using Bound = std::optional<std::int64_t>;

struct Engine {
  const PodSet* main = nullptr;
  const PodSet* standby = nullptr;
  Json settings;
  std::string where;
  static Engine of(const Platform& platform, Answer& answer) {
    Engine found;
    for (const PodSet* set : platform.named("nautilus-engine")) {
      if (set->label("nautilusctl.io/engine-set") == "standby" || set->name.ends_with("-standby"))
        found.standby = set;
      else if (!found.main)
        found.main = set;
    }
    if (const ConfigFile* file = found.main ? found.main->file("engine.yaml") : nullptr) {
      auto document = value::parse_yaml(*file->text, file->where());
      found.where = file->where();
      if (document.ok())
        found.settings = std::move(*document);
      else
        answer.missing(document.error().message, file->where());
    }
    return found;
  }
  bool synchronous() const { return standby && value::string_at(settings, "replication", "mode") == "sync"; }
};

bool host_apart(const PodSet& set) {
  const Json* rules =
      set.pod ? value::find(*set.pod, "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
              : nullptr;
  if (rules && rules->is_array())
    for (const Json& rule : *rules)
      if (value::string_at(rule, "topologyKey") == "kubernetes.io/hostname" && !value::find(rule, "matchLabelKeys") &&
          selects(value::find(rule, "labelSelector"), set.labels))
        return true;
  return false;
}

bool zone_spread(const PodSet& set) {
  const Json* rules = set.pod ? value::find(*set.pod, "topologySpreadConstraints") : nullptr;
  if (rules && rules->is_array())
    for (const Json& rule : *rules)
      if (value::string_at(rule, "topologyKey") == "topology.kubernetes.io/zone" &&
          value::string_at(rule, "whenUnsatisfiable") == "DoNotSchedule" && value::int_at(rule, 1, "maxSkew") == 1)
        return true;
  return false;
}

bool zone_apart_by_shard(const PodSet& set) {
  const Json* rules =
      set.pod ? value::find(*set.pod, "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
              : nullptr;
  if (rules && rules->is_array())
    for (const Json& rule : *rules)
      if (value::string_at(rule, "topologyKey") == "topology.kubernetes.io/zone")
        if (const Json* keys = value::find(rule, "matchLabelKeys"); keys && keys->is_array())
          for (const Json& key : *keys)
            if (key == "apps.kubernetes.io/pod-index") return true;
  return false;
}

bool has_volume(const PodSet& set) {
  const Json* list = value::find(*set.object, "spec", "volumeClaimTemplates");
  return list && list->is_array() && !list->empty();
}

void read_copies(const Postgres& postgres, Answer& answer) {
  for (const char* name : {"synchronous_mode", "synchronous_mode_strict", "synchronous_node_count"})
    if (const auto found = postgres.store_value(name)) answer.read(found->where, found->value);
  if (const auto commit = postgres.parameter("synchronous_commit")) answer.read(commit->where, commit->value);
  answer.step(fmt::format("an acknowledged commit is on {} member{} at least", postgres.copies(),
                          postgres.copies() == 1 ? "" : "s"));
}

// What the archive still misses when everything else is gone.
Bound archive_loss(const Input& input, const Postgres& postgres, Answer& answer) {
  if (!postgres.archives()) {
    answer.step("no WAL archive: archive_mode is not on");
    return std::nullopt;
  }
  const auto timeout = postgres.archive_timeout();
  if (!timeout) {
    answer.step("archive_timeout is not set: a segment is closed only when it is full");
    return std::nullopt;
  }
  answer.read(postgres.parameter("archive_timeout")->where, *timeout, "seconds until a segment is closed");
  std::int64_t push = kPushAllowance;
  if (input.env.capacity.archive_push_seconds) {
    push = *input.env.capacity.archive_push_seconds;
    answer.read(input.env.file + ": spec.capacity.archivePushSeconds", push, "declared");
  } else {
    answer.note(
        fmt::format("spec.capacity.archivePushSeconds is not declared: {} s are taken for pushing a segment", push));
  }
  answer.step(fmt::format("{} s until the segment is closed + {} s until it is in the archive = {} s", *timeout, push,
                          *timeout + push));
  return *timeout + push;
}

// Members that can be in one zone, when they are spread evenly; nullopt if nothing says they are.
std::optional<std::int64_t> members_in_a_zone(const Input& input, const Postgres& postgres, Answer& answer) {
  const auto zones = input.env.capacity.zones;
  if (!zones) {
    answer.missing("spec.capacity.zones is not declared", input.env.file);
    return std::nullopt;
  }
  for (const PodSet* member : postgres.members)
    if (!zone_spread(*member)) {
      answer.read(member->at("spec.template.spec.topologySpreadConstraints"), "no DoNotSchedule by zone");
      return postgres.members_count();
    }
  answer.read(input.env.file + ": spec.capacity.zones", *zones, "declared");
  const std::int64_t in_one = (postgres.members_count() + *zones - 1) / *zones;
  answer.step(
      fmt::format("{} members over {} zones, skew 1: at most {} in one", postgres.members_count(), *zones, in_one));
  return in_one;
}

Bound database_rpo(const Input& input, Mode mode, Answer& answer) {
  const Postgres postgres = Postgres::of(input.platform);
  if (postgres.members.empty()) return 0;
  const PodSet& first = *postgres.members.front();
  if (mode == Mode::pod) {
    const auto fsync = postgres.parameter("fsync");
    const auto commit = postgres.parameter("synchronous_commit");
    const bool durable = !(fsync && (fsync->value == "off" || fsync->value == "false")) &&
                         !(commit && (commit->value == "off" || commit->value == "false"));
    if (commit) answer.read(commit->where, commit->value);
    if (!has_volume(first)) {
      answer.read(first.at("spec.volumeClaimTemplates"), "none");
      return archive_loss(input, postgres, answer);
    }
    answer.read(first.at("spec.volumeClaimTemplates"), "present", "the disk outlives the pod");
    answer.step(fmt::format("commits are {}written to disk before they are acknowledged", durable ? "" : "not "));
    if (durable) return 0;
    return archive_loss(input, postgres, answer);
  }
  if (mode == Mode::node) {
    read_copies(postgres, answer);
    bool apart = true;
    for (const PodSet* member : postgres.members) {
      apart = apart && host_apart(*member);
      answer.read(member->at("spec.template.spec.affinity.podAntiAffinity"),
                  host_apart(*member) ? "required by host" : "not required");
    }
    if (apart && postgres.copies() > 1) return 0;
    answer.step("the node's disk may hold the only copy");
    return archive_loss(input, postgres, answer);
  }
  if (mode == Mode::zone) {
    read_copies(postgres, answer);
    const auto in_one = members_in_a_zone(input, postgres, answer);
    if (!in_one) return archive_loss(input, postgres, answer);
    answer.step(fmt::format(
        "{} copies {} {} members that one zone may hold{}", postgres.copies(),
        postgres.copies() > *in_one ? ">" : "<=", *in_one,
        postgres.copies() > *in_one ? ": one copy is elsewhere" : ": all copies may be in the zone that is lost"));
    if (postgres.copies() > *in_one) return 0;
    return archive_loss(input, postgres, answer);
  }
  return archive_loss(input, postgres, answer);
}

Bound engine_rpo(const Input& input, Mode mode, Answer& answer) {
  const Engine engine = Engine::of(input.platform, answer);
  if (!engine.main) return 0;
  answer.read(engine.main->at("spec.volumeClaimTemplates"), has_volume(*engine.main) ? "present" : "none",
              "the journal");
  if (mode == Mode::pod) return has_volume(*engine.main) ? Bound(0) : std::nullopt;
  answer.read(engine.where.empty() ? engine.main->id : engine.where + " replication.mode",
              engine.standby ? value::string_at(engine.settings, "replication", "mode") : "no standby");
  if (!engine.synchronous()) {
    answer.step("an order is acknowledged by one engine alone: its journal is on one volume");
    return std::nullopt;
  }
  if (mode == Mode::node && host_apart(*engine.main) && host_apart(*engine.standby)) {
    answer.step("an order is acknowledged by two engines, never on one host");
    return 0;
  }
  if (mode == Mode::zone && zone_apart_by_shard(*engine.main) && zone_apart_by_shard(*engine.standby)) {
    answer.step("the two engines of a shard are never in one zone");
    return 0;
  }
  answer.step("both engines of a shard may be lost together");
  return std::nullopt;
}

// What has to come back: the database's volumes and the engines' journals.
struct Store {
  const char* name;
  std::vector<const PodSet*> sets;
};

std::vector<Store> stores(const Input& input) {
  std::vector<Store> all;
  if (auto sets = input.platform.named("postgresql"); !sets.empty()) all.push_back({"database", std::move(sets)});
  if (auto sets = input.platform.named("nautilus-engine"); !sets.empty())
    all.push_back({"engine journals", std::move(sets)});
  return all;
}

void best_of(Bound& best, Bound other) {
  if (other && (!best || *other < *best)) best = other;
}

// Schedules that take this store's data; with `beyond`, only those that bring it to another region.
Bound scheduled_loss(const Input& input, const Store& store, const std::string& beyond, Answer& answer) {
  Bound best;
  for (const BackupSchedule& schedule : backup_schedules(input.platform, answer)) {
    if (!schedule.volumes || !schedule.takes(store.sets.front()->namespace_, store.sets.front()->labels)) continue;
    const std::string& there = schedule.location_region;
    if (!beyond.empty() && (there.empty() || there == beyond || !schedule.moved)) continue;
    answer.read(
        schedule.where + " spec.schedule", schedule.text,
        beyond.empty() ? "takes the " + std::string(store.name) : fmt::format("takes the {} to {}", store.name, there));
    answer.step(fmt::format("{}: {} between two runs, and the run itself", schedule.name, duration_text(schedule.gap)));
    best_of(best, schedule.gap);
  }
  return best;
}

// Copies beyond the region: a repository elsewhere, or a backup that brings its data there.
Bound region_loss(const Input& input, const Store& store, Answer& answer) {
  const std::string& region = input.env.capacity.region;
  Bound best;
  const Postgres postgres = Postgres::of(input.platform);
  if (store.name == std::string_view("database") && postgres.archives())
    for (int i = 1; i <= 4; ++i) {
      const auto there = ini_value(postgres.archive, "global", fmt::format("repo{}-s3-region", i));
      if (!there) continue;
      answer.read(fmt::format("{} repo{}-s3-region", postgres.archive_where, i), *there,
                  *there == region ? "the same region" : "another region");
      if (*there != region) best_of(best, archive_loss(input, postgres, answer));
    }
  best_of(best, scheduled_loss(input, store, region, answer));
  if (!best) answer.step(fmt::format("{}: nothing in the manifests leaves the region", store.name));
  return best;
}

// Going back to before the error: WAL on a base backup, or a backup.
Bound error_loss(const Input& input, const Store& store, Answer& answer) {
  Bound best;
  const Postgres postgres = Postgres::of(input.platform);
  if (store.name == std::string_view("database") && postgres.archives()) {
    if (const auto base = base_backup(input.platform)) {
      answer.read(base->where, base->value, "makes the base backup that WAL is replayed on");
      best = archive_loss(input, postgres, answer);
    } else {
      answer.step("WAL is archived, but no object makes a base backup that it could be replayed on");
    }
  }
  best_of(best, scheduled_loss(input, store, "", answer));
  if (!best) answer.step(fmt::format("{}: nothing in the manifests can go back to before the error", store.name));
  return best;
}

const env::RecoveryPromise* promise_of(const Input& input, Mode mode) {
  const auto found = input.env.promises.recovery.find(kModeNames[static_cast<int>(mode)]);
  return found == input.env.promises.recovery.end() ? nullptr : &found->second;
}

bool has_stores(const Input& input) { return !stores(input).empty(); }

bool region_is_known(const Input& input, Mode mode, Answer& answer) {
  if (mode != Mode::region) return true;
  if (input.env.capacity.region.empty()) {
    answer.missing("spec.capacity.region is not declared: what is elsewhere cannot be told", input.env.file);
    return false;
  }
  answer.read(input.env.file + ": spec.capacity.region", input.env.capacity.region, "declared");
  return true;
}

void conclude(const char* store, Bound bound, std::int64_t promised, const char* what, Answer& answer) {
  if (!bound)
    return answer.fails(fmt::format("{}: nothing bounds {}; {} s are promised", store,
                                    what == std::string_view("lost") ? "what is lost" : "how long it takes", promised));
  answer.judge(*bound <= promised, fmt::format("{}: {} s {} at most {} {} s promised", store, *bound, what,
                                               *bound <= promised ? "<=" : ">", promised));
}

template <Mode kMode>
void rpo(const Input& input, Answer& answer) {
  const env::RecoveryPromise* promise = promise_of(input, kMode);
  if (!promise || !promise->rpo_seconds || !has_stores(input)) return;
  const std::int64_t promised = *promise->rpo_seconds;
  answer.read(
      fmt::format("{}: spec.promises.recovery.{}.rpoSeconds", input.env.file, kModeNames[static_cast<int>(kMode)]),
      promised, "promised");
  if (kMode == Mode::region || kMode == Mode::operator_error) {
    if (!region_is_known(input, kMode, answer)) return;
    for (const Store& store : stores(input))
      conclude(store.name, kMode == Mode::region ? region_loss(input, store, answer) : error_loss(input, store, answer),
               promised, "lost", answer);
    return;
  }
  const Bound database = database_rpo(input, kMode, answer);
  if (!input.platform.named("postgresql").empty()) conclude("database", database, promised, "lost", answer);
  const Bound engine = engine_rpo(input, kMode, answer);
  if (!input.platform.named("nautilus-engine").empty()) conclude("engine journals", engine, promised, "lost", answer);
}

// ----- how long it takes

Bound failover_time(const Postgres& postgres, Answer& answer) {
  std::int64_t sum = 0;
  for (const char* name : {"ttl", "loop_wait"}) {
    const auto found = postgres.store_value(name);
    const auto value = found ? integer(found->value) : std::nullopt;
    if (!value) {
      answer.step(fmt::format("{} is not in the store: when a member takes over is not known", name));
      return std::nullopt;
    }
    answer.read(found->where, *value, name[0] == 't' ? "the leader's claim expires" : "the others look");
    sum += *value;
  }
  answer.note("the store is the API server's: that it outlives the same failure is in no manifest");
  answer.step(
      fmt::format("claim and look {} s + promotion {} s = {} s", sum, kPromoteAllowance, sum + kPromoteAllowance));
  return sum + kPromoteAllowance;
}

Bound database_rto(const Input& input, Mode mode, Answer& answer) {
  const Postgres postgres = Postgres::of(input.platform);
  if (postgres.members.empty()) return 0;
  if (postgres.members_count() < 2) {
    answer.read(postgres.members.front()->at("spec.replicas"), postgres.members_count(),
                "one member, nobody to take over");
    if (mode == Mode::pod) {
      answer.note("a pod that dies is started again beside its volume; its startup probe bounds that");
      return kReattachSeconds;
    }
    answer.step("a member that nobody replaces waits for its node");
    return std::nullopt;
  }
  if (mode == Mode::zone) {
    read_copies(postgres, answer);
    const auto in_one = members_in_a_zone(input, postgres, answer);
    if (!in_one) return std::nullopt;
    if (*in_one >= postgres.members_count()) {
      answer.step("all members may be in the zone that is lost");
      return std::nullopt;
    }
    if (postgres.synchronous() && postgres.copies() <= *in_one) {
      answer.step(fmt::format("only a synchronous member may take over, and all {} may be in the zone that is lost",
                              postgres.copies()));
      return std::nullopt;
    }
  }
  if (mode == Mode::node)
    for (const PodSet* member : postgres.members)
      if (!host_apart(*member)) {
        answer.read(member->at("spec.template.spec.affinity.podAntiAffinity"), "not required",
                    "two members may share the node");
        return std::nullopt;
      }
  return failover_time(postgres, answer);
}

Bound engine_rto(const Input& input, Mode mode, Answer& answer) {
  const Engine engine = Engine::of(input.platform, answer);
  if (!engine.main) return 0;
  const auto life = seconds(value::string_at(engine.settings, "epoch", "timeToLive"));
  const bool apart =
      mode == Mode::pod || (mode == Mode::node ? host_apart(*engine.main) : zone_apart_by_shard(*engine.main));
  if (engine.standby && life && apart) {
    answer.read(engine.where + " epoch.timeToLive", *life, "the primary's claim expires, the standby takes over");
    answer.step(fmt::format("{} s + promotion {} s = {} s", *life, kPromoteAllowance, *life + kPromoteAllowance));
    return *life + kPromoteAllowance;
  }
  answer.read(engine.main->id, engine.standby ? "its standby may be lost with it" : "no standby");
  if (mode != Mode::pod) {
    answer.step("a StatefulSet's pod is not replaced until its node is known to be gone: no bound");
    return std::nullopt;
  }
  for (const Container& container : containers(*engine.main)) {
    const std::int64_t failures = value::int_at(*container.json, 0, "startupProbe", "failureThreshold");
    const std::int64_t period = value::int_at(*container.json, 10, "startupProbe", "periodSeconds");
    if (failures == 0) continue;
    answer.read(engine.main->at(container.path + ".startupProbe"), fmt::format("{} x {} s", failures, period),
                "what replaying the journal may take");
    return failures * period;
  }
  answer.step("no startup probe bounds the replay of the journal");
  return std::nullopt;
}

Bound restore_time(const Input& input, Answer& answer) {
  const env::Capacity& c = input.env.capacity;
  if (!c.restore_bytes || !c.restore_bytes_per_second || !c.provision_seconds || !c.replay_seconds) {
    answer.missing(
        "spec.capacity.restore (data, perSecond, provisionSeconds, replaySeconds) is not declared; a drill measures it",
        input.env.file);
    return std::nullopt;
  }
  const auto copy =
      static_cast<std::int64_t>(c.restore_bytes->approximate() / c.restore_bytes_per_second->approximate()) + 1;
  answer.read(input.env.file + ": spec.capacity.restore.data", c.restore_bytes->text(), "declared");
  answer.read(input.env.file + ": spec.capacity.restore.perSecond", c.restore_bytes_per_second->text(), "declared");
  answer.step(fmt::format("provision {} s + copy {} / {} a second = {} s + replay {} s = {} s", *c.provision_seconds,
                          bytes_text(c.restore_bytes->approximate()),
                          bytes_text(c.restore_bytes_per_second->approximate()), copy, *c.replay_seconds,
                          *c.provision_seconds + copy + *c.replay_seconds));
  return *c.provision_seconds + copy + *c.replay_seconds;
}

template <Mode kMode>
void rto(const Input& input, Answer& answer) {
  const env::RecoveryPromise* promise = promise_of(input, kMode);
  if (!promise || !promise->rto_seconds || !has_stores(input)) return;
  const std::int64_t promised = *promise->rto_seconds;
  answer.read(
      fmt::format("{}: spec.promises.recovery.{}.rtoSeconds", input.env.file, kModeNames[static_cast<int>(kMode)]),
      promised, "promised");
  if (kMode == Mode::region || kMode == Mode::operator_error) {
    if (!region_is_known(input, kMode, answer)) return;
    if (kMode == Mode::region)
      answer.step("no warm standby in another region is rendered: everything has to be restored");
    for (const Store& store : stores(input))
      if (!(kMode == Mode::region ? region_loss(input, store, answer) : error_loss(input, store, answer)))
        answer.fails(fmt::format("{}: there is nothing to restore from", store.name));
    if (answer.verdict() == Verdict::refuted) return;
    const Bound time = restore_time(input, answer);
    if (time) conclude("restore", time, promised, "down", answer);
    return;
  }
  const Bound database = database_rto(input, kMode, answer);
  if (answer.verdict() != Verdict::unknown && !input.platform.named("postgresql").empty())
    conclude("database", database, promised, "down", answer);
  const Bound engine = engine_rto(input, kMode, answer);
  if (!input.platform.named("nautilus-engine").empty()) conclude("engines", engine, promised, "down", answer);
}

constexpr std::string_view kRpoHow =
    "From Patroni's settings, how many members have an acknowledged commit, and whether hosts and zones keep those "
    "apart; "
    "else what the WAL archive still misses (archive_timeout and the push). Engines: two journals or one.";
constexpr std::string_view kRpoWhy =
    "One number for all failures (the guide: one minute) is kept by backups every 15 minutes in none of them, and the "
    "copy in "
    "the other region is a week old.";
constexpr std::string_view kRpoTodo =
    "Synchronous standbys for pods and nodes, more of them than one zone holds for zones "
    "(postgresql.synchronous.nodes), an "
    "archive with a timeout below the promise, a second repository in another region; or promise what is kept.";
constexpr std::string_view kRtoHow =
    "Patroni's claim and loop, the engines' claim, then promotion, where a member is left that may take over; for the "
    "region "
    "and for errors the declared time of a restore (spec.capacity.restore).";
constexpr std::string_view kRtoWhy = "Provisioning, download and replay of a database do not fit into five minutes.";
constexpr std::string_view kRtoTodo =
    "A member that may take over outside of what is lost; a restore measured by a drill, and the promise of that "
    "failure set "
    "to what was measured.";

#define NAUTILUS_RECOVERY(id, words, mode)                                                                          \
  {"recovery." id "-rpo",                                                                                           \
   "What is acknowledged survives " words " within the promised loss.",                                             \
   kRpoHow,                                                                                                         \
   kRpoWhy,                                                                                                         \
   kRpoTodo,                                                                                                        \
   "1",                                                                                                             \
   rpo<mode>},                                                                                                      \
  {                                                                                                                 \
    "recovery." id "-rto", "Trading goes on after " words " within the promised time.", kRtoHow, kRtoWhy, kRtoTodo, \
        "2", rto<mode>                                                                                              \
  }
constexpr Check kChecks[] = {
    NAUTILUS_RECOVERY("pod", "the death of a pod", Mode::pod),
    NAUTILUS_RECOVERY("node", "the loss of a node", Mode::node),
    NAUTILUS_RECOVERY("zone", "the loss of a zone", Mode::zone),
    NAUTILUS_RECOVERY("region", "the loss of the region", Mode::region),
    NAUTILUS_RECOVERY("operator-error", "a person's mistake", Mode::operator_error),
};
#undef NAUTILUS_RECOVERY

}  // namespace

std::span<const Check> recovery_checks() { return kChecks; }

}  // namespace nautilus::verify
