#!/usr/bin/env bash
# Installs the checkers that `make test` calls, those only that are missing. Versions are pinned here.
set -euo pipefail
cd "$(dirname "$0")"

NEXTEST=0.9.143
MACHETE=0.9.2
DENY=0.20.2
TYPOS=1.52.0

have() { command -v "$1" >/dev/null 2>&1; }

have cargo-nextest || cargo install --locked --quiet "cargo-nextest@$NEXTEST"
have cargo-machete || cargo install --locked --quiet "cargo-machete@$MACHETE"

have cargo-deny || cargo install --locked --quiet "cargo-deny@$DENY"

# A binary in a wheel, so that nothing has to be compiled.
if [ ! -x bin/typos ]; then
  python3 -m venv .venv
  .venv/bin/pip install --quiet "typos==$TYPOS"
  mkdir -p bin
  ln -sf ../.venv/bin/typos bin/typos
fi
