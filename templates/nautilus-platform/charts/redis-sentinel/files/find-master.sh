# Sourced. find_master prints the host name of the master: what a sentinel says, else the node that says so itself and
# has the most replicas, else nothing. SENTINEL_PEERS and CACHE_PEERS are lists of host names.
ask() { timeout 3 redis-cli -h "$1" -p "$2" $3 2>/dev/null | tr -d '\r'; }
find_master() {
  for peer in $SENTINEL_PEERS; do
    found="$(ask "$peer" 26379 "sentinel get-master-addr-by-name $MASTER_NAME" | sed -n 1p)"
    case "$found" in '' | ERR* | NOAUTH* | *-REDIRECT*) ;; *) echo "$found"; return ;; esac
  done
  best=""
  most=-1
  for peer in $CACHE_PEERS; do
    state="$(ask "$peer" 6379 "info replication")"
    case "$state" in *role:master*) ;; *) continue ;; esac
    followers="$(echo "$state" | sed -n 's/^connected_slaves://p')"
    if [ "${followers:-0}" -gt "$most" ]; then
      most="${followers:-0}"
      best="$peer"
    fi
  done
  [ -z "$best" ] || echo "$best"
}
