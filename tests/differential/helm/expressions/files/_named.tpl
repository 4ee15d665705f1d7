{{- define "named" -}}named:{{ .x }}{{- end -}}
{{- define "loop" -}}{{ include "loop" . }}{{- end -}}
