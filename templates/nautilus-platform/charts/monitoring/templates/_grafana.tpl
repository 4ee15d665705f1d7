{{/* Settings, data sources and where dashboards are, as files. Secrets come in by $__file, at start, in memory. */}}
{{- define "monitoring.grafanaFiles" -}}
{{- $o := .Values.global.observability -}}
{{- $g := .Values.grafana -}}
{{- $host := .Values.global.hosts.monitoring -}}
grafana.ini: |
  [server]
  domain = {{ $host }}
  root_url = https://{{ $host }}/grafana/
  serve_from_sub_path = true
  enforce_domain = false
  [database]
  # Both replicas share it: a session does not end with the pod that began it.
  type = postgres
  host = {{ include "monitoring.databaseHost" . }}:5432
  name = {{ $g.database.name }}
  user = {{ $g.database.user }}
  password = $__file{/run/secrets/grafana/database-password}
  ssl_mode = {{ ternary "verify-full" "disable" (ne $g.database.host "") }}
  max_open_conn = 10
  [remote_cache]
  type = database
  [security]
  admin_user = break-glass
  admin_password = $__file{/run/secrets/grafana/admin-password}
  secret_key = $__file{/run/secrets/grafana/secret-key}
  cookie_secure = true
  cookie_samesite = lax
  strict_transport_security = true
  content_security_policy = true
  allow_embedding = false
  disable_gravatar = true
  [users]
  allow_sign_up = false
  auto_assign_org_role = Viewer
  viewers_can_edit = false
  [auth]
  # With single sign-on the form is for breaking glass only, and that goes through a port-forward.
  disable_login_form = {{ $g.sso.enabled }}
  login_maximum_inactive_lifetime_duration = 12h
  login_maximum_lifetime_duration = 7d
  [auth.anonymous]
  enabled = false
  [auth.basic]
  enabled = {{ not $g.sso.enabled }}
  {{- if $g.sso.enabled }}
  [auth.generic_oauth]
  enabled = true
  name = {{ $g.sso.name }}
  allow_sign_up = true
  auto_login = true
  client_id = {{ $g.sso.clientId }}
  client_secret = $__file{/run/secrets/grafana/sso-client-secret}
  scopes = openid profile email groups
  auth_url = {{ $g.sso.issuer }}{{ $g.sso.authPath }}
  token_url = {{ $g.sso.issuer }}{{ $g.sso.tokenPath }}
  api_url = {{ $g.sso.issuer }}{{ $g.sso.userInfoPath }}
  use_pkce = true
  use_refresh_token = true
  # Who is in neither group gets in nowhere.
  role_attribute_strict = true
  role_attribute_path = contains(groups[*], '{{ $g.sso.adminGroup }}') && 'Admin' || contains(groups[*], '{{ $g.sso.viewerGroup }}') && 'Viewer'
  {{- end }}
  [analytics]
  reporting_enabled = false
  check_for_updates = false
  check_for_plugin_updates = false
  [unified_alerting]
  # Alerts are Prometheus's: they must not depend on dashboards.
  enabled = false
  [snapshots]
  external_enabled = false
  [plugins]
  plugin_admin_enabled = false
  [metrics]
  enabled = true
  [log]
  mode = console
  [log.console]
  format = json
datasources.yaml: |
  apiVersion: 1
  prune: true
  datasources:
    - name: Prometheus
      uid: prometheus
      type: prometheus
      access: proxy
      url: http://prometheus:9090/prometheus
      isDefault: true
      editable: false
      jsonData:
        httpMethod: POST
        timeInterval: {{ int .Values.capacity.intervalSeconds }}s
        {{- if $o.tracing }}
        exemplarTraceIdDestinations:
          - name: trace_id
            datasourceUid: jaeger
        {{- end }}
    - name: Alertmanager
      uid: alertmanager
      type: alertmanager
      access: proxy
      url: http://alertmanager:9093
      editable: false
      jsonData:
        implementation: prometheus
    {{- if $o.tracing }}
    - name: Jaeger
      uid: jaeger
      type: jaeger
      access: proxy
      url: http://jaeger:16686/jaeger
      editable: false
      {{- if $o.logging }}
      jsonData:
        tracesToLogsV2:
          datasourceUid: elasticsearch
          spanStartTimeShift: -1m
          spanEndTimeShift: 1m
          filterByTraceID: true
      {{- end }}
    {{- end }}
    {{- if $o.logging }}
    - name: Elasticsearch
      uid: elasticsearch
      type: elasticsearch
      access: proxy
      url: https://nautilus-es-http:9200
      editable: false
      basicAuth: true
      basicAuthUser: log-reader
      secureJsonData:
        basicAuthPassword: $__file{/run/secrets/grafana/logs-password}
      jsonData:
        index: nautilus-platform*,nautilus-audit*
        timeField: "@timestamp"
        maxConcurrentShardRequests: 5
        # The certificate is the operator's own, inside the cluster.
        tlsSkipVerify: true
        logMessageField: message
        logLevelField: log.level
    {{- end }}
dashboards.yaml: |
  apiVersion: 1
  providers:
    - name: nautilus
      folder: Nautilus
      type: file
      disableDeletion: true
      allowUiUpdates: false
      updateIntervalSeconds: 60
      options:
        path: /var/lib/nautilus/dashboards
{{- end -}}
