{{/*
Secrets from Vault, as files (global.vault.inject). The agent that fetches them stands in the pod template itself and is not
put there by a webhook: what is planned is what runs, pinned like every other image, and neither the start of a pod nor the
right to change every pod of the cluster hangs on one more service. docs/security/vault.md.
*/}}

{{/* Where Vault is. Takes the root context. */}}
{{- define "nautilus.vaultHost" -}}
{{- printf "vault.%s.svc.%s" .Values.global.vault.namespace .Values.global.clusterDomain -}}
{{- end -}}

{{/* What every program that asks Vault is told: the root context. The authority is mounted at /etc/vault-ca. */}}
{{- define "nautilus.vaultEnv" -}}
- name: VAULT_ADDR
  value: https://{{ include "nautilus.vaultHost" . }}:8200
- name: VAULT_CACERT
  value: /etc/vault-ca/ca.crt
{{- end -}}

{{/* The way there, for a component's policy: the root context. JSON, one flow. */}}
{{- define "nautilus.vaultFlow" -}}
{{- $pods := dict "app.kubernetes.io/name" "vault" "app.kubernetes.io/part-of" "nautilus-platform" -}}
{{- dict "peers" (list (dict "namespace" .Values.global.vault.namespace "podLabels" $pods)) "ports" (list 8200) | toJson -}}
{{- end -}}

{{/*
The agent's settings and its templates, one ConfigMap: dict root name component role files. `files` maps the name of the
file that the application reads to the template that makes it.
*/}}
{{- define "nautilus.vaultAgentFiles" -}}
agent.hcl: |
  # Vault's token is kept in memory; only the secrets become files, in memory too.
  disable_mlock = true
  auto_auth {
    method "kubernetes" {
      mount_path = "auth/kubernetes"
      config = {
        role       = "nautilus-{{ .role }}"
        token_path = "/run/secrets/vault-token/token"
      }
    }
  }
  template_config {
    # How soon a secret that was changed in Vault is in the pod.
    static_secret_render_interval = "{{ int .root.Values.global.vault.agent.renewSeconds }}s"
    # A Vault that is away: the files stay as they are, and it is asked again.
    exit_on_retry_failure = false
  }
  {{- range $file, $template := .files }}
  template {
    source               = "/etc/vault-agent/{{ $file }}.ctmpl"
    destination          = "/run/secrets/vault/{{ $file }}"
    perms                = "0440"
    error_on_missing_key = true
  }
  {{- end }}
{{- range $file, $template := .files }}
{{ $file }}.ctmpl: |
  {{- $template | trim | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "nautilus.vaultAgentConfig" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "nautilus.metadata" (merge (dict "objectName" (printf "%s-vault-agent" .name)) (pick . "root" "name" "component")) | nindent 2 }}
data:
  {{- include "nautilus.vaultAgentFiles" . | nindent 2 }}
{{- end -}}

{{/*
The agent: a container that starts before the application and stays beside it. The application starts once every file is
there. Dict root files.
*/}}
{{- define "nautilus.vaultAgent" -}}
{{- $g := .root.Values.global -}}
- name: vault-agent
  image: {{ include "nautilus.image" (dict "root" .root "image" $g.vault.image) }}
  imagePullPolicy: {{ $g.images.pullPolicy }}
  restartPolicy: Always
  command: [vault, agent, -config=/etc/vault-agent/agent.hcl]
  env:
    {{- include "nautilus.vaultEnv" .root | nindent 4 }}
    - name: HOME
      value: /run/secrets/vault
  startupProbe:
    exec:
      command: [sh, -c, "cd /run/secrets/vault && for file in {{ keys .files | sortAlpha | join " " }}; do [ -s $file ] || exit 1; done"]
    periodSeconds: 1
    timeoutSeconds: 2
    # A minute short of an hour: Vault may be about to be unsealed, and a restart would help nobody.
    failureThreshold: 3540
  resources:
    {{- toYaml $g.vault.agent.resources | nindent 4 }}
  securityContext:
    {{- include "nautilus.containerSecurityContext" .root | nindent 4 }}
  volumeMounts:
    - name: vault-agent
      mountPath: /etc/vault-agent
      readOnly: true
    - name: vault-ca
      mountPath: /etc/vault-ca
      readOnly: true
    - name: vault-token
      mountPath: /run/secrets/vault-token
      readOnly: true
    - name: vault-secrets
      mountPath: /run/secrets/vault
{{- end -}}

{{/* A token of the pod's account that only Vault takes, and the authority Vault is known by: the root context. */}}
{{- define "nautilus.vaultIdentity" -}}
- name: vault-ca
  configMap:
    name: vault-ca
- name: vault-token
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken:
          path: token
          audience: vault
          expirationSeconds: 900
{{- end -}}

{{/* The agent's volumes: dict root name. The application mounts `vault-secrets`. */}}
{{- define "nautilus.vaultVolumes" -}}
- name: vault-agent
  configMap:
    name: {{ .name }}-vault-agent
{{ include "nautilus.vaultIdentity" .root }}
{{ include "nautilus.scratch" (dict "name" "vault-secrets" "size" "4Mi" "medium" "Memory") }}
{{- end -}}
