{{/* Everything here is public; what is not comes from Secrets, as files. */}}
{{- define "backend.config" -}}
NAUTILUS_ENVIRONMENT: {{ .Values.global.environment | quote }}
NAUTILUS_LOG_LEVEL: {{ .Values.logLevel | quote }}
NAUTILUS_LOG_FORMAT: json
NAUTILUS_HTTP_PORT: {{ int .Values.ports.http | quote }}
NAUTILUS_WEBSOCKET_PORT: {{ int .Values.ports.websocket | quote }}
NAUTILUS_METRICS_PORT: {{ int .Values.ports.metrics | quote }}
NAUTILUS_WORKERS: {{ int .Values.workers | quote }}
NAUTILUS_WEBSOCKET_MAX_CONNECTIONS: {{ int .Values.websocket.connectionsPerPod | quote }}
NAUTILUS_WEBSOCKET_PING_SECONDS: {{ int .Values.websocket.pingIntervalSeconds | quote }}
NAUTILUS_WEBSOCKET_ALLOWED_ORIGINS: {{ printf "https://%s" .Values.global.hosts.ui | quote }}
NAUTILUS_DRAIN_SECONDS: {{ int .Values.drain.sessionSeconds | quote }}
NAUTILUS_DATABASE_HOST: {{ .Values.database.host | quote }}
NAUTILUS_DATABASE_PORT: {{ int .Values.database.port | quote }}
NAUTILUS_DATABASE_NAME: {{ .Values.global.database.name | quote }}
NAUTILUS_DATABASE_READ_NAME: {{ printf "%s_ro" .Values.global.database.name | quote }}
NAUTILUS_DATABASE_USER: {{ .Values.global.database.user | quote }}
NAUTILUS_DATABASE_PASSWORD_FILE: /run/secrets/nautilus/database-password
NAUTILUS_REDIS_CLUSTER_NODES: redis-cluster:6379
NAUTILUS_REDIS_PASSWORD_FILE: /run/secrets/nautilus/redis-password
NAUTILUS_CACHE_SENTINELS: redis-sentinel:26379
NAUTILUS_CACHE_MASTER_NAME: nautilus-cache
NAUTILUS_CACHE_PASSWORD_FILE: /run/secrets/nautilus/cache-password
{{- if .Values.global.vault.inject }}
NAUTILUS_SESSION_SIGNING_KEY_FILE: /run/secrets/vault/session-signing-key
# Its own key to the engines; replaced while the old one still works, so it is read again when a logon is refused.
NAUTILUS_ENGINE_KEY_FILE: /run/secrets/vault/engine-key
{{- else }}
NAUTILUS_SESSION_SIGNING_KEY_FILE: /run/secrets/nautilus/session-signing-key
{{- end }}
# {shard} is the shard's number; the name always leads to the shard's primary.
NAUTILUS_ENGINE_SERVICE: {{ printf "nautilus-engine-shard-{shard}.%s.svc.%s" (include "nautilus.namespace" .) .Values.global.clusterDomain | quote }}
NAUTILUS_ENGINE_SHARDS: {{ int .Values.global.engineShards | quote }}
{{- if .Values.global.observability.tracing }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ printf "http://otel-collector.%s.svc.%s:4318" .Values.global.observability.namespace .Values.global.clusterDomain | quote }}
OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf
OTEL_SERVICE_NAME: nautilus-backend
{{- end }}
{{- end -}}
