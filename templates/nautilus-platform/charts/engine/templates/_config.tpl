{{- define "engine.config" -}}
mode: {{ .Values.mode }}
shards: {{ int .Values.global.engineShards }}
journal:
  directory: /var/lib/nautilus/journal
definitions: [/etc/nautilus/definitions.yaml]
gateway:
  listen: "0.0.0.0:{{ int .Values.ports.gateway }}"
  plainBehindMesh: {{ .Values.gateway.plainBehindMesh }}
  credentials: /run/secrets/engine/credentials.yaml
  origins: {{ toJson .Values.gateway.origins }}
admin:
  listen: "0.0.0.0:{{ int .Values.ports.admin }}"
drain:
  timeout: {{ int .Values.drainSeconds }}s
log:
  format: json
  level: info
{{- end -}}
