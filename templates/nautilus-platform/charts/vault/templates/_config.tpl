{{- define "vault.replica" -}}
{{- printf "https://vault-%d.vault-internal.%s.svc.%s:8200" .ordinal .root.Values.global.vault.namespace .root.Values.global.clusterDomain -}}
{{- end -}}

{{- define "vault.hcl" -}}
{{- $g := .Values.global -}}
ui            = true
cluster_name  = "nautilus-{{ $g.environment }}"
pid_file      = "/run/vault/vault.pid"
# Memory is not swapped here: Raft's store is mapped, and locking it would hold all of it.
disable_mlock = true
# What a pod is called, and where the others find it, comes from its environment (VAULT_RAFT_NODE_ID, VAULT_API_ADDR, VAULT_CLUSTER_ADDR).
listener "tcp" {
  address         = "0.0.0.0:8200"
  cluster_address = "0.0.0.0:8201"
  tls_cert_file   = "/run/secrets/tls/tls.crt"
  tls_key_file    = "/run/secrets/tls/tls.key"
  tls_min_version = "tls12"
  telemetry {
    # Counters and durations; no secret, no path.
    unauthenticated_metrics_access = true
  }
}
storage "raft" {
  path = "/vault/data"
  {{- range $ordinal := until (int .Values.replicas) }}
  retry_join {
    leader_api_addr     = "{{ include "vault.replica" (dict "root" $ "ordinal" $ordinal) }}"
    leader_ca_cert_file = "/etc/vault-ca/ca.crt"
  }
  {{- end }}
}
{{- if eq .Values.seal.kind "awskms" }}
# Who may use the key is the pod's own identity; no credential is here.
seal "awskms" {
  region     = "{{ .Values.seal.awskms.region }}"
  kms_key_id = "{{ .Values.seal.awskms.keyId }}"
  {{- with .Values.seal.awskms.endpoint }}
  endpoint   = "{{ . }}"
  {{- end }}
}
{{- end }}
# Labels on the pods say which one leads and which is sealed.
service_registration "kubernetes" {}
telemetry {
  prometheus_retention_time = "24h"
  disable_hostname          = true
}
{{- end -}}

{{/* What the servers start from; a change of any of it restarts them one by one. */}}
{{- define "vault.files" -}}
vault.hcl: |
  {{- include "vault.hcl" . | nindent 2 }}
keeper.sh: |
  {{- .Files.Get "files/keeper.sh" | trim | nindent 2 }}
{{- end -}}

{{- define "vault.policy" -}}
{{- range . }}
path "{{ .path }}" {
  capabilities = {{ toJson .capabilities }}
}
{{- end }}
{{- end -}}

{{- define "vault.role" -}}
{{- dict "bound_service_account_names" (list .account) "bound_service_account_namespaces" (list .namespace) "audience" "vault" "alias_name_source" "serviceaccount_name" "token_policies" (list .policy) "token_no_default_policy" false "token_ttl" .ttl "token_max_ttl" .maxTTL | toPrettyJson -}}
{{- end -}}

{{/* Every role, those of this chart's own Jobs too: JSON, name to {namespace, account, rules}. */}}
{{- define "vault.roles" -}}
{{- $ns := .Values.global.vault.namespace -}}
{{- $all := dict -}}
{{- range $name, $role := .Values.roles }}
{{- $rules := list }}
{{- range $role.rules }}
{{- $rules = append $rules (dict "path" (printf "nautilus/%s" .path) "capabilities" .capabilities) }}
{{- end }}
{{- $_ := set $all $name (dict "namespace" $role.namespace "account" $role.account "rules" $rules) }}
{{- end }}
{{- if .Values.snapshots.enabled }}
{{- $_ := set $all "snapshot" (dict "namespace" $ns "account" "vault-snapshot" "rules" (list (dict "path" "sys/storage/raft/snapshot" "capabilities" (list "read")))) }}
{{- end }}
{{- if .Values.keyRotation.enabled }}
{{- $rules := list (dict "path" "nautilus/data/engine/keys/+" "capabilities" (list "create" "read" "update")) (dict "path" "nautilus/metadata/engine/keys/+" "capabilities" (list "read")) (dict "path" "nautilus/data/clients/+" "capabilities" (list "create" "update")) }}
{{- $_ := set $all "key-rotation" (dict "namespace" $ns "account" "vault-key-rotation" "rules" $rules) }}
{{- end }}
{{- toJson $all -}}
{{- end -}}

{{/* What the Job vault-configure itself may: no secret, not its own rights, and no audit device but to look. */}}
{{- define "vault.configureRules" -}}
- {path: sys/mounts, capabilities: [read]}
- {path: sys/mounts/nautilus, capabilities: [create, update]}
- {path: nautilus/config, capabilities: [create, read, update]}
- {path: sys/audit, capabilities: [read, sudo]}
- {path: sys/storage/raft/autopilot/configuration, capabilities: [create, read, update]}
- {path: sys/policies/acl, capabilities: [list]}
- {path: sys/policies/acl/nautilus-*, capabilities: [create, delete, read, update]}
- {path: auth/kubernetes/role, capabilities: [list]}
- {path: auth/kubernetes/role/nautilus-*, capabilities: [create, delete, read, update]}
{{- end -}}

{{/* A CronJob of Vault's: dict root c(name, component, ...) schedule settings command env [init] [volumes] [mounts] [image]. */}}
{{- define "vault.cronJob" -}}
{{- $root := .root -}}
{{- $g := $root.Values.global -}}
apiVersion: batch/v1
kind: CronJob
metadata:
  {{- include "nautilus.metadata" .c | nindent 2 }}
spec:
  schedule: {{ .settings.schedule | quote }}
  timeZone: Etc/UTC
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 300
  successfulJobsHistoryLimit: 1
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      activeDeadlineSeconds: 900
      backoffLimit: 2
      template:
        metadata:
          labels:
            {{- include "nautilus.podLabels" .c | nindent 12 }}
        spec:
          {{- include "nautilus.podBasics" (dict "root" $root "account" .c.name "priority" "nautilus-service" "grace" 30) | nindent 10 }}
          restartPolicy: Never
          securityContext:
            {{- include "nautilus.podSecurityContext" $root.Values | nindent 12 }}
          {{- $job := . }}
          {{- $after := .after }}
          {{- if $after }}
          initContainers:
            - {{ include "vault.jobContainer" $job | nindent 14 | trim }}
          containers:
            - {{ $after | nindent 14 | trim }}
          {{- else }}
          containers:
            - {{ include "vault.jobContainer" $job | nindent 14 | trim }}
          {{- end }}
          volumes:
            - name: scripts
              configMap:
                name: vault-scripts
            {{- include "nautilus.vaultIdentity" $root | nindent 12 }}
            {{- include "nautilus.scratch" (dict "name" "tmp" "size" "16Mi" "medium" "Memory") | nindent 12 }}
            {{- with .volumes }}
            {{- . | nindent 12 }}
            {{- end }}
{{- end -}}

{{- define "vault.jobContainer" -}}
name: {{ .script }}
image: {{ include "nautilus.image" (dict "root" .root "image" .root.Values.global.vault.image) }}
imagePullPolicy: {{ .root.Values.global.images.pullPolicy }}
command: [sh, /etc/vault-scripts/{{ .script }}.sh]
env:
  {{- include "nautilus.vaultEnv" .root | nindent 2 }}
  - name: HOME
    value: /tmp
  - name: ROLE
    value: {{ .role }}
  {{- with .env }}
  {{- . | nindent 2 }}
  {{- end }}
resources:
  {{- toYaml .settings.resources | nindent 2 }}
securityContext:
  {{- include "nautilus.containerSecurityContext" .root | nindent 2 }}
volumeMounts:
  - name: scripts
    mountPath: /etc/vault-scripts
    readOnly: true
  - name: vault-ca
    mountPath: /etc/vault-ca
    readOnly: true
  - name: vault-token
    mountPath: /run/secrets/vault-token
    readOnly: true
  - name: tmp
    mountPath: /tmp
  {{- with .mounts }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end -}}
