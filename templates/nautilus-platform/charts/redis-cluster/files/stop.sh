#!/bin/sh
# Before a master stops, a replica in sync takes over: no wait for the node timeout. Bounded, then SIGTERM comes anyway.
set -u
REDISCLI_AUTH="$(cat /run/secrets/redis/password)"
export REDISCLI_AUTH
cli() { timeout 4 redis-cli -h "$@" 2>/dev/null | tr -d '\r'; }
role="$(cli "$POD_IP" -p 6379 role)"
[ "$(echo "$role" | sed -n 1p)" = master ] || exit 0
replica="$(echo "$role" | sed -n 3p)"
[ -n "$replica" ] || exit 0
cli "$replica" -p 6379 cluster failover
attempt=0
while [ "$attempt" -lt 20 ]; do
  [ "$(cli "$POD_IP" -p 6379 role | sed -n 1p)" = master ] || exit 0
  attempt=$((attempt + 1))
  sleep 1
done
exit 0
