#!/bin/sh
# Keys for the encryption of etcd where no key service is to be had: makes and rotates an EncryptionConfiguration with the
# provider secretbox. The file holds the keys: mode 0600, one copy in a safe, never in a repository.
#
#   encryption-keys.sh new FILE       a key that everybody can read with; nothing is encrypted yet. Refuses to overwrite
#   encryption-keys.sh promote FILE   it writes from now on; then write everything again (below)
#
#   encryption-keys.sh add FILE       1. a second key that everybody can read with and nobody writes with yet
#   encryption-keys.sh promote FILE   2. the second key writes from now on, the first still reads
#                                     3. write everything again:
#                                        kubectl get secrets,configmaps -A -o json | kubectl replace -f -
#   encryption-keys.sh drop FILE      4. the old key is gone: what was not written again can no longer be read
#   encryption-keys.sh show FILE      the names of the keys, the one that writes first
#
# Between two steps every API server has to have read the file, the same on each host. The order matters: a server that
# writes with a key that another one cannot read with yet makes objects that the other one cannot serve.
set -eu

fail() { echo "encryption-keys: $*" >&2; exit 1; }
usage() { sed -n '2,17s/^# \{0,1\}//p' "$0" >&2; exit 2; }

keys() { sed -n 's/^ *- {name: \([^,]*\), secret: \(.*\)}$/\1 \2/p' "$file"; }
count() { keys | wc -l; }
idle() { grep -q '^# Nothing is encrypted yet' "$file"; }
fresh() { # a name that sorts by time and 256 random bits; through a pipe, so that no argument list shows it
  printf '%s ' "key-$(date -u +%Y%m%dT%H%M%SZ)-$(head -c 4 /dev/urandom | od -An -tx1 | tr -d ' \n')"
  head -c 32 /dev/urandom | base64
}
write() { # write idle|active: from lines "name secret" on stdin, the one that writes first
  umask 077
  {
    echo "# Made by encryption-keys.sh. The first provider writes, and of its keys the first one; all of them read."
    [ "$1" = active ] || echo "# Nothing is encrypted yet: 'promote' does that, once every API server has read this."
    echo "apiVersion: apiserver.config.k8s.io/v1"
    echo "kind: EncryptionConfiguration"
    echo "resources:"
    echo "  - resources: [secrets, configmaps]"
    echo "    providers:"
    [ "$1" = active ] || echo "      - identity: {}"
    echo "      - secretbox:"
    echo "          keys:"
    while read -r name secret; do echo "            - {name: $name, secret: $secret}"; done
    [ "$1" = idle ] || echo "      - identity: {}"
  } > "$file.new"
  mv -f "$file.new" "$file"
}

[ $# -eq 2 ] || usage
verb=$1 file=$2
case $verb in
  new) [ ! -e "$file" ] || fail "$file exists; 'add' makes a further key" ;;
  add | promote | drop | show)
    [ -r "$file" ] || fail "$file cannot be read"
    [ "$(count)" -gt 0 ] || fail "$file has no key that this script wrote" ;;
  *) usage ;;
esac
case $verb in
  new) fresh | write idle ;;
  add)
    if idle; then fail "the first key does not write yet: 'promote' comes first"; fi
    [ "$(count)" -eq 1 ] || fail "$file has $(count) keys: a rotation is going on; finish it with promote and drop"
    { keys; fresh; } | write active ;;
  promote)
    if idle; then
      keys | write active
    else
      [ "$(count)" -eq 2 ] || fail "$file has one key, and it writes already: 'add' makes another"
      { keys | tail -n 1; keys | head -n 1; } | write active
    fi ;;
  drop)
    [ "$(count)" -eq 2 ] || fail "$file has one key: nothing to drop"
    keys | head -n 1 | write active ;;
  show) keys | cut -d' ' -f1 ;;
esac
