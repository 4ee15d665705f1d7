#!/bin/sh
# Makes Vault what the chart declares: the store, policies, roles, autopilot. Idempotent; what is right already is not
# written, what is ours and no longer declared is removed, and what is not ours (no name that begins with nautilus-) is left alone.
# It cannot change its own policy or role; begin.sh does.
set -eu
. "$(dirname "$0")/login.sh"
declared="${DECLARED:-/etc/vault-declared}"

say() { echo "configure: $*"; }

devices="$(vault audit list -format=json)"
for device in log file; do
  printf '%s' "$devices" | grep -q "\"$device/\"" || { say "audit device $device is gone: run begin.sh again" >&2; exit 1; }
done

if ! vault secrets list -format=json | grep -q '"nautilus/"'; then
  vault secrets enable -path=nautilus -version=2 -description="Secrets of the Nautilus platform" kv > /dev/null
  say "store nautilus/ made"
fi
# The newest twenty versions of a secret are kept: a bad one is undone by reading the one before.
# A store that was just made answers with an error for a moment.
tries=0
until vault write nautilus/config max_versions=20 cas_required=false > /dev/null; do
  tries=$((tries + 1))
  [ "$tries" -lt 30 ] || exit 1
  sleep 1
done
# A server that has been gone for a day is struck from the list, as long as a majority remains.
if [ "$MIN_QUORUM" -ge 3 ]; then
  vault operator raft autopilot set-config -cleanup-dead-servers=true -dead-server-last-contact-threshold=24h \
    -min-quorum="$MIN_QUORUM" -server-stabilization-time=10s
fi

for file in "$declared"/*.hcl; do
  name="$(basename "$file" .hcl)"
  if [ "$(vault policy read "$name" 2>/dev/null || true)" != "$(cat "$file")" ]; then
    vault policy write "$name" "$file" > /dev/null
    say "policy $name written"
  fi
done
for file in "$declared"/*.json; do
  name="$(basename "$file" .json)"
  vault write "auth/kubernetes/role/$name" - < "$file" > /dev/null
done
say "roles written: $(cd "$declared" && echo *.json)"

names() { sed -n 's/^ *"\(nautilus-[a-z0-9-]*\)",\{0,1\}$/\1/p'; }
for name in $(vault list -format=json auth/kubernetes/role | names); do
  [ -f "$declared/$name.json" ] || { vault delete "auth/kubernetes/role/$name" > /dev/null; say "role $name is no longer declared: removed"; }
done
for name in $(vault policy list -format=json | names); do
  [ -f "$declared/$name.hcl" ] || { vault policy delete "$name" > /dev/null; say "policy $name is no longer declared: removed"; }
done
