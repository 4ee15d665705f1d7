#!/bin/sh
# probe.sh PORT live|ready. A cache replica is ready when it is in sync with its master.
set -u
REDISCLI_AUTH="$(cat /run/secrets/redis/password)"
export REDISCLI_AUTH
cli() { timeout 4 redis-cli -h "$POD_IP" -p "$PORT" "$@" 2>&1 | tr -d '\r'; }
PORT="$1"
reply="$(cli ping)"
if [ "$2" = live ]; then
  case "$reply" in PONG | LOADING* | MASTERDOWN* | BUSY*) exit 0 ;; esac
  echo "no answer: $reply"
  exit 1
fi
[ "$reply" = PONG ] || { echo "not serving: $reply"; exit 1; }
[ "$PORT" = 6379 ] || exit 0
replication="$(cli info replication)"
case "$replication" in
  *role:slave*) case "$replication" in *master_link_status:up*) ;; *) echo "replica is not in sync"; exit 1 ;; esac ;;
esac
exit 0
