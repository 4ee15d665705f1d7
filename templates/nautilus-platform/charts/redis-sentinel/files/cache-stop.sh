#!/bin/sh
# A master that is told to stop has a sentinel promote a replica first. Bounded, then SIGTERM comes anyway.
set -u
. /etc/redis/find-master.sh
REDISCLI_AUTH="$(cat /run/secrets/redis/password)"
export REDISCLI_AUTH
state="$(ask "$POD_IP" 6379 "info replication")"
case "$state" in *role:master*) ;; *) exit 0 ;; esac
case "$state" in *connected_slaves:0*) exit 0 ;; esac
for peer in $SENTINEL_PEERS; do
  [ "$(ask "$peer" 26379 "sentinel failover $MASTER_NAME")" != OK ] || break
done
attempt=0
while [ "$attempt" -lt 20 ]; do
  case "$(ask "$POD_IP" 6379 "info replication")" in *role:master*) ;; *) exit 0 ;; esac
  attempt=$((attempt + 1))
  sleep 1
done
exit 0
