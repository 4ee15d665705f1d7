{{- define "vault.uploader" -}}
{{- $s := .Values.snapshots -}}
name: upload
image: {{ include "nautilus.image" (dict "root" . "image" $s.uploader.image) }}
imagePullPolicy: {{ .Values.global.images.pullPolicy }}
command: [sh, /etc/vault-scripts/upload.sh]
env:
  - name: HOME
    value: /tmp
  - name: SNAPSHOT_PLACE
    value: {{ printf "%s/%s" $s.bucket $s.prefix }}
  - name: RCLONE_CONFIG_SNAPSHOTS_TYPE
    value: s3
  - name: RCLONE_CONFIG_SNAPSHOTS_PROVIDER
    value: {{ ternary "Other" "AWS" (ne $s.endpoint "") }}
  - name: RCLONE_CONFIG_SNAPSHOTS_ENV_AUTH
    value: "true"
  - name: RCLONE_CONFIG_SNAPSHOTS_REGION
    value: {{ $s.region }}
  {{- with $s.endpoint }}
  - name: RCLONE_CONFIG_SNAPSHOTS_ENDPOINT
    value: {{ . }}
  {{- end }}
  {{- with $s.kmsKeyId }}
  - name: RCLONE_CONFIG_SNAPSHOTS_SERVER_SIDE_ENCRYPTION
    value: aws:kms
  - name: RCLONE_CONFIG_SNAPSHOTS_SSE_KMS_KEY_ID
    value: {{ . }}
  {{- end }}
  {{- if $s.credentialsSecret }}
  - name: AWS_SHARED_CREDENTIALS_FILE
    value: /run/secrets/s3/credentials
  {{- end }}
resources:
  {{- toYaml $s.resources | nindent 2 }}
securityContext:
  {{- include "nautilus.containerSecurityContext" . | nindent 2 }}
volumeMounts:
  - name: scripts
    mountPath: /etc/vault-scripts
    readOnly: true
  - name: snapshot
    mountPath: /snapshot
    readOnly: true
  - name: tmp
    mountPath: /tmp
  {{- if $s.credentialsSecret }}
  - name: credentials
    mountPath: /run/secrets/s3
    readOnly: true
  {{- end }}
{{- end -}}
