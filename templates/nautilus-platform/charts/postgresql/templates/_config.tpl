{{- define "postgresql.scope" -}}nautilus-postgresql{{- end -}}

{{/* Settings that all members share through Patroni's store. Some of PostgreSQL's parameters are taken only from here. */}}
{{- define "postgresql.dcs" -}}
{{- $t := .Values.tuning -}}
ttl: {{ int .Values.patroni.ttl }}
loop_wait: {{ int .Values.patroni.loopWait }}
retry_timeout: {{ int .Values.patroni.retryTimeout }}
maximum_lag_on_failover: {{ int .Values.patroni.maximumLagOnFailoverBytes }}
# Without the API server, a leader that still reaches every member goes on.
failsafe_mode: true
check_timeline: true
synchronous_mode: {{ .Values.synchronous.enabled }}
synchronous_mode_strict: {{ and .Values.synchronous.enabled .Values.synchronous.strict }}
synchronous_node_count: {{ int .Values.synchronous.nodes }}
postgresql:
  use_pg_rewind: true
  use_slots: true
  parameters:
    max_connections: {{ int .Values.global.database.maxConnections }}
    max_worker_processes: {{ int $t.maxWorkerProcesses }}
    max_wal_senders: {{ int $t.maxWalSenders }}
    max_replication_slots: {{ int $t.maxReplicationSlots }}
    max_locks_per_transaction: {{ int $t.maxLocksPerTransaction }}
    max_prepared_transactions: 0
    wal_level: replica
    wal_log_hints: "on"
{{- end -}}

{{- define "postgresql.archiveCommand" -}}
pgbackrest --config=/etc/patroni/pgbackrest.conf --config-include-path=/run/patroni/pgbackrest --stanza={{ .Values.walArchive.stanza }}
{{- end -}}

{{/* dict root pool("primary"|"standby"). Only the first member may create a new cluster; the others wait for it. */}}
{{- define "postgresql.patroni" -}}
{{- $v := .root.Values -}}
{{- $t := $v.tuning -}}
scope: {{ include "postgresql.scope" .root }}
restapi:
  listen: "0.0.0.0:8008"
kubernetes:
  namespace: {{ include "nautilus.namespace" .root }}
  # The store is ConfigMaps, not Endpoints: that API is deprecated.
  use_endpoints: false
  labels:
    app.kubernetes.io/name: postgresql
    app.kubernetes.io/part-of: nautilus-platform
  scope_label: nautilus.trading.com/postgresql-scope
  role_label: nautilus.trading.com/postgresql-role
  leader_label_value: primary
  follower_label_value: replica
  standby_leader_label_value: standby-leader
{{- if eq .pool "primary" }}
bootstrap:
  dcs:
    {{- include "postgresql.dcs" .root | nindent 4 }}
  initdb:
    - encoding: UTF8
    - locale: C.UTF-8
    - data-checksums
  post_init: sh /etc/patroni/post-init.sh
{{- end }}
postgresql:
  listen: "0.0.0.0:5432"
  data_dir: /home/postgres/pgdata/data
  bin_dir: {{ $v.binDirectory }}
  pgpass: /run/patroni/pgpass
  use_unix_socket: true
  use_unix_socket_repl: true
  remove_data_directory_on_rewind_failure: true
  remove_data_directory_on_diverged_timelines: true
  create_replica_methods: [basebackup]
  basebackup:
    checkpoint: fast
  parameters:
    unix_socket_directories: /var/run/postgresql
    {{- with $v.preloadLibraries }}
    shared_preload_libraries: {{ join "," . | quote }}
    {{- end }}
    shared_buffers: {{ int $t.sharedBuffersMiB }}MB
    effective_cache_size: {{ int $t.effectiveCacheSizeMiB }}MB
    work_mem: {{ int $t.workMemMiB }}MB
    maintenance_work_mem: {{ int $t.maintenanceWorkMemMiB }}MB
    superuser_reserved_connections: 5
    password_encryption: scram-sha-256
    hot_standby: "on"
    hot_standby_feedback: "on"
    synchronous_commit: "on"
    wal_compression: lz4
    checkpoint_timeout: 15min
    checkpoint_completion_target: 0.9
    max_wal_size: {{ int $t.maxWalSizeMiB }}MB
    max_slot_wal_keep_size: {{ int $t.maxSlotWalKeepSizeMiB }}MB
    random_page_cost: 1.1
    effective_io_concurrency: 200
    idle_in_transaction_session_timeout: 60s
    tcp_keepalives_idle: 60
    tcp_keepalives_interval: 10
    tcp_keepalives_count: 6
    log_destination: stderr
    logging_collector: "off"
    log_checkpoints: "on"
    log_lock_waits: "on"
    log_autovacuum_min_duration: 10s
    log_min_duration_statement: 1s
    {{- if has "timescaledb" $v.preloadLibraries }}
    timescaledb.telemetry_level: "off"
    {{- end }}
    {{- if $v.walArchive.enabled }}
    archive_mode: "on"
    archive_timeout: {{ int $v.walArchive.timeoutSeconds }}s
    archive_command: {{ include "postgresql.archiveCommand" .root }} archive-push "%p"
    {{- else }}
    archive_mode: "off"
    {{- end }}
    {{- range $key, $value := $t.extra }}
    {{ $key }}: {{ $value | quote }}
    {{- end }}
  {{- if $v.walArchive.enabled }}
  recovery_conf:
    restore_command: {{ include "postgresql.archiveCommand" .root }} archive-get %f "%p"
  {{- end }}
  # First match wins; whatever is not listed is refused. Who may connect at all is the NetworkPolicy's part.
  pg_hba:
    - local all postgres peer
    - local all all scram-sha-256
    - local replication standby scram-sha-256
    - host replication standby all scram-sha-256
    - host all postgres all scram-sha-256
    {{- if $v.global.observability.monitoring }}
    - host postgres nautilus_exporter 127.0.0.1/32 scram-sha-256
    {{- end }}
    - host {{ $v.global.database.name }} {{ $v.global.database.user }} all scram-sha-256
tags:
  # Members that are equally far prefer the first one, so that it tends to lead.
  failover_priority: {{ ternary 2 1 (eq .pool "primary") }}
{{- end -}}

{{- define "postgresql.pgbackrest" -}}
{{- $w := .Values.walArchive -}}
# Keys and the encryption passphrase are in the included directory, written at start from Secrets, in memory.
[global]
repo1-type={{ $w.repository.type }}
repo1-path={{ $w.repository.path }}
{{- if eq $w.repository.type "s3" }}
repo1-s3-bucket={{ $w.repository.bucket }}
repo1-s3-endpoint={{ $w.repository.endpoint }}
repo1-s3-region={{ $w.repository.region }}
repo1-s3-uri-style={{ $w.repository.uriStyle }}
repo1-storage-verify-tls={{ ternary "y" "n" $w.repository.verifyTLS }}
{{- end }}
repo1-cipher-type=aes-256-cbc
repo1-retention-full={{ int $w.retentionFull }}
repo1-bundle=y
{{- with $w.copy }}
# The same again in another region: losing this one loses what was not archived yet, not the ledger.
repo2-type=s3
repo2-path={{ .path }}
repo2-s3-bucket={{ .bucket }}
repo2-s3-endpoint={{ .endpoint }}
repo2-s3-region={{ .region }}
repo2-s3-uri-style={{ $w.repository.uriStyle }}
repo2-storage-verify-tls={{ ternary "y" "n" $w.repository.verifyTLS }}
repo2-cipher-type=aes-256-cbc
repo2-retention-full={{ int $w.retentionFull }}
repo2-bundle=y
{{- end }}
compress-type=lz4
archive-async=y
# Past this the archive is given up rather than the volume filled; that is an alert, not a plan.
archive-push-queue-max={{ int $w.queueMaxMiB }}MiB
spool-path=/home/postgres/pgdata/spool
lock-path=/run/patroni
log-level-file=off
log-level-console=warn
start-fast=y
delta=y

[{{ $w.stanza }}]
pg1-path=/home/postgres/pgdata/data
pg1-socket-path=/var/run/postgresql
{{- end -}}

{{- define "postgresql.postInit" -}}
#!/bin/sh
# Runs once, on the first leader, with its connection string. Passwords are read by psql itself: not in an argument.
set -eu
psql "$1" -X -q -v ON_ERROR_STOP=1 <<'SQL'
\set app_password `cat /run/secrets/postgresql/app-password`
SET log_statement = 'none';
SET log_min_duration_statement = -1;
CREATE ROLE {{ .Values.global.database.user | quote }} LOGIN PASSWORD :'app_password';
CREATE DATABASE {{ .Values.global.database.name | quote }} OWNER {{ .Values.global.database.user | quote }};
{{- if .Values.global.observability.monitoring }}
\set exporter_password `cat /run/secrets/exporter/exporter-password`
CREATE ROLE nautilus_exporter LOGIN PASSWORD :'exporter_password' CONNECTION LIMIT 3 IN ROLE pg_monitor;
{{- end }}
REVOKE CONNECT ON DATABASE {{ .Values.global.database.name | quote }} FROM PUBLIC;
\connect {{ .Values.global.database.name }}
{{- range .Values.extensions }}
CREATE EXTENSION IF NOT EXISTS {{ . | quote }};
{{- end }}
SQL
{{- if .Values.walArchive.enabled }}
# No archive, no ledger: this fails, the bootstrap is undone, and the next start tries again.
{{ include "postgresql.archiveCommand" . }} stanza-create
{{- end }}
{{- end -}}

{{- define "postgresql.start" -}}
#!/bin/sh
# Brings the settings together in memory and starts Patroni. POOL is primary or standby.
set -eu
umask 077
secrets=/run/secrets/postgresql
mkdir -p /run/patroni/config /run/patroni/pgbackrest /home/postgres/pgdata/data /home/postgres/pgdata/spool
chmod 0700 /home/postgres/pgdata/data
cp "/etc/patroni/patroni-$POOL.yaml" /run/patroni/config/00-base.yaml
cat > /run/patroni/config/10-credentials.yaml <<YAML
restapi:
  authentication: {username: patroni, password: "$(cat $secrets/restapi-password)"}
postgresql:
  authentication:
    superuser: {username: postgres, password: "$(cat $secrets/superuser-password)"}
    replication: {username: standby, password: "$(cat $secrets/replication-password)"}
YAML
{{- if .Values.walArchive.enabled }}
{
  echo "[global]"
  {{- if eq .Values.walArchive.repository.type "s3" }}
  echo "repo1-s3-key=$(cat /run/secrets/pgbackrest/s3-key)"
  echo "repo1-s3-key-secret=$(cat /run/secrets/pgbackrest/s3-key-secret)"
  {{- end }}
  echo "repo1-cipher-pass=$(cat /run/secrets/pgbackrest/cipher-pass)"
  {{- if .Values.walArchive.copy }}
  echo "repo2-s3-key=$(cat /run/secrets/pgbackrest/s3-key)"
  echo "repo2-s3-key-secret=$(cat /run/secrets/pgbackrest/s3-key-secret)"
  echo "repo2-cipher-pass=$(cat /run/secrets/pgbackrest/cipher-pass)"
  {{- end }}
} > /run/patroni/pgbackrest/credentials.conf
{{- end }}
# The shared settings follow the release: max_connections and its like are read from the store alone, so the store is
# brought up to date on every start. On the very first start there is no store yet, and bootstrap writes it.
patronictl -c /run/patroni/config edit-config {{ include "postgresql.scope" . }} --replace /etc/patroni/dcs.yaml --force \
  || echo "start: shared settings not written; the store may not exist yet"
exec patroni /run/patroni/config
{{- end -}}

{{- define "postgresql.stop" -}}
#!/bin/sh
# A leader that is told to stop hands over first. Without a candidate it stops as it is.
set -u
case "$(wget -q -O - --timeout=3 http://127.0.0.1:8008/patroni 2> /dev/null || curl -fsS -m 3 http://127.0.0.1:8008/patroni)" in
  *'"role": "primary"'*) ;;
  *) exit 0 ;;
esac
timeout 60 patronictl -c /run/patroni/config switchover {{ include "postgresql.scope" . }} --leader "$POD_NAME" --force || true
{{- end -}}

{{- define "postgresql.baseBackup" -}}
#!/bin/sh
# A base backup for the archive to be replayed on. Every member runs this, the leader acts, and only when the newest good
# backup in the repository is old enough. The repository is the only memory: neither a failover nor a restart nor a missed
# night makes two of them, or none.
set -u
trap 'exit 0' TERM INT
backrest() {
  {{ include "postgresql.archiveCommand" . }} "$@"
}
leads() {
  wget -q -O /dev/null --timeout=3 http://127.0.0.1:8008/primary 2> /dev/null || curl -fsS -m 3 -o /dev/null http://127.0.0.1:8008/primary 2> /dev/null
}
due() { # due REPOSITORY: prints full or diff if one is due there
  backrest --repo="$1" info --output=json | python3 -c '
import json, sys, time
stanza = json.load(sys.stdin)[0]
if stanza["status"]["code"] not in (0, 2):  # 2: none yet
    sys.exit("base-backup: the repository says: " + stanza["status"]["message"])
good = [b for b in stanza["backup"] if not b.get("error")]
def age(*kinds):
    return min((time.time() - b["timestamp"]["stop"] for b in good if b["type"] in kinds), default=float("inf"))
if age("full") >= int(sys.argv[2]) * 86400:
    print("full")
elif age("full", "diff", "incr") >= int(sys.argv[1]) * 3600:
    print("diff")' "$BASE_BACKUP_HOURS" "$BASE_BACKUP_FULL_DAYS"
}
while :; do
  for repository in 1{{ if .Values.walArchive.copy }} 2{{ end }}; do
    if leads && kind=$(due "$repository") && [ -n "$kind" ]; then
      echo "base-backup: $kind to repository $repository begins"
      if backrest --repo="$repository" --type="$kind" backup; then
        echo "base-backup: $kind to repository $repository done"
      else
        echo "base-backup: $kind to repository $repository failed, next try in ${BASE_BACKUP_POLL:-60} s" >&2
      fi
    fi
  done
  sleep "${BASE_BACKUP_POLL:-60}" &
  wait $!
done
{{- end -}}

{{- define "postgresql.files" -}}
patroni-primary.yaml: |
  {{- include "postgresql.patroni" (dict "root" . "pool" "primary") | nindent 2 }}
patroni-standby.yaml: |
  {{- include "postgresql.patroni" (dict "root" . "pool" "standby") | nindent 2 }}
dcs.yaml: |
  {{- include "postgresql.dcs" . | nindent 2 }}
start.sh: |
  {{- include "postgresql.start" . | nindent 2 }}
stop.sh: |
  {{- include "postgresql.stop" . | nindent 2 }}
post-init.sh: |
  {{- include "postgresql.postInit" . | nindent 2 }}
{{- if .Values.walArchive.enabled }}
pgbackrest.conf: |
  {{- include "postgresql.pgbackrest" . | nindent 2 }}
base-backup.sh: |
  {{- include "postgresql.baseBackup" . | nindent 2 }}
{{- end }}
{{- end -}}
