#!/bin/sh
# Once, after `vault operator init`, with the root token on standard input:
#   kubectl -n vault exec -i vault-0 -c vault -- sh /etc/vault/begin.sh < root-token
# Audit devices first, so that everything after them is on record; then what the Job vault-configure needs to do the rest by
# itself. May be repeated.
set -eu
read -r VAULT_TOKEN
export VAULT_TOKEN
here="$(dirname "$0")"

devices="$(vault audit list -format=json 2>/dev/null || true)"
have() { printf '%s' "$devices" | grep -q "\"$1/\""; }
have log || vault audit enable -path=log file file_path="${VAULT_AUDIT_LOG:-stdout}"
have file || vault audit enable -path=file file file_path="$VAULT_AUDIT_FILE"

vault auth list -format=json | grep -q '"kubernetes/"' || vault auth enable kubernetes
vault write auth/kubernetes/config kubernetes_host="${VAULT_KUBERNETES_HOST:-https://kubernetes.default.svc}" ${VAULT_KUBERNETES_CONFIG:-}
vault policy write vault-configure "$here/vault-configure.hcl"
vault write auth/kubernetes/role/vault-configure - < "$here/vault-configure.json"
echo "begun; now: kubectl -n vault create job --from=cronjob/vault-configure vault-configure-first"
