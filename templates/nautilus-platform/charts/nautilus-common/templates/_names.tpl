{{/*
Every template takes one dict. `root` is the root context of the calling chart ($), `name` the value of
app.kubernetes.io/name. Names are fixed rather than prefixed with the release: the platform guide's commands address
them as they are, and a namespace holds one platform.
*/}}

{{/* The namespace of everything that is not cluster-wide, whatever -n said. Takes the root context. */}}
{{- define "nautilus.namespace" -}}
{{- .Values.global.namespace | default .Release.Namespace -}}
{{- end -}}

{{/* What selects the pods of one component. Immutable on workloads, so free of versions and release names. */}}
{{- define "nautilus.selectorLabels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/part-of: nautilus-platform
{{- end -}}

{{/* Labels of a pod template. Nothing that changes with the chart's version: that alone must not restart a pod. */}}
{{- define "nautilus.podLabels" -}}
{{ include "nautilus.selectorLabels" . }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{/* Labels of an object. */}}
{{- define "nautilus.labels" -}}
{{ include "nautilus.podLabels" . }}
{{- with .version | default .root.Chart.AppVersion }}
app.kubernetes.io/version: {{ . | toString | quote }}
{{- end }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* metadata of a namespaced object: dict root name [component] [objectName] [namespace] [version]. */}}
{{- define "nautilus.metadata" -}}
name: {{ .objectName | default .name }}
namespace: {{ .namespace | default (include "nautilus.namespace" .root) }}
labels:
  {{- include "nautilus.labels" . | nindent 2 }}
{{- end -}}

{{/*
An image reference: dict root image. Registry and digest policy are global, so a mirror is one line in one place.
With a digest the tag is only documentation, and both are printed.
*/}}
{{- define "nautilus.image" -}}
{{- $images := .root.Values.global.images -}}
{{- $registry := $images.registry | default .image.registry -}}
{{- if and $images.requireDigest (not .image.digest) -}}
{{- fail (printf "image %s/%s:%s has no digest and global.images.requireDigest is set" $registry .image.repository (toString .image.tag)) -}}
{{- end -}}
{{- printf "%s/%s:%s" $registry .image.repository (toString .image.tag) -}}
{{- with .image.digest -}}@{{ . }}{{- end -}}
{{- end -}}
