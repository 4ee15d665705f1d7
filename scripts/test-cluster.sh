#!/usr/bin/env bash
# A real Kubernetes control plane on loopback for trying things out: scripts/test-cluster.sh up|down|env DIR
#
#   eval "$(scripts/test-cluster.sh up /tmp/c1)"     builds what is missing, starts, sets KUBECONFIG
#   scripts/test-cluster.sh down /tmp/c1
#
# Add --owner $$ to have it stop by itself when this shell ends. Details: docs/architecture/testing.md
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
if [ "${1:-}" = up ]; then
  "$HERE/build-tools.sh" kubectl etcd kube-apiserver kube-controller-manager kube-scheduler kwok
fi
exec python3 "$HERE/../tests/support/cluster/control_plane.py" "$@"
