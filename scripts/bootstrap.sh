#!/usr/bin/env bash
# Installs the Debian packages that building and testing need: scripts/debian-packages.txt. Does nothing if all are there.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)

mapfile -t wanted < <(sed 's/#.*//; s/[[:space:]]*$//; /^$/d' "$HERE/debian-packages.txt")
missing=()
for package in "${wanted[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "bootstrap: as root: apt-get install ${missing[*]}" >&2; exit 1; }
  root=(sudo)
fi
echo "bootstrap: installing ${missing[*]}" >&2
install() {
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
}
# The tests start daemons themselves; none is to be started by its package. Debian asks this file before it starts one.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap '"${root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" > /dev/null
  "${root[@]}" chmod 0755 "$policy"
fi
# Package lists may be absent or old: fetch them first, and try with what there is if that fails.
"${root[@]}" apt-get update -q >&2 || echo "bootstrap: apt-get update failed; trying with the lists that are there" >&2
install
