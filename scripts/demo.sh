#!/usr/bin/env bash
# From a bare Debian 12 to a rehearsed production deploy: installs packages, builds, and runs the prod plan on the
# embedded cluster. Nothing outside this machine is touched. Arguments go to `rehearse deploy` (--report FILE, --seed N).
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/bootstrap.sh
scripts/build.sh --preset release nautilusctl
binary=build/release/nautilusctl
[ -x "$binary" ] || { echo "demo: the build left no $binary" >&2; exit 1; }
exec "$binary" rehearse deploy --env prod "$@"
