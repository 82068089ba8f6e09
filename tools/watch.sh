#!/usr/bin/env bash
# Runs the functions under `cargo lambda watch` against the installation that `make run` keeps running:
# same table, queues and bucket, same simulated carrier.
set -euo pipefail
cd "$(dirname "$0")/.."

LAMBDA=1.9.2
STATE=${TRUNKLINE_STATE_DIR:-.trunkline}

[ -r "$STATE/environment" ] || { echo "start \`make run\` first: $STATE/environment is not there" >&2; exit 1; }
if ! command -v cargo-lambda >/dev/null 2>&1; then
  [ -x tools/.venv/bin/cargo-lambda ] || { python3 -m venv tools/.venv && tools/.venv/bin/pip install --quiet "cargo-lambda==$LAMBDA"; }
  PATH="$PWD/tools/.venv/bin:$PATH"
fi
set -a
. "$STATE/environment"
set +a
exec cargo lambda watch --wait --invoke-address 127.0.0.1 --invoke-port "${PORT:-9000}"
