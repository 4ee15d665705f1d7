#!/bin/sh
# Starts one sentinel. It learns the current master from the others, so it may lose its file; it waits for the master's
# name to resolve, because a sentinel refuses to start on a name it cannot resolve.
set -eu
umask 077
. /etc/redis/find-master.sh
password="$(cat /run/secrets/redis/password)"
REDISCLI_AUTH="$password"
export REDISCLI_AUTH
attempt=0
while :; do
  master="$(find_master)"
  [ -n "$master" ] || master="${CACHE_PEERS%% *}"
  ! getent ahosts "$master" > /dev/null || break
  attempt=$((attempt + 1))
  [ "$attempt" -lt 60 ] || { echo "no address for $master"; exit 1; }
  sleep 2
done
{
  cat /etc/redis/sentinel.conf
  printf 'requirepass "%s"\nsentinel sentinel-pass "%s"\n' "$password" "$password"
  printf 'sentinel announce-ip %s\nsentinel announce-port 26379\n' "$POD_NAME.$SENTINEL_DOMAIN"
  printf 'sentinel monitor %s %s 6379 %s\n' "$MASTER_NAME" "$master" "$QUORUM"
  printf 'sentinel auth-pass %s "%s"\n' "$MASTER_NAME" "$password"
  printf 'sentinel down-after-milliseconds %s %s\n' "$MASTER_NAME" "$DOWN_AFTER"
  printf 'sentinel failover-timeout %s %s\n' "$MASTER_NAME" "$FAILOVER_TIMEOUT"
  printf 'sentinel parallel-syncs %s 1\n' "$MASTER_NAME"
} > /data/sentinel.conf
unset password REDISCLI_AUTH
exec redis-server /data/sentinel.conf --sentinel
