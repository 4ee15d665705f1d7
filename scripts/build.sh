#!/usr/bin/env bash
# Installs what is missing, configures and builds: scripts/build.sh [--preset release|debug|asan|tsan] [TARGET...]   (default: release, everything)
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/bootstrap.sh
preset=release
if [ "${1:-}" = --preset ]; then
  preset=$2
  shift 2
fi
[ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" >&2
targets=()
for target in "$@"; do targets+=(--target "$target"); done
cmake --build --preset "$preset" "${targets[@]}" >&2
