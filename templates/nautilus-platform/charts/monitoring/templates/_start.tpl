{{/* What the Redis exporter is given, and the settings of the gate in front of Prometheus. */}}
{{- define "monitoring.gateConfig" -}}
# Everything under /prometheus needs a session of single sign-on, of a person in one of the two groups.
http_address = "0.0.0.0:4180"
metrics_address = ""
reverse_proxy = true
provider = "oidc"
oidc_issuer_url = {{ .Values.grafana.sso.issuer | quote }}
client_id = {{ .Values.gate.clientId | quote }}
client_secret_file = "/run/secrets/gate/client-secret"
cookie_secret_file = "/run/secrets/gate/cookie-secret"
redirect_url = "https://{{ .Values.global.hosts.monitoring }}/prometheus/oauth2/callback"
proxy_prefix = "/prometheus/oauth2"
upstreams = ["http://prometheus:9090/prometheus/"]
scope = "openid email profile groups"
oidc_groups_claim = "groups"
allowed_groups = {{ toJson (list .Values.grafana.sso.adminGroup .Values.grafana.sso.viewerGroup) }}
email_domains = ["*"]
cookie_name = "__Secure-nautilus-prometheus"
cookie_secure = true
cookie_httponly = true
cookie_samesite = "lax"
cookie_expire = "12h"
cookie_refresh = "1h"
code_challenge_method = "S256"
skip_provider_button = true
{{- end -}}

{{- define "monitoring.redisPasswords" -}}
#!/bin/sh
# One line of JSON, address to password, made in memory from the mounted Secrets: no password in an argument or variable.
set -eu
umask 077
{
  printf '{'
  separator=
  {{- range $t := .Values.redisExporter.targets }}
  password="$(sed 's/[\\"]/\\&/g' /run/secrets/{{ $t.name }}/password)"
  number=0
  while [ "$number" -lt {{ int $.Values.redisExporter.maxPods }} ]; do
    printf '%s"redis://{{ $t.name }}-%s.{{ $t.name }}-headless.{{ include "nautilus.namespace" $ }}.svc.{{ $.Values.global.clusterDomain }}:{{ int $t.number }}":"%s"' "$separator" "$number" "$password"
    separator=,
    number=$((number + 1))
  done
  {{- end }}
  printf '}\n'
} > /run/exporter/passwords.json
{{- end -}}
