{{/*
The trading metrics the autoscaler follows, beside CPU. Each falls as pods are added, or is a number of pods by itself:
anything else would climb to the maximum and stay (finding 14). An HPA takes the largest answer of all its metrics, and one
that is missing never scales in. Without the metrics adapter there are none.
*/}}
{{- define "backend.scalingMetrics" -}}
{{- $m := .Values.autoscaling.metrics -}}
{{- $list := list -}}
{{- if .Values.global.observability.autoscaling -}}
{{- range $row := list
  (dict "name" "websocket_connections_active" "target" $m.websocketConnections)
  (dict "name" "http_requests_per_second" "target" $m.requestsPerSecond)
  (dict "name" "database_connection_pool_usage" "target" $m.databasePoolUsagePercent) -}}
{{- if gt (int $row.target) 0 -}}
{{- $target := dict "type" "AverageValue" "averageValue" (int $row.target | toString) -}}
{{- $list = append $list (dict "type" "Pods" "pods" (dict "metric" (dict "name" $row.name) "target" $target)) -}}
{{- end -}}
{{- end -}}
{{- range $row := list
  (dict "name" "nautilus_backend_session_floor" "on" $m.sessionFloor)
  (dict "name" "nautilus_backend_volatility_floor" "on" $m.volatilityFloor) -}}
{{- if $row.on -}}
{{- $target := dict "type" "AverageValue" "averageValue" "1" -}}
{{- $list = append $list (dict "type" "External" "external" (dict "metric" (dict "name" $row.name) "target" $target)) -}}
{{- end -}}
{{- end -}}
{{- range $row := list
  (dict "name" "trade_execution_latency_p99_milliseconds" "target" $m.tradeLatencyMilliseconds)
  (dict "name" "market_volatility_index" "target" $m.volatilityIndex) -}}
{{- if gt (int $row.target) 0 -}}
{{- $target := dict "type" "Value" "value" (int $row.target | toString) -}}
{{- $list = append $list (dict "type" "External" "external" (dict "metric" (dict "name" $row.name) "target" $target)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $list -}}
{{- end -}}
