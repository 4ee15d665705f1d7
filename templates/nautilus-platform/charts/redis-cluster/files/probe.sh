#!/bin/sh
# probe.sh live|ready. Live: the process answers at all. Ready: it serves, and once the cluster exists it is whole and,
# on a replica, in sync; a rolling update therefore waits for the cluster and not only for the process.
set -u
REDISCLI_AUTH="$(cat /run/secrets/redis/password)"
export REDISCLI_AUTH
cli() { timeout 4 redis-cli -h "$POD_IP" -p 6379 "$@" 2>&1 | tr -d '\r'; }
reply="$(cli ping)"
if [ "$1" = live ]; then
  case "$reply" in PONG | LOADING* | MASTERDOWN* | BUSY*) exit 0 ;; esac
  echo "no answer: $reply"
  exit 1
fi
[ "$reply" = PONG ] || { echo "not serving: $reply"; exit 1; }
info="$(cli cluster info)"
case "$info" in
  *cluster_slots_assigned:16384*) ;;
  *) exit 0 ;; # not formed yet: forming needs every node reachable
esac
case "$info" in *cluster_state:ok*) ;; *) echo "cluster is not ok"; exit 1 ;; esac
replication="$(cli info replication)"
case "$replication" in
  *role:slave*) case "$replication" in *master_link_status:up*) ;; *) echo "replica is not in sync"; exit 1 ;; esac ;;
esac
exit 0
