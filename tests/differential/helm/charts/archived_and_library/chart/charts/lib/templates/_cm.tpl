{{- define "lib.cm" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .name }}
  labels: {r: {{ .root.Release.Name }}}
{{- end }}
