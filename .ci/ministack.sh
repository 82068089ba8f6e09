#!/usr/bin/env bash
# Runs the storage conformance suite and the tests of the control plane on ministack, an AWS emulator
# that shares no code with ours, so that the embedded engines are not judged by themselves alone.
#
# Needs python3 (3.10 or newer) and the Python package index. Installs into target/, once.
#
# With arguments it runs these instead, with the emulator's endpoint behind them:
#   .ci/ministack.sh target/deploy/load import --endpoint
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/python.sh
. .ci/emulator.sh

# shellcheck disable=SC2119 # no variables of its own
start_emulator
if [ $# -gt 0 ]; then
  "$@" "$endpoint"
  exit
fi
say "running the suite on $endpoint"
# The whole workspace is named so that what `make unit` has built is used as it is.
status=0
TRUNKLINE_CONFORMANCE_ENDPOINT="$endpoint" \
  cargo nextest run --locked --workspace --run-ignored all --success-output immediate \
    -E 'package(tests) & (test(/^conformance::another/) | test(/^control::/))' 2>&1 |
  tee "$scratch/suite" || status=$?
if [ "$status" -ne 0 ]; then
  say "the last lines of its log:" >&2
  emulator_log
  fail "some promises were broken (see above)"
fi
# A suite that asked nobody must not look like one that passed.
for service in DYNAMODB SQS S3; do
  grep -q "$service: asking $endpoint" "$scratch/suite" || fail "the suite did not ask it for $service"
done
say "every promise kept"
