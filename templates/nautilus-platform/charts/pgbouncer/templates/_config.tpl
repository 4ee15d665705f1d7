{{- define "pgbouncer.ini" -}}
{{- $db := .Values.global.database -}}
[databases]
{{ $db.name }} = host=postgresql-primary port=5432 dbname={{ $db.name }} pool_size={{ int .Values.connectionsPerInstance }} max_db_connections={{ int .Values.connectionsPerInstance }}
{{ $db.name }}_ro = host=postgresql-replica port=5432 dbname={{ $db.name }} pool_size={{ int .Values.readConnectionsPerInstance }} max_db_connections={{ int .Values.readConnectionsPerInstance }}

[pgbouncer]
listen_addr = *
listen_port = 5432
unix_socket_dir = /run/pgbouncer
auth_type = scram-sha-256
auth_file = /run/pgbouncer/userlist.txt
pool_mode = transaction
max_prepared_statements = {{ int .Values.maxPreparedStatements }}
max_client_conn = {{ int .Values.maxClientConnections }}
# Part of max_db_connections, not on top of it: the hard bound is per database.
min_pool_size = 2
reserve_pool_size = {{ int .Values.reserveConnections }}
reserve_pool_timeout = 3
query_wait_timeout = {{ int .Values.queryWaitTimeoutSeconds }}
server_connect_timeout = 5
server_login_retry = 1
# A failover moves the name to another member: short lives find it soon.
dns_max_ttl = 5
server_lifetime = 1800
server_idle_timeout = 300
server_fast_close = 1
tcp_keepalive = 1
tcp_keepidle = 60
tcp_keepintvl = 10
tcp_keepcnt = 6
ignore_startup_parameters = extra_float_digits,options
admin_users = pgbouncer_admin
{{- if .Values.global.observability.monitoring }}
# May read statistics on the console, and has no database of its own.
stats_users = pgbouncer_exporter
{{- end }}
logfile =
pidfile =
log_connections = 0
log_disconnections = 0
{{- end -}}

{{- define "pgbouncer.start" -}}
#!/bin/sh
# The password goes from the mounted Secret to a file in memory. In clear, because SCRAM is spoken on both sides.
set -eu
umask 077
printf '"%s" "%s"\n' {{ .Values.global.database.user | quote }} "$(cat /run/secrets/pgbouncer/app-password)" > /run/pgbouncer/userlist.txt
{{- if .Values.global.observability.monitoring }}
# The exporter beside this process finds its password in the same memory.
printf '"%s" "%s"\n' pgbouncer_exporter "$(cat /run/secrets/exporter/exporter-password)" >> /run/pgbouncer/userlist.txt
printf '127.0.0.1:5432:pgbouncer:pgbouncer_exporter:%s\n' "$(cat /run/secrets/exporter/exporter-password)" > /run/pgbouncer/pgpass
{{- end }}
exec pgbouncer /etc/pgbouncer/pgbouncer.ini
{{- end -}}

{{- define "pgbouncer.files" -}}
pgbouncer.ini: |
  {{- include "pgbouncer.ini" . | nindent 2 }}
start.sh: |
  {{- include "pgbouncer.start" . | nindent 2 }}
{{- end -}}
