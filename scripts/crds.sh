#!/usr/bin/env bash
# Collects the CustomResourceDefinitions of third-party operators, as their own projects publish them, for the tests.
#
#   scripts/crds.sh [--print-dir] [PROJECT...]      no PROJECT means all of them
#
# Every project is a pinned Go module under tests/tools/crds: nothing of it is built, only its YAML files are copied to
#   ${XDG_CACHE_HOME:-$HOME/.cache}/nautilusctl-tools/crds/PROJECT.yaml
# and, where a project ships its Helm chart with its source, the chart to .../nautilusctl-tools/charts/PROJECT.
# What is there for the present go.sum is not fetched again. Only the module itself is downloaded, never what it needs:
# no more than its CRDs is wanted of it. Its content must have the sum that go.sum says.
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
MODULES="$HERE/../tests/tools/crds"
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/nautilusctl-tools"
DIR="$CACHE/crds"

# project | files, relative to the module, with shell patterns | folder of its chart
FILES="
istio|kubernetes/customresourcedefinitions.gen.yaml
gateway-api|config/crd/standard/gateway.networking.k8s.io_[!v]*.yaml
prometheus-operator|example/prometheus-operator-crd/*.yaml
argo-cd|manifests/crds/*-crd.yaml
velero|config/crd/v1/bases/*.yaml config/crd/v2alpha1/bases/*.yaml
cert-manager|deploy/crds/*.yaml
vertical-pod-autoscaler|deploy/vpa-v1-crd-gen.yaml
eck|config/crds/v1/all-crds.yaml|deploy/eck-operator
external-secrets|deploy/crds/bundle.yaml
"

names() { printf '%s' "$FILES" | cut -s -d'|' -f1; }

field() { sed -n "s/^[[:space:]]*\"$1\": \"\(.*\)\",\{0,1\}\$/\1/p"; } # of what `go mod download -json` prints

fetch() { # fetch PROJECT PATTERNS CHART
  local project=$1 patterns=$2 chart=$3 module version sum hash target go answer source file
  read -r module version sum < <(head -1 "$MODULES/$project/go.sum")
  hash=$({ cat "$MODULES/$project/go.mod" "$MODULES/$project/go.sum"; printf '%s\n' "$patterns $chart"; } | sha256sum | cut -c1-20)
  target="$DIR/$project.yaml"
  [ "$(sed -n '1s/^# key //p' "$target" 2>/dev/null || true)" = "$hash" ] && return
  go=$("$HERE/go-toolchain.sh")
  echo "crds: getting $module@$version ..." >&2
  # From a folder without go.mod, so that the module's own dependencies are not looked for.
  answer=$(cd "$DIR" && GOTOOLCHAIN=local GOFLAGS=-mod=mod GOWORK=off "$go" mod download -json "$module@$version") ||
    { printf '%s\n' "$answer" | field Error >&2; echo "crds: $project: not to be had" >&2; return 1; }
  [ "$(printf '%s\n' "$answer" | field Sum)" = "$sum" ] ||
    { echo "crds: $project: the module's content is not what go.sum says" >&2; return 1; }
  source=$(printf '%s\n' "$answer" | field Dir)
  {
    echo "# key $hash"
    echo "# $module $version"
    for file in $(cd "$source" && LC_ALL=C eval "ls -d $patterns"); do
      echo '---'
      cat "$source/$file"
      echo
    done
  } > "$DIR/.$project.$$"
  grep -q '^kind: CustomResourceDefinition' "$DIR/.$project.$$" ||
    { rm -f "$DIR/.$project.$$"; echo "crds: $project: no definition in its files" >&2; return 1; }
  if [ -n "$chart" ]; then
    rm -rf "$CACHE/charts/$project"
    mkdir -p "$CACHE/charts"
    cp -r --no-preserve=mode "$source/$chart" "$CACHE/charts/$project"
  fi
  mv -fT "$DIR/.$project.$$" "$target"
}

main() {
  case "${1:-}" in
    --print-dir) printf '%s\n' "$DIR"; exit 0 ;;
    --list) names; exit 0 ;;
    -h|--help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
  esac
  local wanted known failed=0 project patterns chart
  wanted=" $(if [ $# -gt 0 ]; then printf '%s ' "$@"; else names | tr '\n' ' '; fi)"
  known=" $(names | tr '\n' ' ')"
  for project in $wanted; do
    case $known in *" $project "*) ;; *) echo "crds: unknown project '$project'; known:$known" >&2; exit 2 ;; esac
  done
  mkdir -p "$DIR"
  # One that cannot be had does not keep the others away: tests then make do with a definition without a schema.
  while IFS='|' read -r project patterns chart; do
    case $wanted in *" $project "*) fetch "$project" "$patterns" "$chart" || failed=1 ;; esac
  done < <(printf '%s' "$FILES" | sed '/^$/d')
  return $failed
}
main "$@"
