#!/bin/sh
# Starts one cache node under its own name: as a replica of the master there is, else the first node is the master.
# Sentinel rewrites the configuration when it fails over, so that lives in scratch space, not in the ConfigMap.
set -eu
umask 077
. /etc/redis/find-master.sh
password="$(cat /run/secrets/redis/password)"
REDISCLI_AUTH="$password"
export REDISCLI_AUTH
self="$POD_NAME.$CACHE_DOMAIN"
master="$(find_master)"
[ -n "$master" ] || master="${CACHE_PEERS%% *}"
{
  cat /etc/redis/redis.conf
  printf 'requirepass "%s"\nmasterauth "%s"\n' "$password" "$password"
  printf 'replica-announce-ip %s\nreplica-announce-port 6379\n' "$self"
  [ "$master" = "$self" ] || printf 'replicaof %s 6379\n' "$master"
} > /data/redis.conf
unset password REDISCLI_AUTH
exec redis-server /data/redis.conf
