{{- define "tracing.collector" -}}
{{- $v := .Values.collector -}}
extensions:
  health_check:
    endpoint: 0.0.0.0:13133
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 0.0.0.0:4317
        max_recv_msg_size_mib: 8
      http:
        endpoint: 0.0.0.0:4318
  # From the other collectors, once the trace decides which.
  otlp/peers:
    protocols:
      grpc:
        endpoint: 0.0.0.0:4319
processors:
  # First: what does not fit is refused at the door, where the sender counts it.
  memory_limiter:
    check_interval: 1s
    limit_percentage: 75
    spike_limit_percentage: 20
  resource:
    attributes:
      - key: deployment.environment.name
        value: {{ .Values.global.environment }}
        action: upsert
  # Names of people and credentials have no place in a trace.
  attributes/scrub:
    actions:
      - key: http.request.header.authorization
        action: delete
      - key: http.request.header.cookie
        action: delete
      - key: db.query.text
        action: hash
  tail_sampling:
    decision_wait: {{ int $v.decisionSeconds }}s
    num_traces: 50000
    policies:
      - name: errors
        type: status_code
        status_code: {status_codes: [ERROR]}
      - name: slow
        type: latency
        latency: {threshold_ms: {{ int $v.slowMilliseconds }}}
      - name: rest
        type: probabilistic
        probabilistic: {sampling_percentage: {{ int $v.samplePercent }}}
  batch:
    send_batch_size: 4096
    send_batch_max_size: 8192
    timeout: 2s
exporters:
  # By trace: every span of one trace reaches the same collector, or the decision would be made on a part of it.
  loadbalancing:
    routing_key: traceID
    protocol:
      otlp:
        tls:
          insecure: true
        sending_queue:
          queue_size: 2000
    resolver:
      dns:
        hostname: otel-collector-peers.{{ .Values.global.observability.namespace }}.svc.{{ .Values.global.clusterDomain }}
        port: "4319"
  otlp/jaeger:
    endpoint: jaeger.{{ .Values.global.observability.namespace }}.svc.{{ .Values.global.clusterDomain }}:4317
    tls:
      insecure: true
    sending_queue:
      queue_size: 2000
    retry_on_failure:
      max_elapsed_time: 300s
service:
  extensions: [health_check]
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
  pipelines:
    traces:
      receivers: [otlp]
      processors: [memory_limiter]
      exporters: [loadbalancing]
    traces/sampled:
      receivers: [otlp/peers]
      processors: [memory_limiter, resource, attributes/scrub, tail_sampling, batch]
      exporters: [otlp/jaeger]
{{- end -}}

{{- define "tracing.jaeger" -}}
{{- $v := .Values.jaeger -}}
service:
  extensions: [jaeger_storage, jaeger_query, healthcheckv2]
  pipelines:
    traces:
      receivers: [otlp]
      processors: [batch]
      exporters: [jaeger_storage_exporter]
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
extensions:
  healthcheckv2:
    use_v2: true
    http:
      endpoint: 0.0.0.0:13133
  jaeger_query:
    storage:
      traces: spans
    base_path: /jaeger
    http:
      endpoint: 0.0.0.0:16686
    grpc:
      endpoint: 0.0.0.0:16685
  jaeger_storage:
    backends:
      spans:
        {{- if eq $v.storage "elasticsearch" }}
        elasticsearch:
          server_urls: [https://nautilus-es-http.{{ .Values.global.observability.namespace }}.svc.{{ .Values.global.clusterDomain }}:9200]
          auth:
            basic:
              username: span-writer
              password_file: /run/secrets/jaeger/writer-password
          tls:
            ca_file: /run/secrets/elasticsearch-ca/ca.crt
          indices:
            index_prefix: nautilus
            spans:
              rollover_frequency: day
              shards: 1
              replicas: 1
            services:
              rollover_frequency: day
              shards: 1
              replicas: 1
          use_ilm: false
        {{- else }}
        memory:
          max_traces: {{ int $v.memoryTraces }}
        {{- end }}
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 0.0.0.0:4317
      http:
        endpoint: 0.0.0.0:4318
processors:
  batch:
    timeout: 2s
exporters:
  jaeger_storage_exporter:
    trace_storage: spans
{{- end -}}
