#!/usr/bin/env bash
# Runs what README says of functions under `cargo lambda watch`, word for word, and looks at what came of it:
# every function with every kind of event, on an installation in a folder of its own.
#
# Needs python3 (3.10 or newer) and the Python package index. Arguments go to `cargo lambda watch`.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/python.sh

# shellcheck disable=SC2016 # the fences of Markdown are no commands
readme_commands() {
  sed -n '/^### The functions under/,/^##/p' README.md | sed -n '/^```bash$/,/^```$/p' | sed '/^```/d'
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

tools lambda
export PATH="$bin:$PATH" NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
state=$(mktemp -d)
watch=
stop() {
  trap - EXIT
  if [ -n "$watch" ]; then
    kill "$watch" 2>/dev/null || true
    wait "$watch" 2>/dev/null || true
  fi
  rm -rf "$state"
}
trap stop EXIT

# Functions are linked to what the tests have built, where they have been.
started=$SECONDS
port=$(free_port)
export TRUNKLINE_STATE_DIR="$state" TRUNKLINE_LOG_FORMAT=text
TRUNKLINE_PORT=$(free_port) PORT="$port" tools/watch.sh --features local/as-tested "$@" >"$state/watch.log" 2>&1 &
watch=$!
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
  kill -0 "$watch" 2>/dev/null || { cat "$state/watch.log" >&2; fail "cargo lambda watch did not start"; }
  [ $((SECONDS - started)) -lt 600 ] || fail "cargo lambda watch did not start within ten minutes"
  sleep 0.5
done
say "up in $((SECONDS - started)) s"

commands=$(readme_commands)
[ "$(grep -c '^invoke ' <<<"$commands")" -ge 7 ] || fail "the README's commands were not found"
started=$SECONDS
mkdir -p "$state/target"
commands=${commands//9000/$port}
commands=${commands//.trunkline\//$state/}
commands=${commands//target\/list/$state/target/list}
bash -c "set -eo pipefail; $commands" >"$state/answers" 2>"$state/problems" ||
  { tail -n 40 "$state/answers" "$state/problems" "$state/watch.log" >&2; fail "a command of the README failed"; }
say "the README's commands, with building the functions, in $((SECONDS - started)) s"

# What each came to. The last look at a thing counts.
expect() {
  grep -Eq "$2" "$state/answers" ||
    { cat "$state/answers" "$state/problems" >&2; tail -n 40 "$state/watch.log" >&2; fail "$1"; }
}
expect "the API did not answer its function URL" '^\{"items":\[\{"id":"agent_'
expect "the API did not answer an event of API Gateway's" '"statusCode":200.*agent_'
expect "dial did not take its message" '^\{"batchItemFailures":\[\]\}'
expect "an unsigned webhook was not refused" '"statusCode":403.*signature_refused'
expect "a signed webhook was not taken" '"statusCode":204'
expect "the call did not end as the webhook said" '"state":"ended".*"outcome":"busy"'
! grep -n '"code":' "$state/answers" | grep -v signature_refused >&2 || fail "a request of the README was refused"
expect "the list did not become a lead" '"state":"completed".*"added":1'
expect "the event did not wake the planner" '"waiting":0,"calling":1'
expect "the tick did not plan" '"waiting":0,"calling":2'
say "every function did what it should with every kind of event"
