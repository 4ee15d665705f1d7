{{/* What every object of this chart says about itself: takes dict root name component, adds the namespace. */}}
{{- define "monitoring.of" -}}
{{- toJson (dict "namespace" .root.Values.global.observability.namespace) -}}
{{- end -}}

{{/* Bytes Prometheus needs for the declared facts, in whole GiB, headroom included. */}}
{{- define "monitoring.storageGiB" -}}
{{- $c := .Values.capacity -}}
{{- $samples := divf (mulf $c.series 86400 $c.retentionDays) $c.intervalSeconds -}}
{{- $bytes := divf (mulf $samples $c.bytesPerSample (add 100 (int $c.headroomPercent))) 100 -}}
{{- ceil (divf $bytes 1073741824) | int -}}
{{- end -}}

{{/* The part of the volume blocks may fill before the oldest go early: the size is the safety net, the days are the promise. */}}
{{- define "monitoring.retentionGiB" -}}
{{- div (mul (include "monitoring.storageGiB" . | int) 95) 100 -}}
{{- end -}}

{{/* Resources of a pod made by an operator come under the same rules as ours: restricted. dict user. */}}
{{- define "monitoring.podSecurityContext" -}}
{{- include "nautilus.podSecurityContext" (dict "user" .user) -}}
{{- end -}}

{{/* Where Grafana keeps sessions. */}}
{{- define "monitoring.databaseHost" -}}
{{- .Values.grafana.database.host | default "grafana-database" -}}
{{- end -}}

{{/* The API server as a peer of a network policy, as JSON. */}}
{{- define "monitoring.apiServer" -}}
{{- $peers := list -}}
{{- range .Values.global.apiServer.cidrs }}{{ $peers = append $peers (dict "cidr" .) }}{{ end -}}
{{- toJson (dict "peers" $peers "ports" .Values.global.apiServer.ports) -}}
{{- end -}}
