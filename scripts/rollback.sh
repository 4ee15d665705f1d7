#!/usr/bin/env bash
# rollback.sh COMPONENT REASON: brings a component back to what ran before, at once. The same as `nautilusctl rollback`;
# in the controller's image it is /scripts/rollback.sh. The environment is NAUTILUS_ENVIRONMENT (default: prod).
set -euo pipefail
if [ $# -ne 2 ] || [ -z "$1" ] || [ -z "$2" ]; then
  echo "usage: rollback.sh COMPONENT REASON    for example: rollback.sh backend \"performance-degradation\"" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
for candidate in "$here/../nautilusctl" "$here/../build/release/nautilusctl"; do
  if [ -x "$candidate" ]; then exec "$candidate" rollback "$1" --env "${NAUTILUS_ENVIRONMENT:-prod}" --reason "$2" --yes; fi
done
exec nautilusctl rollback "$1" --env "${NAUTILUS_ENVIRONMENT:-prod}" --reason "$2" --yes
