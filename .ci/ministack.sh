#!/usr/bin/env bash
# Runs the storage conformance suite and the tests of the control plane on ministack, an AWS emulator
# that shares no code with ours, so that the embedded engines are not judged by themselves alone.
#
# Needs python3 (3.10 or newer) and the Python package index. Installs into target/, once.
#
# With arguments it runs these instead, with the emulator's endpoint behind them:
#   .ci/ministack.sh target/release/load import --endpoint
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'ministack: %s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }

command -v python3 >/dev/null || fail "python3 is not installed, so the suite cannot run on it"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
  fail "python3 is older than 3.10, which ministack needs"

pins=$(cksum <.ci/ministack.txt | cut -d' ' -f1)
home="${CARGO_TARGET_DIR:-target}/ministack-$pins"
if [ ! -e "$home/.installed" ]; then
  say "installing the versions of .ci/ministack.txt"
  rm -rf "$home"
  mkdir -p "$(dirname "$home")"
  if python3 -m venv "$home" >/dev/null 2>&1; then
    "$home/bin/python" -m pip install --quiet --disable-pip-version-check -r .ci/ministack.txt ||
      fail "the package index cannot be reached, or lacks a version of .ci/ministack.txt"
  else
    # Some distributions leave venv out of python3.
    rm -rf "$home"
    python3 -m pip install --quiet --disable-pip-version-check --target "$home/packages" \
      -r .ci/ministack.txt ||
      fail "neither venv nor pip works with this python3 (Debian: python3-venv), or the package index cannot be reached"
  fi
  touch "$home/.installed"
fi
python="$home/bin/python"
if [ ! -x "$python" ]; then
  python=$(command -v python3)
  export PYTHONPATH="$home/packages"
fi

scratch=$(mktemp -d)
server=
stop() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$scratch"
}
trap stop EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
endpoint="http://127.0.0.1:$port"
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1
export AWS_EC2_METADATA_DISABLED=true
# Nothing of the user's own AWS set-up is to be read, let alone used.
export AWS_CONFIG_FILE="$scratch/none" AWS_SHARED_CREDENTIALS_FILE="$scratch/none"
unset AWS_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL

BIND_HOST=127.0.0.1 GATEWAY_PORT=$port STATE_DIR="$scratch/state" S3_DATA_DIR="$scratch/s3" \
  "$python" -c 'from importlib.metadata import entry_points as e; (m,) = e(group="console_scripts", name="ministack"); m.load()()' \
  >"$scratch/log" 2>&1 &
server=$!
for attempt in $(seq 1 120); do
  kill -0 "$server" 2>/dev/null || { tail -n 20 "$scratch/log" >&2; fail "it ended while starting"; }
  if python3 - "$port" <<'PROBE' 2>/dev/null
import socket, sys
socket.create_connection(("127.0.0.1", int(sys.argv[1])), 0.5).close()
PROBE
  then break; fi
  [ "$attempt" -lt 120 ] || { tail -n 20 "$scratch/log" >&2; fail "it did not start within a minute"; }
  sleep 0.5
done

if [ $# -gt 0 ]; then
  "$@" "$endpoint"
  exit
fi
say "running the suite on $endpoint"
# The whole workspace is named so that what `make unit` has built is used as it is.
status=0
TRUNKLINE_CONFORMANCE_ENDPOINT="$endpoint" \
  cargo nextest run --locked --workspace --success-output immediate \
    -E 'package(tests) & (test(/^conformance::another/) | test(/^control::/))' 2>&1 |
  tee "$scratch/suite" || status=$?
if [ "$status" -ne 0 ]; then
  say "the last lines of its log:" >&2
  tail -n 20 "$scratch/log" >&2
  fail "some promises were broken (see above)"
fi
# A suite that asked nobody must not look like one that passed.
for service in DYNAMODB SQS S3; do
  grep -q "$service: asking $endpoint" "$scratch/suite" || fail "the suite did not ask it for $service"
done
say "every promise kept"
