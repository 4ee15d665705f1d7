#!/usr/bin/env bash
# Records again what real Go prints for every case of the template engine's tests.
set -euo pipefail
cd "$(dirname "$0")"
for file in ../../unit/core/gotmpl/cases/*.json; do
  go run . "$file" > "$file.new"
  mv "$file.new" "$file"
done
