{{/*
Which series become which metric. Custom metrics are per pod; external ones are one number for the cluster.
`namespaced: false` because recorded series carry no namespace.
*/}}
{{- define "autoscaling.adapter" -}}
rules:
  - seriesQuery: 'websocket_connections_active{namespace!="",pod!=""}'
    resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}
    name: {as: websocket_connections_active}
    metricsQuery: sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)
  - seriesQuery: 'http_requests_total{namespace!="",pod!=""}'
    resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}
    name: {as: http_requests_per_second}
    metricsQuery: sum(rate(<<.Series>>{<<.LabelMatchers>>}[2m])) by (<<.GroupBy>>)
  # Percent of the pod's own pool. Nothing while clients queue at PgBouncer: the database is the limit then, and more pods
  # would only queue more.
  - seriesQuery: 'database_connection_pool_in_use{namespace!="",pod!=""}'
    resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}
    name: {as: database_connection_pool_usage}
    metricsQuery: >-
      100 * sum(database_connection_pool_in_use{<<.LabelMatchers>>}) by (<<.GroupBy>>)
      / sum(database_connection_pool_size{<<.LabelMatchers>>}) by (<<.GroupBy>>)
      unless on () (nautilus:pgbouncer_waiting:sum > 0)
externalRules:
  - seriesQuery: 'nautilus:market_volatility:index'
    resources: {namespaced: false}
    name: {as: market_volatility_index}
    metricsQuery: max(<<.Series>>)
  - seriesQuery: 'nautilus:trade_latency:p99_seconds'
    resources: {namespaced: false}
    name: {as: trade_execution_latency_p99_milliseconds}
    # Without trades the quantile is not a number, which would arrive as the smallest there is; so there is none.
    metricsQuery: 1000 * max(<<.Series>> >= 0)
  - seriesQuery: 'nautilus:backend_session_floor:pods'
    resources: {namespaced: false}
    name: {as: nautilus_backend_session_floor}
    metricsQuery: max(<<.Series>>)
  - seriesQuery: 'nautilus:backend_volatility_floor:pods'
    resources: {namespaced: false}
    name: {as: nautilus_backend_volatility_floor}
    metricsQuery: max(<<.Series>>)
{{- end -}}

{{/* Pods needed by the hour: 0 outside every window. Minutes of the day, because a session does not begin on the hour. */}}
{{- define "autoscaling.sessionFloor" -}}
{{- $f := .Values.sessionFloor -}}
{{- $pods := ceil (divf (mulf $f.users (add 100 (int $f.headroomPercent))) (mulf $f.connectionsPerPod 100)) | int -}}
{{- $parts := list -}}
{{- range $f.windows -}}
{{- $from := splitList ":" .from -}}
{{- $to := splitList ":" .to -}}
{{- $start := add (mul 60 (index $from 0 | trimPrefix "0" | int)) (index $from 1 | trimPrefix "0" | int) -}}
{{- $end := add (mul 60 (index $to 0 | trimPrefix "0" | int)) (index $to 1 | trimPrefix "0" | int) -}}
{{- if ge $start $end -}}
{{- fail (printf "autoscaling.sessionFloor: a window is from %s to %s, which is not within one day of UTC; write two" .from .to) -}}
{{- end -}}
{{- $days := list -}}
{{- range .days }}{{ $days = append $days (printf "(day_of_week() == bool %d)" (int .)) }}{{ end -}}
{{- $parts = append $parts (printf "%d * (60 * hour() + minute() >= bool %d) * (60 * hour() + minute() < bool %d) * (%s)" $pods $start $end (join " + " $days)) -}}
{{- end -}}
{{- if $parts }}max({{ range $i, $part := $parts }}{{ if $i }} or {{ end }}label_replace({{ $part }}, "window", "{{ $i }}", "", ""){{ end }}){{ else }}vector(0){{ end -}}
{{- end -}}

{{- define "autoscaling.volatilityFloor" -}}
{{- $parts := list "vector(0)" -}}
{{- range .Values.volatilitySteps -}}
{{- $parts = append $parts (printf "label_replace(%d * (nautilus:market_volatility:index > bool %d), \"step\", \"%d\", \"\", \"\")" (int .pods) (int .above) (int .above)) -}}
{{- end -}}
max({{ join " or " $parts }})
{{- end -}}
