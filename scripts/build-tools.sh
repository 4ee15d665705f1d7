#!/usr/bin/env bash
# Builds the programs that the tests are judged by: the Kubernetes control plane, kubectl, Helm, etcd, kwok; and gets the
# operators' CustomResourceDefinitions (tool "crds", by scripts/crds.sh); and what lints manifests: kube-score, and checkov from PyPI.
#
#   scripts/build-tools.sh [--print-bin] [TOOL...]      no TOOL means all but the optional ones
#
# Every tool is a pinned Go module under tests/tools. A build is kept in
#   ${XDG_CACHE_HOME:-$HOME/.cache}/nautilusctl-tools/<hash of go.mod, go.sum, Go files of ours and the build flags>/
# and linked into .../bin, so only the first run pays. What is already there is not built again, and two runs at once
# do not disturb each other: a binary appears by rename when it is complete.
# NAUTILUS_TOOLS_JOBS bounds the compilers that run at once (default: the number of processors).
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
MODULES="$HERE/../tests/tools"
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/nautilusctl-tools"
BIN="$CACHE/bin"
JOBS="${NAUTILUS_TOOLS_JOBS:-$(nproc)}"

KUBE=1.37.2
STAMP=k8s.io/component-base/version
KUBE_LDFLAGS="-X $STAMP.gitVersion=v$KUBE -X $STAMP.gitMajor=1 -X $STAMP.gitMinor=37 -X $STAMP.gitTreeState=archive"
HELM4_LDFLAGS="-X helm.sh/helm/v4/internal/version.version=v4.3.1"
HELM3_LDFLAGS="-X helm.sh/helm/v3/internal/version.version=v3.22.0"
VELERO_LDFLAGS="-X github.com/vmware-tanzu/velero/pkg/buildinfo.Version=v1.18.3"
KWOK_LDFLAGS="-X sigs.k8s.io/kwok/pkg/consts.Version=v0.8.0"
CONTAINERD_LDFLAGS="-X github.com/containerd/containerd/v2/version.Version=v2.4.2"
CONTAINERD_TAGS=no_btrfs,no_devmapper,no_zfs

# name | module folder | package | extra linker flags | build tags. The order is the order of building: quick and most wanted first.
TOOLS="
kubectl|kubernetes|k8s.io/kubernetes/cmd/kubectl|$KUBE_LDFLAGS
etcd|etcd|go.etcd.io/etcd/server/v3|
kube-apiserver|kubernetes|k8s.io/kubernetes/cmd/kube-apiserver|$KUBE_LDFLAGS
kube-controller-manager|kubernetes|k8s.io/kubernetes/cmd/kube-controller-manager|$KUBE_LDFLAGS
kube-scheduler|kubernetes|k8s.io/kubernetes/cmd/kube-scheduler|$KUBE_LDFLAGS
kwok|kwok|sigs.k8s.io/kwok/cmd/kwok|$KWOK_LDFLAGS
helm|helm|helm.sh/helm/v4/cmd/helm|$HELM4_LDFLAGS
helm3|helm3|helm.sh/helm/v3/cmd/helm|$HELM3_LDFLAGS
kubelet|kubernetes|k8s.io/kubernetes/cmd/kubelet|$KUBE_LDFLAGS
kube-proxy|kubernetes|k8s.io/kubernetes/cmd/kube-proxy|$KUBE_LDFLAGS
containerd|containerd|github.com/containerd/containerd/v2/cmd/containerd|$CONTAINERD_LDFLAGS|$CONTAINERD_TAGS
containerd-shim-runc-v2|containerd|github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2|$CONTAINERD_LDFLAGS|$CONTAINERD_TAGS
ctr|containerd|github.com/containerd/containerd/v2/cmd/ctr|$CONTAINERD_LDFLAGS|$CONTAINERD_TAGS
coredns|coredns|.|-X github.com/coredns/coredns/coremain.GitCommit=v1.15.0
kubeconform|kubeconform|github.com/yannh/kubeconform/cmd/kubeconform|
kube-score|kube-score|github.com/zegl/kube-score/cmd/kube-score|
prometheus-adapter|prometheus-adapter|sigs.k8s.io/prometheus-adapter/cmd/adapter|
grafana-schema|grafana-schema|nautilus.invalid/tools/grafana-schema|
checkov|checkov||
crds|crds||
"

# Built only when asked for by name: they take minutes, and the tests that want them say that they were not there.
OPTIONAL="
istioctl|istio|istio.io/istio/istioctl/cmd/istioctl||
pilot-discovery|istio|istio.io/istio/pilot/cmd/pilot-discovery||vtprotobuf,disable_pgv
pilot-agent|istio|istio.io/istio/pilot/cmd/pilot-agent||vtprotobuf,disable_pgv
otel-collector|otel-collector|nautilus.invalid/tools/otel-collector|
versitygw|versitygw|github.com/versity/versitygw/cmd/versitygw|
velero|velero|github.com/vmware-tanzu/velero/cmd/velero|$VELERO_LDFLAGS
velero-plugin-for-aws|velero-plugin-for-aws|github.com/vmware-tanzu/velero-plugin-for-aws/velero-plugin-for-aws|
"

GO=
need_go() {
  [ -n "$GO" ] && return
  GO=$("$HERE/go-toolchain.sh")
  export GOTOOLCHAIN=local CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOWORK=off
}

place() { # place FROM TO: a symbolic link that is never missing while it is replaced
  local next
  next="$2.$$"
  ln -s "$1" "$next"
  mv -fT "$next" "$2"
}

build() { # build NAME MODULE PACKAGE LDFLAGS TAGS
  local name=$1 module=$2 package=$3 ldflags="-s -w${4:+ $4}" tags=${5:-} hash folder started
  hash=$(cd "$MODULES/$module" && { cat go.mod go.sum; cat ./*.go 2>/dev/null || true; printf '%s\n' "$package -trimpath CGO_ENABLED=0 $ldflags${tags:+ $tags}"; } | sha256sum | cut -c1-20)
  folder="$CACHE/$hash"
  if [ ! -x "$folder/$name" ]; then
    need_go
    mkdir -p "$folder"
    started=$(date +%s)
    echo "build-tools: building $name ..." >&2
    (cd "$MODULES/$module" && "$GO" build -p "$JOBS" -trimpath ${tags:+-tags "$tags"} -ldflags "$ldflags" -o "$folder/.$name.$$" "$package") ||
      { rm -f "$folder/.$name.$$"; echo "build-tools: $name did not build" >&2; return 1; }
    mv -fT "$folder/.$name.$$" "$folder/$name"
    echo "build-tools: $name took $(($(date +%s) - started)) s" >&2
  fi
  mkdir -p "$BIN"
  [ "$(readlink "$BIN/$name" || true)" = "../$hash/$name" ] || place "../$hash/$name" "$BIN/$name"
}

kwok_stages() { # kwok has no behaviour built in; what its pods, nodes and volumes do comes from files of its module and of ours
  local hash folder source
  hash=$(cd "$MODULES/kwok" && cat go.mod go.sum ./*.yaml | sha256sum | cut -c1-20)
  folder="$CACHE/stages-$hash"
  if [ ! -s "$folder/stages.yaml" ]; then
    need_go
    source=$(cd "$MODULES/kwok" && "$GO" mod download sigs.k8s.io/kwok && "$GO" list -m -f '{{.Dir}}' sigs.k8s.io/kwok)/kustomize/stage
    mkdir -p "$folder"
    local file
    for file in "$source"/node/fast/node-initialize.yaml "$source"/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml \
                "$source"/pod/fast/pod-*.yaml "$source"/volume/fast/*.yaml "$MODULES"/kwok/*.yaml; do
      case $file in */kustomization.yaml | */storage-class.yaml) continue ;; esac
      echo '---'
      # Its volumes know one storage class by name; the tests' clusters have several, and all are provisioned alike.
      sed "s/self\.spec\.storageClassName == 'kwok-volume'/self.spec.storageClassName != ''/" "$file"
    done > "$folder/.stages.$$"
    mv -fT "$folder/.stages.$$" "$folder/stages.yaml"
  fi
  mkdir -p "$CACHE/share"
  [ "$(readlink "$CACHE/share/kwok-stages.yaml" || true)" = "../stages-$hash/stages.yaml" ] ||
    place "../stages-$hash/stages.yaml" "$CACHE/share/kwok-stages.yaml"
}

checkov_venv() { # a venv cannot be moved, so it is made where it stays; the link to it appears when it is complete
  local hash folder
  hash=$(sha256sum < "$MODULES/checkov/requirements.txt" | cut -c1-20)
  folder="$CACHE/checkov-$hash"
  mkdir -p "$folder" "$BIN"
  (
    flock 9
    if [ ! -e "$folder/complete" ]; then
      echo "build-tools: installing checkov ..." >&2
      rm -rf "$folder/venv"
      python3 -m venv "$folder/venv" &&
        "$folder/venv/bin/pip" --disable-pip-version-check --quiet install --no-deps --require-hashes --only-binary :all: \
          -r "$MODULES/checkov/requirements.txt" >&2 && touch "$folder/complete"
    fi
  ) 9> "$folder/lock" || { echo "build-tools: checkov could not be installed, its test says so" >&2; return 0; }
  [ "$(readlink "$BIN/checkov" || true)" = "../checkov-$hash/venv/bin/checkov" ] || place "../checkov-$hash/venv/bin/checkov" "$BIN/checkov"
}

names() { printf '%s\n' "$@" | cut -s -d'|' -f1; }

main() {
  case "${1:-}" in
    --print-bin) printf '%s\n' "$BIN"; exit 0 ;;
    --list) names "$TOOLS"; exit 0 ;;
    -h|--help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
  esac
  local wanted known
  wanted=" $(if [ $# -gt 0 ]; then printf '%s ' "$@"; else names "$TOOLS" | tr '\n' ' '; fi)"
  known=" $(names "$TOOLS" "$OPTIONAL" | tr '\n' ' ')"
  for tool in $wanted; do
    case $known in *" $tool "*) ;; *) echo "build-tools: unknown tool '$tool'; known:$known" >&2; exit 2 ;; esac
  done
  while IFS='|' read -r name module package ldflags tags; do
    case $wanted in *" $name "*) ;; *) continue ;; esac
    if [ "$name" = crds ]; then
      # Tests that want a project's definitions and do not find them say so themselves.
      "$HERE/crds.sh" || echo "build-tools: some definitions are missing, their tests use stand-ins" >&2
      continue
    fi
    if [ "$name" = checkov ]; then checkov_venv; continue; fi
    build "$name" "$module" "$package" "$ldflags" "${tags:-}"
    if [ "$name" = kwok ]; then kwok_stages; fi
  done < <(printf '%s\n' "$TOOLS" "$OPTIONAL" | sed '/^$/d')
}
main "$@"
