{{/* A ServiceAccount without a mounted token unless `token`: dict root name [component] [objectName] [token] [annotations]. */}}
{{- define "nautilus.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "nautilus.metadata" . | nindent 2 }}
  {{- with .annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: {{ .token | default false }}
{{- end -}}

{{/* A disruption budget over one component's pods: dict root name [component] budget(map with maxUnavailable). */}}
{{- define "nautilus.disruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "nautilus.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ .budget.maxUnavailable }}
  # A pod that cannot start must not keep a node from being drained.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "nautilus.selectorLabels" . | nindent 6 }}
{{- end -}}

{{/* An autoscaler on CPU and on `metrics`, a list of further MetricSpecs: dict root name objectName autoscaling [metrics]. */}}
{{- define "nautilus.autoscaler" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "nautilus.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ .name }}
  minReplicas: {{ int .autoscaling.minReplicas }}
  maxReplicas: {{ int .autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ int .autoscaling.targetCPUUtilization }}
    {{- with .metrics }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  behavior:
    # Doubling is allowed at once: everyone connects at the open.
    scaleUp:
      stabilizationWindowSeconds: 0
      selectPolicy: Max
      policies:
        - type: Percent
          value: 100
          periodSeconds: 30
        - type: Pods
          value: 4
          periodSeconds: 30
    # Slow down: every pod that goes takes its sessions with it.
    scaleDown:
      stabilizationWindowSeconds: {{ int .autoscaling.scaleDownStabilizationSeconds }}
      selectPolicy: Min
      policies:
        - type: Percent
          value: 10
          periodSeconds: 60
        - type: Pods
          value: 2
          periodSeconds: 60
{{- end -}}

{{/*
One component's allow-list: dict root name [component] policy [gateway] [scrape] [exporter]. The namespace denies everything
else. In the mesh it comes with the same list said to the mesh: who may call (nautilus.authorizationPolicy), and what may be
called outside (nautilus.externalHost); `gateway` says that this is one of the mesh's gateways, whose rules are its own.
Where monitoring is on, Prometheus may read the ports in `scrape`, and the component `exporter.name` those in
`exporter.ports`.
A flow is {peers: [...], ports: [...]}; a peer is one of
  {name: component}
  {edge: true}                                          the ingress controller or gateway
  {namespace: ns, podLabels: {}, [account], [plaintext]}  account: its service account; plaintext: why it has no sidecar
  {cidr: block, except: [], [host]}                     host: its name; in the mesh the way there is the egress gateway
A flow without peers is open to any address on its ports; a port is a number or {port, protocol, endPort}.
*/}}
{{- define "nautilus.networkPolicy" -}}
{{- $mesh := .root.Values.global.mesh -}}
{{- $place := .namespace | default (include "nautilus.namespace" .root) -}}
{{- $meshed := and $mesh.enabled (or .gateway (has $place $mesh.namespaces)) -}}
{{- $egress := list -}}
{{- $external := list -}}
{{- range .policy.egress }}
{{- $flow := . }}
{{- $direct := list }}
{{- range .peers }}
{{- if and $meshed .host }}
{{- $external = append $external (dict "peer" . "ports" $flow.ports) }}
{{- else }}
{{- $direct = append $direct . }}
{{- end }}
{{- end }}
{{- if or $direct (not .peers) }}
{{- $egress = append $egress (dict "peers" $direct "ports" .ports) }}
{{- end }}
{{- end }}
{{- if $external }}
{{- $gateway := include "nautilus.selectorLabels" (dict "name" "nautilus-egress") | fromYaml }}
{{- $egress = append $egress (dict "peers" (list (dict "namespace" $mesh.egressNamespace "podLabels" $gateway)) "ports" (list 8443)) }}
{{- end -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "nautilus.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "nautilus.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  {{- $observability := .root.Values.global.observability }}
  {{- $ingress := .policy.ingress }}
  {{- if and .scrape $observability.monitoring }}
  {{- $prometheus := dict "namespace" $observability.namespace "podLabels" (dict "app.kubernetes.io/name" "prometheus") "plaintext" "Prometheus has no sidecar, and what it reads is no secret" }}
  {{- $ingress = append $ingress (dict "peers" (list $prometheus) "ports" .scrape) }}
  {{- end }}
  {{- if and .exporter $observability.monitoring }}
  {{- $ingress = append $ingress (dict "peers" (list (dict "name" .exporter.name)) "ports" .exporter.ports) }}
  {{- end }}
  {{- with $ingress }}
  ingress:
    {{- range . }}
    - {{ include "nautilus.flow" (dict "root" $.root "flow" . "key" "from") | nindent 6 | trim }}
    {{- end }}
  {{- end }}
  {{- with $egress }}
  egress:
    {{- range . }}
    - {{ include "nautilus.flow" (dict "root" $.root "flow" . "key" "to") | nindent 6 | trim }}
    {{- end }}
  {{- end }}
{{- if and $meshed (not .gateway) }}
{{ include "nautilus.authorizationPolicy" (set (omit . "policy") "ingress" $ingress) }}
{{- range $external }}
{{ include "nautilus.externalHost" (dict "root" $.root "name" $.name "component" $.component "peer" .peer "ports" .ports) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "nautilus.flow" -}}
{{- with .flow.peers -}}
{{ $.key }}:
  {{- range . }}
  {{- if .name }}
  - podSelector:
      matchLabels:
        {{- include "nautilus.selectorLabels" . | nindent 8 }}
  {{- else if .edge }}
  - namespaceSelector:
      matchLabels:
        kubernetes.io/metadata.name: {{ include "nautilus.edgeNamespace" $.root }}
  {{- else if .namespace }}
  - namespaceSelector:
      matchLabels:
        kubernetes.io/metadata.name: {{ .namespace }}
    {{- with .podLabels }}
    podSelector:
      matchLabels:
        {{- toYaml . | nindent 8 }}
    {{- end }}
  {{- else }}
  - ipBlock:
      cidr: {{ .cidr }}
      {{- with .except }}
      except:
        {{- toYaml . | nindent 8 }}
      {{- end }}
  {{- end }}
  {{- end }}
{{ end -}}
ports:
  {{- range .flow.ports }}
  {{- if kindIs "map" . }}
  - protocol: {{ .protocol | default "TCP" }}
    port: {{ int .port }}
    {{- with .endPort }}
    endPort: {{ int . }}
    {{- end }}
  {{- else }}
  - protocol: TCP
    port: {{ int . }}
  {{- end }}
  {{- end }}
{{- end -}}
