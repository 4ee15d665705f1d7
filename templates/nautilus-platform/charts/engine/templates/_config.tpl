{{/* engine.yaml of one of a shard's engines: dict root set ("main", "standby"). Each follows the other. */}}
{{- define "engine.config" -}}
{{- $set := .set -}}
{{- with .root -}}
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
{{- if .Values.standby.enabled }}
{{- $service := printf "nautilus-engine.%s.svc.%s" (include "nautilus.namespace" .) .Values.global.clusterDomain }}
epoch:
  lease: {namespace: {{ include "nautilus.namespace" . }}, name: nautilus-engine, roleLabel: nautilusctl.io/engine-role}
  timeToLive: {{ int .Values.standby.leaseSeconds }}s
replication:
  listen: "0.0.0.0:{{ int .Values.ports.replication }}"
  follow: "{{ ternary "nautilus-engine-standby" "nautilus-engine" (eq $set "main") }}-{shard}.{{ $service }}:{{ int .Values.ports.replication }}"
  mode: {{ .Values.standby.mode }}
  {{- if eq .Values.standby.mode "async" }}
  acceptedLag: {{ int .Values.standby.acceptedLagSeconds }}s
  {{- end }}
  tls:
    certificate: /run/secrets/replication/tls.crt
    key: /run/secrets/replication/tls.key
    ca: /run/secrets/replication/ca.crt
    peerName: {{ $service }}
{{- end }}
{{- if .Values.global.observability.tracing }}
traces:
  endpoint: {{ printf "http://otel-collector.%s.svc.%s:4318" .Values.global.observability.namespace .Values.global.clusterDomain }}
  # The collector stands outside the mesh; a span names a request and its account, not the order.
  plainBehindMesh: true
{{- end }}
log:
  format: json
  level: info
{{- end -}}
{{- end -}}

{{/* What a shard's engines need of the API server: their own Leases by name, and the role's label on their own pods. */}}
{{- define "engine.access" -}}
{{- $c := dict "root" $ "name" "nautilus-engine" "component" "engine" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  {{- include "nautilus.metadata" $c | nindent 2 }}
rules:
  # create cannot be narrowed to names.
  - apiGroups: [coordination.k8s.io]
    resources: [leases]
    verbs: [create]
  - apiGroups: [coordination.k8s.io]
    resources: [leases]
    resourceNames:
      {{- range $shard := until (int .Values.global.engineShards) }}
      - nautilus-engine-{{ $shard }}
      {{- end }}
    verbs: [get, update]
  - apiGroups: [""]
    resources: [pods]
    resourceNames:
      {{- range $shard := until (int .Values.global.engineShards) }}
      - nautilus-engine-{{ $shard }}
      - nautilus-engine-standby-{{ $shard }}
      {{- end }}
    verbs: [get, patch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  {{- include "nautilus.metadata" $c | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: nautilus-engine
subjects:
  - kind: ServiceAccount
    name: nautilus-engine
    namespace: {{ include "nautilus.namespace" . }}
{{- end -}}
