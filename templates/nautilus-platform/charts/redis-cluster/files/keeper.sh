#!/bin/sh
# Forms the cluster once and keeps it joined. Runs beside every node; every step may be repeated or cut off anywhere.
#
#   nobody has a slot        the first node hands out the slots, when all nodes answer and none is part of a cluster
#   a peer's address is new  meet it again: after a full restart no node knows where the others went
#   this node owns nothing   become a replica of the master that lacks one (a lost disk, or a first start)
#   one replica too many     move it from its master to one that has too few
#   an entry failed for good forget it, when every real peer is connected
#
# REDIS_PEERS: host names, one for each ordinal. REDIS_MASTERS, REDIS_REPLICAS: the wanted shape.
set -u
SLOTS=16384
PORT="${REDIS_PORT:-6379}"
ordinal="${POD_NAME##*-}"
REDISCLI_AUTH="$(cat "${REDIS_PASSWORD_FILE:-/run/secrets/redis/password}")"
export REDISCLI_AUTH

say() { echo "keeper: $*"; }
cli() { timeout 5 redis-cli -h "$1" -p "$PORT" $2 2>/dev/null | tr -d '\r'; }
assigned() { cli "$1" "cluster info" | sed -n 's/^cluster_slots_assigned://p'; }
# Fields of `cluster nodes`: id address flags master ping pong epoch link slot...
owns_slots() { cli "$1" "cluster nodes" | awk '$3 ~ /myself/ && NF > 8 { found = 1 } END { exit !found }'; }

resolve() {
  addresses=""
  found=0
  for peer in $REDIS_PEERS; do
    address="$(getent ahosts "$peer" | awk '{ print $1; exit }')"
    [ -n "$address" ] || continue
    addresses="$addresses $address"
    found=$((found + 1))
  done
}

form() {
  [ "$found" -eq "$total" ] || { say "waiting for $total addresses, $found known"; return; }
  for address in $addresses; do
    count="$(assigned "$address")"
    [ -n "$count" ] || { say "waiting for $address"; return; }
    [ "$count" -lt "$SLOTS" ] || { say "a cluster exists at $address; waiting to be met"; return; }
  done
  index=0
  for address in $addresses; do
    [ "$index" -lt "$REDIS_MASTERS" ] || break
    if ! owns_slots "$address"; then
      first=$((SLOTS * index / REDIS_MASTERS))
      last=$((SLOTS * (index + 1) / REDIS_MASTERS - 1))
      cli "$address" "cluster set-config-epoch $((index + 1))" > /dev/null
      say "slots $first to $last go to $address: $(cli "$address" "cluster addslotsrange $first $last")"
    fi
    index=$((index + 1))
  done
  meet
}

meet() {
  nodes="$(cli "$POD_IP" "cluster nodes")"
  for address in $addresses; do
    [ "$address" != "$POD_IP" ] || continue
    if ! echo "$nodes" | awk -v a="$address:$PORT@" 'index($2, a) == 1 && $8 == "connected" { ok = 1 } END { exit !ok }'; then
      say "meeting $address: $(cli "$POD_IP" "cluster meet $address $PORT")"
    fi
  done
}

# Prints the id of the master that should be followed. Later ordinals prefer the next master round, so that the replica
# of the first master is not the pod that was placed in the same zone as it.
choose_master() {
  echo "$1" | awk -v ordinal="$ordinal" -v masters="$REDIS_MASTERS" -v wanted="$REDIS_REPLICAS" '
    $3 ~ /fail/ { next }
    $3 ~ /master/ && NF > 8 { split($9, range, "-"); id[++n] = $1; start[n] = range[1] + 0 }
    $3 ~ /slave/ { replicas[$4]++ }
    END {
      for (i = 2; i <= n; i++)
        for (j = i; j > 1 && start[j] < start[j - 1]; j--) {
          t = start[j]; start[j] = start[j - 1]; start[j - 1] = t
          t = id[j]; id[j] = id[j - 1]; id[j - 1] = t
        }
      if (n == 0) exit
      preferred = (ordinal + 1) % n + 1
      if (replicas[id[preferred]] + 0 < wanted) { print id[preferred]; exit }
      best = 0
      for (i = 1; i <= n; i++)
        if (best == 0 || replicas[id[i]] + 0 < replicas[id[best]] + 0) best = i
      print id[best]
    }'
}

# Whether a view ($1) holds every peer, connected.
complete() {
  for address in $addresses; do
    echo "$1" | awk -v a="$address:$PORT@" 'index($2, a) == 1 && $8 == "connected" { ok = 1 } END { exit !ok }' || return 1
  done
}

# A node that has just joined does not know yet who follows whom, so a master is asked.
follow() {
  nodes="$(cli "$POD_IP" "cluster nodes")"
  me="$(echo "$nodes" | awk '$3 ~ /myself/ && $3 ~ /master/ && NF == 8 { print $1 }')"
  [ -n "$me" ] || return
  for peer in $addresses; do
    [ "$peer" != "$POD_IP" ] || continue
    view="$(cli "$peer" "cluster nodes")"
    echo "$view" | awk -v me="$me" '$1 == me { known = 1 } $3 ~ /myself/ && NF > 8 { owns = 1 } END { exit !(known && owns) }' || continue
    complete "$view" || continue
    master="$(choose_master "$view")"
    [ -n "$master" ] || continue
    say "following $master: $(cli "$POD_IP" "cluster replicate $master")"
    return
  done
}

# Two nodes that joined at once may have chosen alike. Of the replicas of a master with too many, the one with the last
# id moves; every node sees the same ids, so no other does.
balance() {
  nodes="$(cli "$POD_IP" "cluster nodes")"
  complete "$nodes" || return
  master="$(echo "$nodes" | awk -v wanted="$REDIS_REPLICAS" '
    $3 ~ /fail/ { next }
    $3 ~ /myself/ && $3 ~ /slave/ { me = $1; mine = $4 }
    $3 ~ /slave/ { replicas[$4]++; if (("x" $1) > ("x" last[$4])) last[$4] = $1 }
    $3 ~ /master/ && NF > 8 { id[++n] = $1 }
    END {
      if (me == "" || replicas[mine] <= wanted || last[mine] != me) exit
      for (i = 1; i <= n; i++) if (replicas[id[i]] + 0 < wanted) { print id[i]; exit }
    }')"
  [ -z "$master" ] || say "moving to $master: $(cli "$POD_IP" "cluster replicate $master")"
}

forget() {
  nodes="$(cli "$POD_IP" "cluster nodes")"
  complete "$nodes" || return
  for id in $(echo "$nodes" | awk '$3 !~ /myself/ && $3 !~ /fail\?/ && ($3 ~ /fail/ || $3 ~ /noaddr/) && NF == 8 { print $1 }'); do
    say "forgetting $id: $(cli "$POD_IP" "cluster forget $id")"
  done
}

total=0
for peer in $REDIS_PEERS; do total=$((total + 1)); done
trap 'exit 0' TERM INT
while :; do
  mine="$(assigned "$POD_IP")"
  if [ -n "$mine" ]; then
    resolve
    if [ "$mine" -lt "$SLOTS" ]; then
      if [ "$ordinal" = 0 ]; then form; elif [ "$mine" -gt 0 ]; then meet; fi
    else
      meet
      follow
      [ "$found" -lt "$total" ] || { balance; forget; }
    fi
  fi
  sleep "$KEEPER_PERIOD" &
  wait $!
done
