{{/* What the gateway's own pods may do: dict root. Its callers are everyone; what it calls are the routes' workloads. */}}
{{- define "edge.policy" -}}
{{- $ns := include "nautilus.namespace" .root -}}
ingress:
  - ports: {{ toJson .ports }}
egress:
  {{- range .root.Values.routes }}
  - peers:
      - namespace: {{ $ns }}
        podLabels:
          {{- include "nautilus.selectorLabels" (dict "name" .workload.name) | nindent 10 }}
    ports: [{{ int .workload.port }}]
  {{- end }}
{{- end -}}

{{/* The names that routes lead from, by their keys in global.hosts, as JSON. Other hosts are not this edge's to publish. */}}
{{- define "edge.published" -}}
{{- $hosts := dict -}}
{{- range .Values.routes -}}
{{- $_ := set $hosts .host (index $.Values.global.hosts .host) -}}
{{- end -}}
{{- toJson $hosts -}}
{{- end -}}

{{/* The public names, each once. A rule on hosts sees the header, which may carry a port. */}}
{{- define "edge.hosts" -}}
{{- range include "edge.published" . | fromJson | values | uniq | sortAlpha }}
- {{ . | quote }}
- {{ printf "%s:*" . | quote }}
{{- end }}
{{- end -}}

{{/* Istio's matches of one path as an Ingress means it: /ws is /ws and what is below it, not /wsx. */}}
{{- define "edge.paths" -}}
{{- if eq .path "/" -}}
- uri:
    prefix: /
{{- else -}}
- uri:
    exact: {{ .path }}
- uri:
    prefix: {{ .path }}/
{{- end -}}
{{- end -}}
