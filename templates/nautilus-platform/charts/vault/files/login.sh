# Sourced: logs in as ROLE with the pod's own token, which is good for Vault alone. Vault's token stays in memory.
VAULT_TOKEN="$(vault write -field=token auth/kubernetes/login role="$ROLE" jwt=- < "${VAULT_JWT_FILE:-/run/secrets/vault-token/token}")" ||
  { echo "$ROLE: Vault at $VAULT_ADDR did not let this account in; is it initialised, unsealed and begun (docs/security/vault.md)?" >&2; exit 1; }
export VAULT_TOKEN
