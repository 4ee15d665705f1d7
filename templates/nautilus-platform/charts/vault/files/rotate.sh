#!/bin/sh
# Replaces the engine's API keys that are due. For each principal:
#   1. the new key's hash is added to what the engines accept          old and new are good
#   2. the new key is handed to its client (nautilus/clients/NAME)     the client takes it up within a minute
#   3. every older hash gets an end, graceHours from now               afterwards the engines refuse it
# Cut off anywhere, the next run begins again with a further key: nothing that a client may hold is refused before its time.
# A key's secret passes through pipes and memory only, never an argument.
#
# PRINCIPALS, EVERY_SECONDS, GRACE_SECONDS. FORCE=NAME rotates that one now, due or not (with GRACE_SECONDS=0: a leaked key).
set -eu
. "$(dirname "$0")/login.sh"

say() { echo "rotate: $*"; }
utc() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ; }
random() { head -c 4096 /dev/urandom | LC_ALL=C tr -dc 'A-Za-z0-9' | head -c "$1"; }
hex() { od -An -v -tx1 | tr -d ' \n'; }
put() { # put VERSION PATH: the accepted hashes from stdin, unless somebody else wrote meanwhile
  vault kv put -mount=nautilus -cas="$1" "$2" keys=- > /dev/null
}

now="$(date +%s)"
for principal in $PRINCIPALS; do
  path="engine/keys/$principal"
  version=0 lines=""
  # A principal that has no key yet is told from a Vault that does not answer.
  if reply="$(vault read -field=current_version "nautilus/metadata/$path" 2>&1)"; then
    version="$reply"
    [ "$version" -eq 0 ] || lines="$(vault kv get -mount=nautilus -field=keys "$path")"
  else
    case $reply in *"No value found"*) ;; *) say "$principal: $reply" >&2; exit 1 ;; esac
  fi
  # Ids are principal-seconds; those whose end has passed are forgotten.
  kept="" newest=0
  while read -r line; do
    [ -n "$line" ] || continue
    made="$(printf '%s\n' "$line" | sed -n 's/^- {id: [A-Za-z0-9_-]*-\([0-9]*\),.*/\1/p')"
    end="$(printf '%s\n' "$line" | sed -n 's/.*not_after: "\([^"]*\)".*/\1/p')"
    [ "${made:-0}" -le "$newest" ] || newest="$made"
    if [ -n "$end" ] && [ "$(printf '%s\n%s\n' "$end" "$(utc "$now")" | sort | head -n 1)" = "$end" ]; then continue; fi
    kept="$kept$line
"
  done <<LINES
$lines
LINES
  # A run that was cut off leaves more than one key without an end.
  open="$(printf '%s' "$kept" | grep -vc 'not_after' || true)"
  if [ "${FORCE:-}" != "$principal" ] && [ "$((now - newest))" -lt "$EVERY_SECONDS" ] && [ "$open" -eq 1 ]; then
    say "$principal: the key is $(((now - newest) / 86400)) days old, due after $((EVERY_SECONDS / 86400))"
    continue
  fi

  id="$principal-$now" secret="$(random 43)" salt="$(random 32)"
  [ "${#secret}" -eq 43 ] && [ "${#salt}" -eq 32 ] || { say "no random bytes" >&2; exit 1; }
  hash="$(printf '%s%s' "$salt" "$secret" | sha256sum | cut -d' ' -f1)"
  added="- {id: $id, principal: $principal, salt: \"$(printf '%s' "$salt" | hex)\", hash: \"$hash\"}"

  printf '%s%s\n' "$kept" "$added" | put "$version" "$path"
  printf '%s' "$id.$secret" | vault kv put -mount=nautilus "clients/$principal" key=- > /dev/null
  end="$(utc $((now + GRACE_SECONDS)))"
  # Without a grace time, what still had one loses it too.
  if [ "$GRACE_SECONDS" -eq 0 ]; then kept="$(printf '%s' "$kept" | sed 's/, not_after: "[^"]*"//')
"; fi
  { printf '%s' "$kept" | sed "/not_after/!s/}\$/, not_after: \"$end\"}/"; printf '%s\n' "$added"; } | put $((version + 1)) "$path"
  say "$principal: new key $id; the ones before it end at $end"
done
