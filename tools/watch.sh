#!/usr/bin/env bash
# Runs the functions under `cargo lambda watch` on the installation in .trunkline: same table, queues and
# bucket, same simulated carrier. Where none is running it starts one that leaves dial, import and scheduler to
# you (`trunkline --by-hand`), and stops it in the end. Arguments go to `cargo lambda watch`.
#
# TRUNKLINE_PROGRAM is a built `trunkline`, if it is not to be built here; PORT is where functions are invoked.
set -euo pipefail
cd "$(dirname "$0")/.."

STATE=${TRUNKLINE_STATE_DIR:-.trunkline}
PORT=${PORT:-9000}

if ! command -v cargo-lambda >/dev/null 2>&1; then
  [ -x tools/.venv/bin/cargo-lambda ] || { python3 -m venv tools/.venv && tools/.venv/bin/pip install --quiet "$(grep '^cargo-lambda==' .ci/python/lambda.txt)"; }
  PATH="$PWD/tools/.venv/bin:$PATH"
fi

# Whether the installation that the file speaks of answers.
answers() {
  # shellcheck source=/dev/null
  [ -r "$STATE/environment" ] &&
    (. "$STATE/environment" && curl -sf --noproxy '*' -o /dev/null "${PUBLIC_URL%/}/health")
}

installation=
watch=
stop() {
  trap - EXIT
  for process in $watch $installation; do kill "$process" 2>/dev/null || true; done
  for process in $watch $installation; do wait "$process" 2>/dev/null || true; done
}
trap stop EXIT
trap 'exit 130' INT TERM

if ! answers; then
  program=${TRUNKLINE_PROGRAM:-}
  if [ -z "$program" ]; then
    cargo build --bin trunkline
    program="${CARGO_TARGET_DIR:-target}/${CARGO_BUILD_TARGET:-}/debug/trunkline"
  fi
  "$program" --by-hand &
  installation=$!
  until answers; do
    kill -0 "$installation" 2>/dev/null || exit 1
    sleep 0.2
  done
fi
set -a
# shellcheck source=/dev/null
. "$STATE/environment"
set +a
cargo lambda watch --wait --invoke-address 127.0.0.1 --invoke-port "$PORT" "$@" &
watch=$!
wait "$watch"
