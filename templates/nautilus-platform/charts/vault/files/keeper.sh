#!/bin/sh
# Beside every server: puts the audit file aside when it is large, and has the server read its certificate again when that
# was renewed. Both are one signal, which Vault answers without dropping a connection.
#
# VAULT_PID_FILE, VAULT_AUDIT_FILE, VAULT_TLS_FILE; AUDIT_ROTATE_BYTES, AUDIT_FILES; KEEPER_SECONDS between two looks.
set -u

say() { echo "keeper: $*"; }
reload() { kill -HUP "$(cat "$VAULT_PID_FILE")" 2>/dev/null || say "no server to tell"; }
size() { if [ -f "$1" ]; then wc -c < "$1"; else echo 0; fi; }
print_of() { sha256sum "$1" 2>/dev/null | cut -d' ' -f1; }

rotate() { # number by number, so that a run that was cut off leaves a gap and loses nothing
  rm -f "$VAULT_AUDIT_FILE.$AUDIT_FILES"
  n=$AUDIT_FILES
  while [ "$n" -gt 1 ]; do
    n=$((n - 1))
    [ ! -f "$VAULT_AUDIT_FILE.$n" ] || mv -f "$VAULT_AUDIT_FILE.$n" "$VAULT_AUDIT_FILE.$((n + 1))"
  done
  mv -f "$VAULT_AUDIT_FILE" "$VAULT_AUDIT_FILE.1"
}

trap 'exit 0' TERM
seen="$(print_of "$VAULT_TLS_FILE")"
while :; do
  now="$(print_of "$VAULT_TLS_FILE")"
  if [ -n "$now" ] && [ "$now" != "$seen" ]; then
    say "the certificate was renewed"
    reload
    seen="$now"
  fi
  if [ "$(size "$VAULT_AUDIT_FILE")" -ge "$AUDIT_ROTATE_BYTES" ]; then
    say "the audit file is put aside"
    rotate
    reload
  fi
  sleep "${KEEPER_SECONDS:-30}" &
  wait $!
done
