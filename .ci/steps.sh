# shellcheck shell=bash
# The gate's steps, each with its wall time, and what they came to at the end, whether it is green or not. For
# .ci/run to source. The table "The gate, step by step" of docs/measurements.md has the time that each has taken.

step_times=$(mktemp)
step_under_way=
beside=

# step NAME COMMAND …: the name is the one of the table.
step() {
  step_under_way=$1
  local started=$SECONDS
  printf '\n==== %s\n' "$1"
  "${@:2}"
  printf '%s\t%s\n' "$1" $((SECONDS - started)) >>"$step_times"
  step_under_way=
}

# Runs a function of steps beside the steps that follow it, until `together`.
beside() {
  beside_said=$(mktemp)
  "$1" >"$beside_said" 2>&1 &
  beside=$!
}

# Waits for what runs beside, and passes on what it has said.
together() {
  local status=0
  wait "$beside" || status=$?
  beside=
  cat "$beside_said"
  rm -f "$beside_said"
  [ "$status" = 0 ] || step_under_way=${step_under_way:-"what ran beside"}
  return "$status"
}

step_summary() {
  local status=$?
  trap - EXIT
  [ -z "$beside" ] || together || status=$?
  echo
  [ -z "$step_under_way" ] || echo "==== ended in: $step_under_way"
  python3 .ci/steps.py docs/measurements.md "$step_times" || status=1
  rm -f "$step_times"
  exit "$status"
}
trap step_summary EXIT
