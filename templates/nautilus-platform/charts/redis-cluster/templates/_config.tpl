{{- define "redis-cluster.nodes" -}}
{{- mul (int .Values.masters) (add 1 (int .Values.replicasPerMaster)) -}}
{{- end -}}

{{- define "redis-cluster.conf" -}}
# The password is kept out of this file: start.sh writes it to memory and includes it.
include /run/redis/secret.conf
bind * -::*
port 6379
dir /data
cluster-enabled yes
cluster-config-file nodes.conf
cluster-node-timeout {{ int .Values.nodeTimeoutMilliseconds }}
# Half a state is worse than none: refuse while slots have no owner.
cluster-require-full-coverage yes
cluster-allow-reads-when-down no
cluster-migration-barrier 1
# This holds state. Full means an error to the writer, never a silent eviction.
maxmemory {{ int .Values.maxmemoryMiB }}mb
maxmemory-policy noeviction
appendonly yes
appendfsync everysec
aof-use-rdb-preamble yes
save ""
shutdown-timeout 20
lazyfree-lazy-server-del yes
replica-lazy-flush yes
tcp-keepalive {{ int .Values.tcpKeepaliveSeconds }}
timeout {{ int .Values.idleTimeoutSeconds }}
loglevel notice
logfile ""
{{- end -}}

{{/* What a node runs from; a change of any of it restarts the nodes one by one. */}}
{{- define "redis-cluster.files" -}}
redis.conf: |
  {{- include "redis-cluster.conf" . | nindent 2 }}
{{- range $file := list "start.sh" "probe.sh" "stop.sh" "keeper.sh" }}
{{ $file }}: |
  {{- $.Files.Get (printf "files/%s" $file) | trim | nindent 2 }}
{{- end }}
{{- end -}}
