// Databases, Redis, recovery and backups.
#include "core/base/text.h"
#include "tests/unit/core/verify/judge.h"

using namespace nautilus;
using namespace nautilus::verify;
using namespace nautilus::verify::testing;

namespace {

struct Database {
  int members = 4;
  std::string store =
      "ttl: 30\nloop_wait: 10\nsynchronous_mode: true\nsynchronous_mode_strict: true\nsynchronous_node_count: 2\n";
  std::string max_connections = "200", work_mem = "16MB",
              archive = "archive_mode: \"on\", archive_timeout: 30s, archive_command: x";
  std::string repository = "repo1-s3-region=us-east-1";
  bool spread = true, apart = true, volume = true;

  std::string text() const {
    std::string indented;
    for (const char c : store) indented += c == '\n' ? "\n    " : std::string(1, c);
    return R"(
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: postgresql, namespace: t}
spec:
  replicas: )" +
           std::to_string(members) + R"(
  template:
    metadata: {labels: {app.kubernetes.io/name: postgresql}}
    spec:
)" +
           (apart ? "      affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: "
                    "kubernetes.io/hostname, "
                    "labelSelector: {matchLabels: {app.kubernetes.io/name: postgresql}}}]}}\n"
                  : "") +
           (spread ? "      topologySpreadConstraints: [{topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: "
                     "DoNotSchedule, maxSkew: 1, "
                     "labelSelector: {matchLabels: {app.kubernetes.io/name: postgresql}}}]\n"
                   : "") +
           R"(      containers: [{name: postgresql, resources: {limits: {memory: 16Gi}}}]
      volumes: [{name: config, configMap: {name: postgresql-config}}]
)" + (volume ? "  volumeClaimTemplates: [{metadata: {name: data}}]\n" : "") +
           R"(---
apiVersion: v1
kind: ConfigMap
metadata: {name: postgresql-config, namespace: t}
data:
  dcs.yaml: |
    )" + indented +
           R"(postgresql: {parameters: {max_connections: )" + max_connections + R"(, max_wal_senders: 10}}
  patroni-primary.yaml: |
    postgresql: {parameters: {shared_buffers: 4096MB, work_mem: )" +
           work_mem +
           R"(, maintenance_work_mem: 512MB, superuser_reserved_connections: 5, synchronous_commit: "on", )" + archive +
           R"(}}
  pgbackrest.conf: |
    [global]
    )" + repository +
           "\n";
  }
};

std::string bouncer(int replicas, int pool, const char* surge = "0") {
  return R"(
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: pgbouncer, namespace: t}
spec:
  replicas: )" +
         std::to_string(replicas) + "\n  strategy: {rollingUpdate: {maxSurge: " + surge + R"(}}
  template:
    metadata: {labels: {app.kubernetes.io/name: pgbouncer}}
    spec: {containers: [], volumes: [{name: c, configMap: {name: pgbouncer-config}}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: pgbouncer-config, namespace: t}
data:
  pgbouncer.ini: |
    [databases]
    nautilus = host=primary pool_size=)" +
         std::to_string(pool) + R"(
    [pgbouncer]
    reserve_pool_size = 5
)";
}

std::string redis(const char* name, const char* component, const char* settings, bool volume = true) {
  std::string text = std::string(R"(
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: )") +
                     name + R"(, namespace: t}
spec:
  replicas: 6
  template:
    metadata: {labels: {app.kubernetes.io/component: )" +
                     component + R"(}}
    spec:
      containers: [{name: redis, resources: {limits: {memory: 4Gi}}}]
      volumes: [{name: c, configMap: {name: )" +
                     name + R"(-config}}]
)";
  if (volume) text += "  volumeClaimTemplates: [{metadata: {name: data}}]\n";
  text += std::string("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: ") + name +
          "-config, namespace: t}\ndata:\n  redis.conf: |\n";
  for (const auto line : base::split(settings, ';')) text += "    " + std::string(base::trim(line)) + "\n";
  return text;
}

std::string schedule(const char* name, const char* cron, const char* more, const char* region = "us-west-2") {
  return std::string("\n---\napiVersion: velero.io/v1\nkind: BackupStorageLocation\nmetadata: {name: ") + name +
         ", namespace: v}\nspec: {config: {region: " + region +
         "}}\n---\napiVersion: velero.io/v1\nkind: Schedule\nmetadata: {name: " + name +
         ", namespace: v}\nspec: {schedule: \"" + cron + "\", template: {storageLocation: " + name + ", " + more +
         "}}\n";
}

const std::string kBaseBackup = R"(
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: base-backup, namespace: t}
spec:
  schedule: 0 6 * * *
  jobTemplate: {spec: {template: {spec: {containers: [{name: b, command: [sh, -c, "pgbackrest --stanza=x backup"]}]}}}}
)";

const std::string kBackupContainer = R"(
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: keeper, namespace: t}
spec:
  template:
    metadata: {labels: {app: keeper}}
    spec:
      containers: [{name: b, command: [sh, /etc/b/base-backup.sh]}]
      volumes: [{name: s, configMap: {name: scripts}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: scripts, namespace: t}
data:
  base-backup.sh: "pgbackrest --stanza=x backup"
)";

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  text.replace(text.find(what), what.size(), with);
  return text;
}

std::string engine(const char* mode, bool standby, const char* kind = "StatefulSet") {
  std::string text;
  const std::string anti =
      "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: "
      "kubernetes.io/hostname, labelSelector: "
      "{matchLabels: {app.kubernetes.io/name: nautilus-engine}}}, {topologyKey: topology.kubernetes.io/zone, "
      "matchLabelKeys: "
      "[apps.kubernetes.io/pod-index], labelSelector: {matchLabels: {app.kubernetes.io/name: nautilus-engine}}}]}}";
  for (const bool second : {false, true}) {
    if (second && !standby) break;
    text += std::string("\n---\napiVersion: apps/v1\nkind: ") + kind + "\nmetadata: {name: nautilus-engine" +
            (second ? "-standby" : "") +
            ", namespace: t}\nspec:\n  replicas: 5\n  updateStrategy: {type: OnDelete}\n  template:\n    metadata: "
            "{labels: "
            "{app.kubernetes.io/name: nautilus-engine, nautilusctl.io/engine-set: " +
            (second ? "standby" : "main") + "}}\n    spec:\n      " + anti +
            "\n      containers: [{name: engine, startupProbe: {failureThreshold: 100, periodSeconds: 2}}]\n      "
            "volumes: [{name: c, configMap: "
            "{name: engine-config}}]\n  volumeClaimTemplates: [{metadata: {name: journal}, spec: {accessModes: "
            "[ReadWriteOncePod]}}]\n";
  }
  return text +
         "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: engine-config, namespace: t}\ndata:\n  engine.yaml: "
         "|\n    epoch: {timeToLive: "
         "15s, lease: {name: e}}\n    replication: {mode: " +
         mode + "}\n    drain: {timeout: 120s}\n";
}

}  // namespace

TEST_CASE("pools against max_connections") {
  const Database db;
  // 200 - 5 reserved - 1 for Patroni = 194.
  for (const Case& row : std::vector<Case>{
           {"database.pool-budget", "fits", db.text() + bouncer(5, 30), Verdict::proved, "primary: 175 <= 194"},
           {"database.pool-budget", "the guide's kind", db.text() + bouncer(5, 95), Verdict::refuted,
            "primary: 500 > 194"},
           {"database.pool-budget", "an update makes one more", db.text() + bouncer(5, 33, "1"), Verdict::refuted,
            "primary: 228 > 194"},
           {"database.pool-budget", "a percentage rounds up", db.text() + bouncer(4, 40, "25%"), Verdict::refuted,
            "primary: 225 > 194"},
           {"database.pool-budget", "no pools", db.text(), Verdict::not_applicable, ""},
           {"database.pool-budget", "not a number",
            [] {
              Database d;
              d.max_connections = "many";
              return d.text();
            }() +
                bouncer(1, 1),
            Verdict::unknown, "not a number"},
       })
    judge(row);
}

TEST_CASE("memory of the database against its limit") {
  Database more;
  more.work_mem = "64MB";
  more.max_connections = "500";
  Database odd;
  odd.work_mem = "plenty";
  for (const Case& row : std::vector<Case>{
           {"database.memory", "fits", Database().text(), Verdict::proved, "<= 16.0 GiB"},
           {"database.memory", "the guide's", more.text(), Verdict::refuted, "39.4 GiB > 16.0 GiB"},
           {"database.memory", "unreadable", odd.text(), Verdict::unknown, "cannot be read: plenty"},
           {"database.memory", "none", "kind: ConfigMap\nmetadata: {name: x}\n", Verdict::not_applicable, ""}})
    judge(row);
}

TEST_CASE("Redis: memory, eviction, durability, one way to fail over") {
  const char* good =
      "cluster-enabled yes; maxmemory 2560mb; maxmemory-policy noeviction; appendonly yes; appendfsync everysec";
  const std::string sentinel =
      "\n---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: redis-sentinel, namespace: t}\nspec:\n  "
      "replicas: 3\n  template:\n    metadata: "
      "{labels: {app.kubernetes.io/name: redis-sentinel}}\n    spec: {containers: [{name: s, env: [{name: PEERS, "
      "value: TARGET-0.x}]}]}\n";
  const auto watching = [&](const std::string& target, const std::string& count = "3") {
    std::string text = sentinel;
    text.replace(text.find("TARGET"), 6, target);
    return text.replace(text.find("replicas: 3"), 11, "replicas: " + count);
  };
  for (const Case& row : std::vector<Case>{
           {"redis.memory", "fits", redis("state", "state", good), Verdict::proved, "2.5 GiB <= 3.0 GiB"},
           {"redis.memory", "none set", redis("state", "state", "appendonly yes"), Verdict::refuted, "no maxmemory"},
           {"redis.memory", "no room to fork", redis("state", "state", "maxmemory 3500mb; appendonly yes"),
            Verdict::refuted, "> 3.0 GiB"},
           {"redis.memory", "a cache does not fork", redis("cache", "cache", "maxmemory 3500mb; appendonly no"),
            Verdict::proved, "<= 3.6 GiB"},
           {"redis.eviction-policy", "state", redis("state", "state", good), Verdict::proved, "noeviction"},
           {"redis.eviction-policy", "the guide's", redis("state", "state", "maxmemory-policy allkeys-lru"),
            Verdict::refuted, "evicted in silence"},
           {"redis.eviction-policy", "a cache that refuses", redis("cache", "cache", "maxmemory-policy noeviction"),
            Verdict::refuted, "is a cache"},
           {"redis.durability", "kept", redis("state", "state", good), Verdict::proved, "at most one second"},
           {"redis.durability", "not kept", redis("state", "state", "appendonly no"), Verdict::refuted,
            "everything it holds"},
           {"redis.durability", "on scratch", redis("state", "state", good, false), Verdict::refuted, "scratch space"},
           {"redis.failover", "told apart", redis("state", "state", good) + watching("cache"), Verdict::proved,
            "does not watch state"},
           {"redis.failover", "both", redis("state", "state", good) + watching("state"), Verdict::refuted,
            "watches state"},
           {"redis.failover", "even", watching("cache", "4"), Verdict::refuted, "an even number"},
           {"redis.failover", "none", "kind: Pod\nmetadata: {name: x}\n", Verdict::not_applicable, ""},
       })
    judge(row);
}

TEST_CASE("what is lost and how long it takes, by failure") {
  const Database good;
  const auto with = [](auto change) {
    Database db;
    change(db);
    return db.text();
  };
  const std::string pair = engine("sync", true);
  const std::string away = schedule("dr", "*/1 * * * *", "snapshotMoveData: true");
  env::Environment drilled = promising();
  drilled.capacity.restore_bytes = base::Quantity::parse("20Gi").value();
  drilled.capacity.restore_bytes_per_second = base::Quantity::parse("200Mi").value();
  drilled.capacity.provision_seconds = 60;
  drilled.capacity.replay_seconds = 60;
  for (const Case& row : std::vector<Case>{
           {"recovery.pod-rpo", "written before acknowledged", good.text(), Verdict::proved, "0 s lost"},
           {"recovery.pod-rpo", "no disk, no archive", with([](Database& d) {
              d.volume = false;
              d.archive = "x: y";
            }),
            Verdict::refuted, "nothing bounds what is lost"},
           {"recovery.pod-rpo", "not waiting for the disk", with([](Database& d) { d.archive += ", fsync: \"off\""; }),
            Verdict::proved, "40 s lost at most <= 60 s"},
           {"recovery.node-rpo", "two copies, two hosts", good.text() + pair, Verdict::proved, "0 s lost"},
           {"recovery.node-rpo", "not synchronous", with([](Database& d) {
              d.store = "ttl: 30\nloop_wait: 10\n";
              d.archive = "x: y";
            }),
            Verdict::refuted, "nothing bounds"},
           {"recovery.node-rpo", "goes on alone", with([](Database& d) {
              d.store = "synchronous_mode: true\n";
              d.archive = "x: y";
            }),
            Verdict::refuted, "on 1 member"},
           {"recovery.node-rpo", "one engine", good.text() + engine("none", false), Verdict::refuted,
            "engine journals"},
           {"recovery.zone-rpo", "three copies, two in a zone", good.text() + pair, Verdict::proved,
            "3 copies > 2 members"},
           {"recovery.zone-rpo", "two copies, two in a zone", with([](Database& d) {
              d.store.replace(d.store.find("count: 2"), 8, "count: 1");
              d.archive = "archive_mode: \"on\", archive_timeout: 60s, archive_command: x";
            }),
            Verdict::refuted, "70 s lost at most > 60 s"},
           {"recovery.zone-rpo", "two copies and a quick archive",
            with([](Database& d) { d.store.replace(d.store.find("count: 2"), 8, "count: 1"); }), Verdict::proved,
            "40 s lost"},
           {"recovery.zone-rpo", "not spread", with([](Database& d) {
              d.spread = false;
              d.archive = "x: y";
            }),
            Verdict::refuted, "all copies may be"},
           {"recovery.zone-rto", "one may lead", good.text() + pair, Verdict::proved, "50 s down"},
           {"recovery.zone-rto", "nobody may lead",
            with([](Database& d) { d.store.replace(d.store.find("count: 2"), 8, "count: 1"); }), Verdict::refuted,
            "only a synchronous member"},
           {"recovery.node-rto", "one member", with([](Database& d) { d.members = 1; }), Verdict::refuted,
            "nobody replaces"},
           {"recovery.node-rto", "on one host", with([](Database& d) { d.apart = false; }), Verdict::refuted,
            "may share the node"},
           {"recovery.node-rto", "pair", pair, Verdict::proved, "25 s down"},
           {"recovery.node-rto", "one engine", engine("none", false), Verdict::refuted, "no bound"},
           {"recovery.pod-rto", "replay", engine("none", false), Verdict::proved, "200 s down"},
           {"recovery.region-rpo", "stays", good.text(), Verdict::refuted,
            "nothing in the manifests leaves the region"},
           {"recovery.region-rpo", "second repository",
            with([](Database& d) { d.repository += "\n    repo2-s3-region=us-west-2"; }), Verdict::proved, "40 s lost"},
           {"recovery.region-rpo", "weekly", good.text() + schedule("dr", "0 4 * * 0", "snapshotMoveData: true"),
            Verdict::refuted, "604800 s"},
           {"recovery.region-rpo", "moved every minute", good.text() + away, Verdict::proved, "60 s lost"},
           {"recovery.region-rpo", "a snapshot does not move",
            good.text() + schedule("dr", "* * * * *", "ttl: 24h0m0s"), Verdict::refuted,
            "nothing in the manifests leaves"},
           {"recovery.region-rpo", "to the same region",
            good.text() + schedule("dr", "* * * * *", "snapshotMoveData: true", "us-east-1"), Verdict::refuted,
            "nothing"},
           {"recovery.operator-error-rpo", "archive without a base", good.text(), Verdict::refuted,
            "no object makes a base backup"},
           {"recovery.operator-error-rpo", "archive with a base", good.text() + kBaseBackup, Verdict::proved,
            "40 s lost"},
           {"recovery.operator-error-rpo", "objects are no data",
            good.text() + schedule("a", "* * * * *", "snapshotVolumes: false"), Verdict::refuted,
            "nothing in the manifests"},
           {"recovery.operator-error-rpo", "others' data",
            good.text() + schedule("a", "* * * * *", "labelSelector: {matchLabels: {app: x}}"), Verdict::refuted,
            "nothing in the manifests"},
           {"recovery.operator-error-rto", "not measured", good.text() + kBaseBackup, Verdict::unknown,
            "a drill measures it"},
           {"recovery.operator-error-rto", "nothing there", good.text(), Verdict::refuted, "nothing to restore from"},
           {"recovery.region-rto", "nothing there", good.text(), Verdict::refuted, "nothing to restore from"},
           {"recovery.zone-rpo", "nothing to lose", "kind: Pod\nmetadata: {name: x}\n", Verdict::not_applicable, ""},
       })
    judge(row);
  // 60 + 20 GiB / 200 MiB/s (103) + 60 = 223.
  judge({"recovery.operator-error-rto", "measured", good.text() + kBaseBackup, Verdict::proved, "= 223 s"}, drilled);
  env::Environment silent = promising();
  silent.promises.recovery.clear();
  judge({"recovery.pod-rpo", "nothing promised", good.text(), Verdict::not_applicable, ""}, silent);
  silent = promising();
  silent.capacity.zones.reset();
  judge({"recovery.zone-rpo", "zones not declared", good.text(), Verdict::unknown, "zones is not declared"}, silent);
  silent.capacity.region.clear();
  judge({"recovery.region-rpo", "region not declared", good.text(), Verdict::unknown, "region is not declared"},
        silent);
}

TEST_CASE("backups are kept long enough, and archives have something under them") {
  const Database good;
  for (const Case& row : std::vector<Case>{
           {"backup.cadence", "kept", good.text() + kBaseBackup + schedule("a", "0 2 * * *", "ttl: 48h0m0s"),
            Verdict::proved, "kept 2 days >= 2 x 1 day"},
           {"backup.cadence", "one run only", schedule("a", "0 2 * * *", "ttl: 24h0m0s"), Verdict::refuted,
            "kept 1 day < 2 x 1 day"},
           {"backup.cadence", "weekends count", schedule("a", "0 9 * * 1-5", "ttl: 48h0m0s"), Verdict::refuted,
            "2 x 3 days"},
           {"backup.cadence", "of certain hours, and another between them",
            schedule("a", "0,30 9-16 * * 1-5", "ttl: 48h0m0s") + schedule("b", "*/15 * * * *", "ttl: 24h0m0s"),
            Verdict::proved, "outside its hours b takes the same every 15 min"},
           {"backup.cadence", "another that takes less",
            schedule("a", "0,30 9-16 * * 1-5", "ttl: 48h0m0s") +
                schedule("b", "*/15 * * * *", "ttl: 24h0m0s, snapshotVolumes: false"),
            Verdict::refuted, "a: kept 2 days < 2 x"},
           {"backup.cadence", "base backups by a container", good.text() + kBackupContainer, Verdict::proved,
            "kept up by a container"},
           {"backup.cadence", "a script that nobody runs",
            good.text() + replaced(kBackupContainer, "/etc/b/base-backup.sh", "/etc/b/other.sh"), Verdict::refuted,
            "WAL alone restores nothing"},
           {"backup.cadence", "Velero's default", schedule("a", "0 2 * * *", "includedNamespaces: [x]"),
            Verdict::proved, "Velero's default"},
           {"backup.cadence", "no base", good.text(), Verdict::refuted, "WAL alone restores nothing"},
           {"backup.cadence", "unreadable", schedule("a", "whenever", "ttl: 24h0m0s"), Verdict::unknown,
            "cannot be read"},
           {"backup.record-retention", "days", schedule("a", "0 2 * * *", "ttl: 2160h0m0s"), Verdict::refuted,
            "90 days < 1826 days"},
           {"backup.record-retention", "years", schedule("a", "0 2 * * *", "ttl: 43824h0m0s"), Verdict::proved,
            "1826 days >= 1826 days"},
       })
    judge(row);
}

TEST_CASE("a shard has one owner") {
  const std::string scaler =
      "\n---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h, namespace: t}\nspec: "
      "{scaleTargetRef: {kind: StatefulSet, "
      "name: nautilus-engine}, maxReplicas: 25}\n";
  const std::string rolling = [] {
    std::string text = engine("none", false);
    return text.replace(text.find("OnDelete"), 8, "RollingUpdate");
  }();
  for (const Case& row : std::vector<Case>{
           {"engine.single-owner", "one", engine("none", false), Verdict::proved, "an ordinal is a shard"},
           {"engine.single-owner", "a pair with a lease", engine("sync", true), Verdict::proved, "a Lease says"},
           {"engine.single-owner", "a Deployment", engine("none", false, "Deployment"), Verdict::refuted,
            "without identity"},
           {"engine.single-owner", "scaled", engine("none", false) + scaler, Verdict::refuted, "takes the owner"},
           {"engine.single-owner", "rolled", rolling, Verdict::refuted, "stops shards"}})
    judge(row);
}
