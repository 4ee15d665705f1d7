{{/* Pod level security for the `restricted` Pod Security standard: dict root user [group]. */}}
{{- define "nautilus.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: {{ int .user }}
runAsGroup: {{ int (.group | default .user) }}
fsGroup: {{ int (.group | default .user) }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* Container level security. No argument: there are no exceptions. */}}
{{- define "nautilus.containerSecurityContext" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/*
Spread over zones and hosts, and never two members of a stateful set of peers on one host:
dict root name stateful(bool) [pairs(bool): two sets whose equal ordinals belong together]. Stateless tiers prefer, stateful ones insist as far as the environment says.
*/}}
{{- define "nautilus.spread" -}}
{{- $topology := .root.Values.global.topology -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: {{ ternary $topology.statefulZones $topology.statelessZones .stateful }}
    labelSelector:
      matchLabels:
        {{- include "nautilus.selectorLabels" . | nindent 8 }}
    # A zone whose nodes are all unreachable is no zone: what it held may go elsewhere.
    nodeTaintsPolicy: Honor
    {{- if not .stateful }}
    matchLabelKeys: [pod-template-hash]
    {{- end }}
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "nautilus.selectorLabels" . | nindent 8 }}
    {{- if not .stateful }}
    matchLabelKeys: [pod-template-hash]
    {{- end }}
{{- if .stateful }}
affinity:
  podAntiAffinity:
    {{- if eq $topology.statefulHosts "Required" }}
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "nautilus.selectorLabels" . | nindent 12 }}
      {{- if .pairs }}
      # The two of an ordinal in two zones.
      - topologyKey: topology.kubernetes.io/zone
        labelSelector:
          matchLabels:
            {{- include "nautilus.selectorLabels" . | nindent 12 }}
        matchLabelKeys: [apps.kubernetes.io/pod-index]
      {{- end }}
    {{- else }}
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "nautilus.selectorLabels" . | nindent 14 }}
    {{- end }}
{{- end }}
{{- end -}}

{{/* What every pod says about itself: dict root priority grace [account] [token(bool)]. */}}
{{- define "nautilus.podBasics" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: {{ .token | default false }}
enableServiceLinks: false
priorityClassName: {{ .priority }}
terminationGracePeriodSeconds: {{ int .grace }}
{{- with .root.Values.global.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* A scratch volume: dict name size [medium]. Bounded, because it counts against the pod's memory or the node's disk. */}}
{{- define "nautilus.scratch" -}}
- name: {{ .name }}
  emptyDir:
    {{- with .medium }}
    medium: {{ . }}
    {{- end }}
    sizeLimit: {{ .size }}
{{- end -}}

{{/* A claim of a StatefulSet: dict root name storage labels(name of component). */}}
{{- define "nautilus.claim" -}}
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata:
    name: {{ .claim }}
    labels:
      {{- include "nautilus.selectorLabels" . | nindent 6 }}
  spec:
    accessModes: [{{ .root.Values.global.storage.accessMode }}]
    {{- with .storage.class | default .root.Values.global.storage.class }}
    storageClassName: {{ . }}
    {{- end }}
    volumeMode: Filesystem
    resources:
      requests:
        storage: {{ .storage.size }}
{{- end -}}

{{/* Who and where the pod is. */}}
{{- define "nautilus.podEnv" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
{{- end -}}

{{/* Of an exporter beside a server: it is restarted alone. No readiness, which would take the server out with it. */}}
{{- define "nautilus.exporterLiveness" -}}
livenessProbe:
  httpGet:
    path: /
    port: metrics
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end -}}
