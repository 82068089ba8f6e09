# shellcheck shell=bash
# Starts the independent AWS emulator on a free port of this machine, and stops it when the script ends.
# For scripts to source, after python.sh. Arguments are variables for it, as in AUTH=true. Sets
# `endpoint`, `scratch` (a folder that is removed at the end) and the AWS SDKs' own variables.

scratch=$(mktemp -d)
emulator=
stop_emulator() {
  if [ -n "$emulator" ]; then
    kill "$emulator" 2>/dev/null || true
    wait "$emulator" 2>/dev/null || true
  fi
  rm -rf "$scratch"
}
trap stop_emulator EXIT

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

emulator_log() { tail -n "${1:-20}" "$scratch/log" >&2; }

start_emulator() {
  local port
  tools ministack
  port=$(free_port)
  # shellcheck disable=SC2034 # for the script that sources this
  endpoint="http://127.0.0.1:$port"
  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1
  export AWS_EC2_METADATA_DISABLED=true
  # Nothing of the user's own AWS set-up is to be read, let alone used.
  export AWS_CONFIG_FILE="$scratch/none" AWS_SHARED_CREDENTIALS_FILE="$scratch/none"
  unset AWS_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL
  env BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" STATE_DIR="$scratch/state" S3_DATA_DIR="$scratch/s3" \
    TMPDIR="$scratch" "$@" "${bin:?}/ministack" >"$scratch/log" 2>&1 &
  emulator=$!
  for _ in $(seq 1 120); do
    kill -0 "$emulator" 2>/dev/null || { emulator_log; fail "the emulator ended while starting"; }
    if python3 - "$port" <<'PROBE' 2>/dev/null
import socket, sys
socket.create_connection(("127.0.0.1", int(sys.argv[1])), 0.5).close()
PROBE
    then return; fi
    sleep 0.5
  done
  emulator_log
  fail "the emulator did not start within a minute"
}
