#!/usr/bin/env bash
# Holds the feature `as-tested` of `local` to what it is for: a build with it takes over every dependency that was
# built for the tests. Where tests bring a feature that it lacks, the documentation, the deploy's functions and all
# that depends on the dependency are built a second time.
set -euo pipefail
cd "$(dirname "$0")/.."

features() {
  cargo tree --workspace --locked --prefix none --format '{p} [{f}]' "$@" | sed 's/ (\*)$//' | sort -u
}

anew=$(comm -13 <(features --edges normal,build,dev) <(features --edges normal,build --features local/as-tested) |
  grep -v '^local v' || true)
[ -z "$anew" ] || {
  printf 'the feature as-tested (local/Cargo.toml) lacks what the tests turn on of these:\n%s\n' "$anew" >&2
  exit 1
}
