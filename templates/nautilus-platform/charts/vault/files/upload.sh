#!/bin/sh
# Copies the snapshot into the object store under the time it was taken. Nothing there is ever overwritten or removed from
# here: how long one is kept is the bucket's rule (lifecycle, Object Lock), so that who breaks in here cannot remove any.
set -eu
name="$(date -u +%Y/%m/%d/%H%M%SZ).snap"
rclone copyto --immutable --s3-no-check-bucket "${SNAPSHOT:-/snapshot/vault.snap}" "snapshots:$SNAPSHOT_PLACE/$name"
echo "upload: $SNAPSHOT_PLACE/$name"
