{{- define "engine.config" -}}
mode: {{ .Values.mode }}
shards: {{ int .Values.global.engineShards }}
journal:
  directory: /var/lib/nautilus/journal
gateway:
  listen: "0.0.0.0:{{ int .Values.ports.gateway }}"
admin:
  listen: "0.0.0.0:{{ int .Values.ports.admin }}"
drain:
  timeout: {{ int .Values.drainSeconds }}s
log:
  format: json
  level: info
{{- if eq .Values.mode "live" }}
venues:
  credentials: /run/secrets/venues
{{- end }}
{{- end -}}
