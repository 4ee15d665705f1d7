#!/usr/bin/env bash
# Checks the platform's chart: tests/platform/run.sh HELM [MORE_HELMS...]
# Renders every environment with each helm given, checks the objects, and runs what can run of them on real daemons.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
[ $# -gt 0 ] || { echo "usage: $0 HELM..." >&2; exit 2; }
OUT=$(mktemp -d)
trap 'rm -rf "$OUT"' EXIT
for helm in "$@"; do
  "$helm" lint --quiet --strict "$ROOT/templates/nautilus-platform"
  for environment in prod staging dev; do
    folder="$ROOT/manifests/environments/$environment"
    "$helm" template "nautilus-$environment" "$ROOT/templates/nautilus-platform" --namespace nautilus-trading \
      --kube-version v1.37.2 --values "$folder"/values-*.yaml > "$OUT/$environment.yaml"
    python3 "$HERE/check_rendered.py" "$folder/environment.yaml" "$OUT/$environment.yaml"
  done
done
if command -v redis-server > /dev/null && command -v redis-cli > /dev/null; then
  python3 "$HERE/redis_cluster_test.py" "$OUT/prod.yaml"
else
  echo "skipped: redis-server is not installed"
fi
