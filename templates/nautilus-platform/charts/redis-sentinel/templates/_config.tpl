{{- define "redis-sentinel.cache" -}}
bind * -::*
port 6379
dir /data
# A cache: what does not fit is evicted, least frequently used first, and nothing is kept on disk.
maxmemory {{ int .Values.cache.maxmemoryMiB }}mb
maxmemory-policy allkeys-lfu
appendonly no
save ""
repl-diskless-sync yes
repl-diskless-sync-delay 1
repl-diskless-load on-empty-db
replica-serve-stale-data yes
lazyfree-lazy-eviction yes
lazyfree-lazy-expire yes
tcp-keepalive {{ int .Values.tcpKeepaliveSeconds }}
timeout {{ int .Values.idleTimeoutSeconds }}
loglevel notice
logfile ""
{{- end -}}

{{- define "redis-sentinel.sentinel" -}}
bind * -::*
port 26379
dir /data
# Names survive a rescheduled pod, addresses do not.
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel deny-scripts-reconfig yes
loglevel notice
logfile ""
{{- end -}}

{{/* Everything the pods run from; a change restarts them one by one. */}}
{{- define "redis-sentinel.files" -}}
redis.conf: |
  {{- include "redis-sentinel.cache" . | nindent 2 }}
sentinel.conf: |
  {{- include "redis-sentinel.sentinel" . | nindent 2 }}
{{- range $file := list "find-master.sh" "cache-start.sh" "cache-stop.sh" "sentinel-start.sh" "probe.sh" }}
{{ $file }}: |
  {{- $.Files.Get (printf "files/%s" $file) | trim | nindent 2 }}
{{- end }}
{{- end -}}

{{/* dict root component("redis-cache"|"redis-sentinel"): the domain of its pods. */}}
{{- define "redis-sentinel.domain" -}}
{{- printf "%s-headless.%s.svc.%s" .component (include "nautilus.namespace" .root) .root.Values.global.clusterDomain -}}
{{- end -}}

{{/* dict root component count: the names of its pods, separated by blanks. */}}
{{- define "redis-sentinel.peers" -}}
{{- $peers := list -}}
{{- range $i := until (int .count) -}}
{{- $peers = append $peers (printf "%s-%d.%s" $.component $i (include "redis-sentinel.domain" $)) -}}
{{- end -}}
{{- join " " $peers -}}
{{- end -}}

{{- define "redis-sentinel.env" -}}
{{ include "nautilus.podEnv" . }}
- name: MASTER_NAME
  value: {{ .Values.masterName }}
- name: CACHE_DOMAIN
  value: {{ include "redis-sentinel.domain" (dict "root" . "component" "redis-cache") }}
- name: CACHE_PEERS
  value: {{ include "redis-sentinel.peers" (dict "root" . "component" "redis-cache" "count" .Values.cache.replicas) }}
- name: SENTINEL_DOMAIN
  value: {{ include "redis-sentinel.domain" (dict "root" . "component" "redis-sentinel") }}
- name: SENTINEL_PEERS
  value: {{ include "redis-sentinel.peers" (dict "root" . "component" "redis-sentinel" "count" .Values.sentinel.replicas) }}
{{- end -}}
