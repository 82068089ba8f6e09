# shellcheck shell=bash
# The gate's steps, each with its wall time, and what they came to at the end, whether it is green or not. For
# .ci/run to source. The table "The gate, step by step" of docs/measurements.md has the time that each has taken.

step_times=$(mktemp)
step_under_way=

# step NAME COMMAND …: the name is the one of the table.
step() {
  step_under_way=$1
  local started=$SECONDS
  printf '\n==== %s\n' "$1"
  "${@:2}"
  printf '%s\t%s\n' "$1" $((SECONDS - started)) >>"$step_times"
  step_under_way=
}

step_summary() {
  local status=$?
  trap - EXIT
  echo
  [ -z "$step_under_way" ] || echo "==== ended in: $step_under_way"
  python3 .ci/steps.py docs/measurements.md "$step_times" || status=1
  rm -f "$step_times"
  exit "$status"
}
trap step_summary EXIT
