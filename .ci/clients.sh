#!/usr/bin/env bash
# Clients that share no code with ours, on a laptop's installation: the carrier's and the vendors' own client
# libraries against the simulated sides, and a simulator of the carrier's media streams as the far end of the media
# worker (tests/clients). What was counted meanwhile is scraped, and judged by Prometheus' own tool.
#
# Needs python3 (3.11 or newer) and the Python package index. TRUNKLINE_PROGRAM is a built `trunkline`, if it is not
# to be built here.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/python.sh

[ -x tools/bin/promtool ] || fail "promtool is missing: tools/install.sh brings it where there is apt-get"
tools clients
program=${TRUNKLINE_PROGRAM:-}
if [ -z "$program" ]; then
  # As the tests are built, so that what is there is used as it is.
  cargo build --locked --workspace --bins --tests --quiet
  program="${CARGO_TARGET_DIR:-target}/${CARGO_BUILD_TARGET:-}/debug/trunkline"
fi

state=$(mktemp -d)
installation=
stop() {
  trap - EXIT
  if [ -n "$installation" ]; then
    kill "$installation" 2>/dev/null || true
    wait "$installation" 2>/dev/null || true
  fi
  rm -rf "$state"
}
trap stop EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export TRUNKLINE_STATE_DIR="$state" TRUNKLINE_LOG_FORMAT=text NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
TRUNKLINE_PORT="$port" "$program" --quiet >"$state/said" 2>&1 &
installation=$!
started=$SECONDS
until curl -sf -o "$state/scrape" "http://127.0.0.1:$port/metrics"; do
  kill -0 "$installation" 2>/dev/null || { cat "$state/said" >&2; fail "the installation did not start"; }
  [ $((SECONDS - started)) -lt 60 ] || fail "the installation did not start within a minute"
  sleep 0.2
done

# Nobody has called yet: a call that is dropped now must show as a rate.
grep -q '^trunkline_calls_dropped_total{reason="worker_lost"} 0$' "$state/scrape" ||
  fail "a counter does not begin at 0"

timeout 300 "$bin/python" tests/clients || {
  tail -n 20 "$state/trunkline.log" >&2
  fail "a client of other hands was not served as it expects (see above)"
}

curl -sf -o "$state/scrape" "http://127.0.0.1:$port/metrics"
tools/bin/promtool check metrics <"$state/scrape" || fail "promtool finds fault with the metrics (see above)"
say "$(grep -c '^trunkline_' "$state/scrape") series scraped, and promtool finds no fault"
