{{- define "logging.telemetry" -}}
telemetry:
  logs:
    encoding: json
    level: warn
  metrics:
    level: normal
    readers:
      - pull:
          exporter:
            prometheus:
              host: 0.0.0.0
              port: 8888
              without_scope_info: true
{{- end -}}

{{- define "logging.collector" -}}
extensions:
  health_check:
    endpoint: 0.0.0.0:13133
  # Positions in files and what waits to be sent survive the process.
  file_storage:
    directory: /var/lib/otelcol
    create_directory: true
    timeout: 5s
receivers:
  filelog:
    include:
      {{- range .Values.collector.namespaces }}
      - /var/log/pods/{{ . }}_*/*/*.log
      {{- end }}
    start_at: beginning
    include_file_path: true
    include_file_record_offset: true
    max_log_size: 256KiB
    max_concurrent_files: 512
    storage: file_storage
    retry_on_failure:
      enabled: true
    operators:
      # Puts a line together that the runtime cut, takes its time, and pod, namespace, container from the path.
      - type: container
        id: container
      - type: json_parser
        id: json
        if: body matches "^\\s*[{]"
        parse_from: body
        parse_to: attributes
        on_error: send_quiet
      - type: severity_parser
        if: attributes.level != nil
        parse_from: attributes.level
        on_error: send_quiet
      - type: trace_parser
        if: attributes.trace_id != nil and attributes.trace_id matches "^[0-9a-f]{32}$"
        trace_id: {parse_from: attributes.trace_id}
        on_error: send_quiet
processors:
  memory_limiter:
    check_interval: 1s
    limit_percentage: 75
    spike_limit_percentage: 20
  resource:
    attributes:
      - key: deployment.environment.name
        value: {{ .Values.global.environment }}
        action: upsert
      - key: k8s.node.name
        value: ${env:NODE_NAME}
        action: upsert
exporters:
  otlp:
    endpoint: log-gateway.{{ .Values.global.observability.namespace }}.svc.{{ .Values.global.clusterDomain }}:4317
    compression: zstd
    tls:
      insecure: true
    sending_queue:
      storage: file_storage
      queue_size: 10000
    retry_on_failure:
      # Never given up: what the queue does not hold stays in its file, unread.
      max_elapsed_time: 0s
service:
  extensions: [health_check, file_storage]
  {{- include "logging.telemetry" . | nindent 2 }}
  pipelines:
    logs:
      receivers: [filelog]
      processors: [memory_limiter, resource]
      exporters: [otlp]
{{- end -}}

{{- define "logging.gateway" -}}
extensions:
  health_check:
    endpoint: 0.0.0.0:13133
  basicauth/elasticsearch:
    client_auth:
      username: log-writer
      password: ${file:/run/secrets/logs/writer-password}
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 0.0.0.0:4317
        max_recv_msg_size_mib: 16
processors:
  memory_limiter:
    check_interval: 1s
    limit_percentage: 75
    spike_limit_percentage: 20
  # A line sent twice is one document: its id is made of where it stood.
  transform/identity:
    error_mode: ignore
    log_statements:
      - context: log
        statements:
          - set(attributes["elasticsearch.document_id"], SHA256(Concat([resource.attributes["k8s.pod.uid"], attributes["log.file.path"], attributes["log.file.record_offset"]], "|"))) where attributes["log.file.path"] != nil
  # Credentials that slipped into a line go no further.
  transform/scrub:
    error_mode: ignore
    log_statements:
      - context: log
        statements:
          - replace_pattern(body, "(?i)(password|secret|token|authorization)([\"' ]*[:=][\"' ]*)[^\"', ]+", "$$1$$2***") where IsString(body)
          - delete_matching_keys(attributes, "(?i)^(password|secret|token|authorization)$")
  batch:
    send_batch_size: 2048
    send_batch_max_size: 4096
    timeout: 2s
connectors:
  # Audit lines are those an application marks: "audit": true, or an event named audit.*.
  routing:
    default_pipelines: [logs/platform]
    table:
      - context: log
        condition: attributes["audit"] == true or IsMatch(attributes["event"], "^audit[.]")
        pipelines: [logs/audit]
exporters:
  {{- range $stream := list "platform" "audit" }}
  elasticsearch/{{ $stream }}:
    endpoints: [https://nautilus-es-http.{{ $.Values.global.observability.namespace }}.svc.{{ $.Values.global.clusterDomain }}:9200]
    logs_index: nautilus-{{ $stream }}
    mapping:
      mode: ecs
    logs_dynamic_id:
      enabled: true
    auth:
      authenticator: basicauth/elasticsearch
    tls:
      ca_file: /run/secrets/elasticsearch-ca/ca.crt
    retry:
      enabled: true
      max_retries: 10
  {{- end }}
  {{- if .Values.worm.enabled }}
  awss3:
    s3uploader:
      region: {{ .Values.worm.region }}
      s3_bucket: {{ .Values.worm.bucket }}
      s3_prefix: {{ .Values.worm.prefix }}
      s3_partition_format: "%Y/%m/%d/%H"
      compression: gzip
    marshaler: otlp_json
    sending_queue:
      queue_size: 5000
  {{- end }}
service:
  extensions: [health_check, basicauth/elasticsearch]
  {{- include "logging.telemetry" . | nindent 2 }}
  pipelines:
    logs:
      receivers: [otlp]
      processors: [memory_limiter, transform/identity, transform/scrub]
      exporters: [routing]
    logs/platform:
      receivers: [routing]
      processors: [batch]
      exporters: [elasticsearch/platform]
    logs/audit:
      receivers: [routing]
      processors: [batch]
      exporters: [elasticsearch/audit{{ if .Values.worm.enabled }}, awss3{{ end }}]
{{- end -}}

{{/* name -> body of what Elasticsearch is told. */}}
{{- define "logging.requests" -}}
{{- $r := .Values.retention -}}
{{- range $stream, $days := dict "platform" $r.logsDays "audit" $r.auditDays }}
policy-{{ $stream }}.json: |
  {"policy": {"phases": {"hot": {"actions": {"rollover": {"max_age": "1d", "max_primary_shard_size": "40gb"}}}, "delete": {"min_age": "{{ int $days }}d", "actions": {"delete": {}}}}}}
template-{{ $stream }}.json: |
  {"index_patterns": ["nautilus-{{ $stream }}*"], "data_stream": {}, "priority": 500, "template": {"settings": {"index.lifecycle.name": "nautilus-{{ $stream }}", "index.number_of_shards": 1, "index.number_of_replicas": 1, "index.codec": "best_compression", "index.mapping.total_fields.limit": 2000, "index.mapping.ignore_malformed": true}, "mappings": {"dynamic_templates": [{"strings": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}}], "properties": {"@timestamp": {"type": "date"}, "message": {"type": "match_only_text"}}}}}
{{- end }}
role-log-writer.json: |
  {"cluster": ["monitor"], "indices": [{"names": ["nautilus-platform*", "nautilus-audit*"], "privileges": ["create_doc", "auto_configure"]}]}
role-span-writer.json: |
  {"cluster": ["monitor", "manage_index_templates"], "indices": [{"names": ["nautilus-jaeger-*"], "privileges": ["create_index", "index", "create", "read", "view_index_metadata", "manage"]}]}
role-log-reader.json: |
  {"cluster": ["monitor"], "indices": [{"names": ["nautilus-platform*", "nautilus-audit*"], "privileges": ["read", "view_index_metadata"]}]}
{{- end -}}

{{- define "logging.keeper" -}}
#!/bin/sh
# Brings Elasticsearch to what is declared. Every request may be repeated; the first that fails ends the run, and the next
# run begins again. Passwords travel in files and standard input, never in an argument.
set -eu
umask 077
at=https://nautilus-es-http:9200
printf 'user = "elastic:%s"\n' "$(cat /run/secrets/elastic/elastic)" > /tmp/curl.conf
ask() { # ask METHOD PATH [FILE]: FILE is the body
  method="$1" path="$2"
  shift 2
  curl --silent --show-error --fail-with-body --max-time 30 --retry 3 --retry-connrefused --config /tmp/curl.conf \
    --cacert /run/secrets/elasticsearch-ca/ca.crt --request "$method" --header 'Content-Type: application/json' \
    ${1:+--data-binary "@$1"} --output /dev/null "$at$path"
}
user() { # user NAME ROLE KEY
  printf '{"password": "%s", "roles": ["%s"]}' "$(sed 's/[\\"]/\\&/g' "/run/secrets/logs/$3")" "$2" > /tmp/user.json
  ask PUT "/_security/user/$1" /tmp/user.json
}
for stream in platform audit; do
  ask PUT "/_ilm/policy/nautilus-$stream" "/etc/keeper/policy-$stream.json"
  ask PUT "/_index_template/nautilus-$stream" "/etc/keeper/template-$stream.json"
done
for role in log-writer span-writer log-reader; do
  ask PUT "/_security/role/$role" "/etc/keeper/role-$role.json"
done
user log-writer log-writer writer-password
user span-writer span-writer span-writer-password
user log-reader log-reader reader-password
# Jaeger's indices have a day in their name and no policy of their own: those past their days go.
day={{ int .Values.retention.tracesDays }}
while [ "$day" -lt {{ add (int .Values.retention.tracesDays) 14 }} ]; do
  day=$((day + 1))
  name="$(date -u -d "@$(($(date +%s) - day * 86400))" +%Y-%m-%d)"
  ask DELETE "/nautilus-jaeger-span-$name,nautilus-jaeger-service-$name?ignore_unavailable=true"
done
{{- end -}}
