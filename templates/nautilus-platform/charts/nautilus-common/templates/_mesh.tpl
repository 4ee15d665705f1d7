{{/*
The service mesh's side of what a component declares. Every flow is declared once, in a component's values; the network
policy (nautilus.networkPolicy) and what is here are two readings of that one list, so neither can allow what the other
has not heard of. Everything renders nothing unless global.mesh.enabled.
*/}}

{{/* The namespace whose pods are the edge. Takes the root context. */}}
{{- define "nautilus.edgeNamespace" -}}
{{- $global := .Values.global -}}
{{- $global.edgeNamespace | default (ternary "nginx-ingress" $global.mesh.ingressNamespace (eq $global.edge.kind "nginx")) -}}
{{- end -}}

{{/* The service account the edge's pods run as. A Gateway API gateway gets one from istiod, named after it and its class. */}}
{{- define "nautilus.edgeAccount" -}}
{{- ternary "nautilus-gateway-istio" "nautilus-gateway" (eq .Values.global.edge.kind "gateway-api") -}}
{{- end -}}

{{/* Who a workload is in the mesh: dict root namespace account. */}}
{{- define "nautilus.principal" -}}
{{- printf "%s/ns/%s/sa/%s" .root.Values.global.mesh.trustDomain .namespace .account -}}
{{- end -}}

{{/*
Annotations of a pod in the mesh: dict root drain [guaranteed]. The sidecar is an init container that keeps running, so
it is there before the first container and after the last one: jobs end, and a draining application still has its network.
`drain` is what is left of the pod's grace period once the application itself is gone, less a few seconds.
*/}}
{{- define "nautilus.meshAnnotations" -}}
{{- with .root.Values.global.mesh -}}
{{- if .enabled -}}
proxy.istio.io/config: {{ dict "holdApplicationUntilProxyStarts" true "terminationDrainDuration" (printf "%ds" (int $.drain)) "proxyMetadata" (dict "EXIT_ON_ZERO_ACTIVE_CONNECTIONS" "true") | toJson | quote }}
sidecar.istio.io/nativeSidecar: "true"
sidecar.istio.io/proxyCPU: {{ .proxy.cpu | quote }}
# Equal where the pod must keep whole CPUs of its own.
sidecar.istio.io/proxyCPULimit: {{ ternary .proxy.cpu .proxy.cpuLimit (default false $.guaranteed) | quote }}
sidecar.istio.io/proxyMemory: {{ .proxy.memory | quote }}
sidecar.istio.io/proxyMemoryLimit: {{ .proxy.memory | quote }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The number of a flow's port, as text. Takes the port. */}}
{{- define "nautilus.portNumber" -}}
{{- if kindIs "map" . }}{{ int .port }}{{ else }}{{ int . }}{{ end -}}
{{- end -}}

{{/* One source of a rule: dict root peer. Nothing for a peer that has no identity. */}}
{{- define "nautilus.sourceOf" -}}
{{- $ns := include "nautilus.namespace" .root -}}
{{- if .peer.name -}}
principals: [{{ include "nautilus.principal" (dict "root" .root "namespace" $ns "account" .peer.name) }}]
{{- else if .peer.edge -}}
principals: [{{ include "nautilus.principal" (dict "root" .root "namespace" (include "nautilus.edgeNamespace" .root) "account" (include "nautilus.edgeAccount" .root)) }}]
{{- else if and .peer.namespace .peer.account -}}
principals: [{{ include "nautilus.principal" (dict "root" .root "namespace" .peer.namespace "account" .peer.account) }}]
{{- else if and .peer.namespace (not .peer.plaintext) -}}
namespaces: [{{ .peer.namespace }}]
{{- else if .peer.cidr -}}
ipBlocks: [{{ .peer.cidr }}]
{{- end -}}
{{- end -}}

{{/*
Who may call one component: dict root name [component] ingress. The mesh denies by default, in every namespace; a rule
names the caller's service account, so an address that was taken over is not enough. A peer with `plaintext` (the reason
is its value) has no sidecar and so no identity: its ports take clear text too, and the network policy alone says from where.
*/}}
{{- define "nautilus.authorizationPolicy" -}}
{{- $open := dict -}}
{{- range .ingress }}
{{- $flow := . }}
{{- range .peers }}
{{- if .plaintext }}
{{- range $flow.ports }}
{{- $_ := set $open (include "nautilus.portNumber" .) $flow }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
{{- with .ingress }}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  {{- include "nautilus.metadata" $ | nindent 2 }}
spec:
  selector:
    matchLabels:
      {{- include "nautilus.selectorLabels" $ | nindent 6 }}
  action: ALLOW
  rules:
    {{- range . }}
    {{- $ports := list }}
    {{- range .ports }}
    {{- $ports = append $ports (include "nautilus.portNumber" .) }}
    {{- end }}
    {{- $sources := list }}
    {{- $anyone := not .peers }}
    {{- range .peers }}
    {{- $source := include "nautilus.sourceOf" (dict "root" $.root "peer" .) }}
    {{- if $source }}
    {{- $sources = append $sources $source }}
    {{- else }}
    {{- $anyone = true }}
    {{- end }}
    {{- end }}
    - to:
        - operation:
            ports: {{ toJson $ports }}
      {{- if not $anyone }}
      from:
        {{- range $sources }}
        - source:
            {{- . | nindent 12 }}
        {{- end }}
      {{- end }}
    {{- end }}
{{- end }}
{{- with $open }}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  {{- include "nautilus.metadata" $ | nindent 2 }}
  annotations:
    {{- range $port, $flow := . }}
    {{- range $flow.peers }}
    {{- with .plaintext }}
    nautilus.trading.com/plaintext-{{ $port }}: {{ . | quote }}
    {{- end }}
    {{- end }}
    {{- end }}
spec:
  selector:
    matchLabels:
      {{- include "nautilus.selectorLabels" $ | nindent 6 }}
  mtls:
    mode: STRICT
  portLevelMtls:
    {{- range $port, $flow := . }}
    {{ $port }}:
      mode: PERMISSIVE
    {{- end }}
{{- end }}
{{- end -}}

{{/*
One way out, through the egress gateway: dict root name [component] peer(host, cidr, except) ports. The component speaks
TLS with the host itself; the sidecar wraps that into the mesh's own TLS towards the gateway, which thereby knows who is
calling and lets this component, to this host, out, and nothing else. What is wrapped stays closed to the gateway.
*/}}
{{- define "nautilus.externalHost" -}}
{{- $mesh := .root.Values.global.mesh -}}
{{- $host := .peer.host -}}
{{- $slug := $host | replace "." "-" -}}
{{- $object := printf "egress-%s-%s" .name $slug -}}
{{- if gt (len $object) 63 -}}
{{- $object = printf "%s-%s" ($object | trunc 54 | trimSuffix "-") (sha256sum $object | trunc 8) -}}
{{- end -}}
{{- $gateway := printf "nautilus-egress.%s.svc.%s" $mesh.egressNamespace .root.Values.global.clusterDomain -}}
{{- $here := dict "root" .root "name" .name "component" .component "objectName" $object -}}
{{- $there := dict "root" .root "name" .name "component" .component "objectName" $object "namespace" $mesh.egressNamespace -}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  {{- include "nautilus.metadata" $here | nindent 2 }}
spec:
  hosts: [{{ $host }}]
  exportTo: [".", {{ $mesh.egressNamespace }}]
  location: MESH_EXTERNAL
  resolution: DNS
  ports:
    {{- range .ports }}
    - number: {{ int . }}
      name: tls-{{ int . }}
      protocol: TLS
    {{- end }}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  {{- include "nautilus.metadata" $here | nindent 2 }}
spec:
  host: {{ $gateway }}
  exportTo: ["."]
  subsets:
    - name: {{ $object }}
      trafficPolicy:
        tls:
          mode: ISTIO_MUTUAL
          sni: {{ $host }}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  {{- include "nautilus.metadata" $there | nindent 2 }}
spec:
  selector:
    istio: nautilus-egress
  servers:
    - port:
        number: 443
        name: tls-{{ $slug }}
        protocol: TLS
      hosts: [{{ printf "%s/%s" (include "nautilus.namespace" .root) $host }}]
      tls:
        mode: ISTIO_MUTUAL
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  {{- include "nautilus.metadata" $here | nindent 2 }}
spec:
  hosts: [{{ $host }}]
  exportTo: [".", {{ $mesh.egressNamespace }}]
  gateways: [mesh, {{ $mesh.egressNamespace }}/{{ $object }}]
  tls:
    {{- range .ports }}
    - match:
        - gateways: [mesh]
          port: {{ int . }}
          sniHosts: [{{ $host }}]
      route:
        - destination:
            host: {{ $gateway }}
            subset: {{ $object }}
            port:
              number: 443
    {{- end }}
  tcp:
    - match:
        - gateways: [{{ $mesh.egressNamespace }}/{{ $object }}]
          port: 443
      route:
        - destination:
            host: {{ $host }}
            port:
              number: {{ int (first .ports) }}
          weight: 100
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  {{- include "nautilus.metadata" $there | nindent 2 }}
spec:
  selector:
    matchLabels:
      {{- include "nautilus.selectorLabels" (dict "name" "nautilus-egress") | nindent 6 }}
  action: ALLOW
  rules:
    - from:
        - source:
            principals: [{{ include "nautilus.principal" (dict "root" .root "namespace" (include "nautilus.namespace" .root) "account" .name) }}]
      to:
        - operation:
            ports: ["8443"]
      when:
        - key: connection.sni
          values: [{{ $host }}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "nautilus.metadata" $there | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "nautilus.selectorLabels" (dict "name" "nautilus-egress") | nindent 6 }}
  policyTypes: [Egress]
  egress:
    - {{ include "nautilus.flow" (dict "root" .root "key" "to" "flow" (dict "peers" (list (omit .peer "host")) "ports" .ports)) | nindent 6 | trim }}
{{- end -}}

{{/*
A gateway of the mesh: dict root name component namespace settings serviceType ports(list of {name, port, targetPort})
policy. The container is istiod's: `image: auto` and the template `gateway` are filled in when the pod is admitted, so a
gateway always runs the version of the control plane. Nothing runs where there is no istiod.
*/}}
{{- define "nautilus.gatewayWorkload" -}}
{{- $s := .settings -}}
{{ include "nautilus.serviceAccount" . }}
---
{{ include "nautilus.networkPolicy" (merge (dict "gateway" true) .) }}
---
{{ include "nautilus.disruptionBudget" (merge (dict "budget" $s.disruptionBudget) .) }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "nautilus.metadata" . | nindent 2 }}
  {{- with $s.serviceAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .serviceType }}
  {{- if eq .serviceType "LoadBalancer" }}
  # The client's address survives, and a node without a gateway gets no traffic.
  externalTrafficPolicy: Local
  {{- end }}
  selector:
    {{- include "nautilus.selectorLabels" . | nindent 4 }}
  ports:
    {{- range .ports }}
    - name: {{ .name }}
      port: {{ .port }}
      targetPort: {{ .name }}
      appProtocol: {{ .protocol }}
    {{- end }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "nautilus.metadata" . | nindent 2 }}
  annotations:
    # Before what it publishes is of no use, after it nobody is kept waiting.
    nautilusctl.io/wave: workloads
spec:
  {{- if not $s.autoscaling.enabled }}
  replicas: {{ int $s.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  progressDeadlineSeconds: 600
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 25%
  selector:
    matchLabels:
      {{- include "nautilus.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "nautilus.podLabels" . | nindent 8 }}
        # What a Gateway object selects.
        istio: {{ .name }}
        {{- with .root.Values.global.mesh.revision }}
        istio.io/rev: {{ . }}
        {{- else }}
        sidecar.istio.io/inject: "true"
        {{- end }}
      annotations:
        inject.istio.io/templates: gateway
        proxy.istio.io/config: {{ dict "terminationDrainDuration" (printf "%ds" (int $s.drainSeconds)) | toJson | quote }}
    spec:
      {{- include "nautilus.podBasics" (dict "root" .root "account" .name "priority" "nautilus-service" "grace" (add (int $s.withdrawSeconds) (int $s.drainSeconds) 10)) | nindent 6 }}
      securityContext:
        {{- include "nautilus.podSecurityContext" (dict "user" 1337) | nindent 8 }}
      {{- include "nautilus.spread" (merge (dict "stateful" false) .) | nindent 6 }}
      containers:
        - name: istio-proxy
          image: auto
          ports:
            {{- range .ports }}
            - name: {{ .name }}
              containerPort: {{ .targetPort }}
            {{- end }}
            - name: status
              containerPort: 15021
          lifecycle:
            # The load balancer is told first, then connections are drained.
            preStop:
              sleep:
                seconds: {{ int $s.withdrawSeconds }}
          resources:
            {{- toYaml $s.resources | nindent 12 }}
          securityContext:
            {{- include "nautilus.containerSecurityContext" .root | nindent 12 }}
{{- if $s.autoscaling.enabled }}
---
{{ include "nautilus.autoscaler" (merge (dict "autoscaling" $s.autoscaling "objectName" (printf "%s-hpa" .name)) .) }}
{{- end }}
{{- end -}}
