#!/bin/sh
# Takes a snapshot of the Raft store and looks whether it is whole, before anybody relies on it.
set -eu
. "$(dirname "$0")/login.sh"
file="${SNAPSHOT:-/snapshot/vault.snap}"
vault operator raft snapshot save "$file"
vault operator raft snapshot inspect "$file" > /dev/null
echo "snapshot: $(wc -c < "$file") bytes, checked"
