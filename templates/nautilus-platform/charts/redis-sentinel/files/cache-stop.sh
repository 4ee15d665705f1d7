#!/bin/sh
# A master that is told to stop has a sentinel promote a replica first. Bounded, then SIGTERM comes anyway.
#
# Writes are held back from before the choice: until it is told to follow, some ten seconds after the promotion, the old
# master would go on acknowledging what the new one never sees. Clients lose their connection with the process, ask a
# sentinel, and find the new master there.
set -u
. /etc/redis/find-master.sh
REDISCLI_AUTH="$(cat /run/secrets/redis/password)"
export REDISCLI_AUTH
state="$(ask "$POD_IP" 6379 "info replication")"
case "$state" in *role:master*) ;; *) exit 0 ;; esac
case "$state" in *connected_slaves:0*) exit 0 ;; esac
ask "$POD_IP" 6379 "client pause 30000 write" > /dev/null
# Nothing is written any more, so a replica in sync stands where the master does.
attempt=0
while [ "$attempt" -lt 50 ]; do
  state="$(ask "$POD_IP" 6379 "info replication")"
  offset="$(echo "$state" | sed -n 's/^master_repl_offset://p')"
  case "$state" in *"state=online,offset=$offset,"*) break ;; esac
  attempt=$((attempt + 1))
  sleep 0.1
done
for peer in $SENTINEL_PEERS; do
  [ "$(ask "$peer" 26379 "sentinel failover $MASTER_NAME")" != OK ] || break
done
attempt=0
while [ "$attempt" -lt 40 ]; do
  for peer in $SENTINEL_PEERS; do
    found="$(ask "$peer" 26379 "sentinel get-master-addr-by-name $MASTER_NAME" | sed -n 1p)"
    case "$found" in '' | ERR* | NOAUTH* | "$POD_NAME.$CACHE_DOMAIN") ;; *) exit 0 ;; esac
  done
  attempt=$((attempt + 1))
  sleep 0.5
done
ask "$POD_IP" 6379 "client unpause" > /dev/null
exit 0
