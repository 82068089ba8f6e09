#!/usr/bin/env bash
# Builds the functions into target/lambda, where template.yaml looks for them.
#
#   infra/aws/build.sh [arm64|x86_64|native] [profile [option of cargo lambda …]]
#
# Needs rustup and python3: what builds for another machine comes from the Python package index, into target/.
# What is built for x86_64 is deployed with Architecture=x86_64.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/python.sh

case ${1:-arm64} in
  arm64) machine=(--arm64) ;;
  x86_64) machine=(--x86-64) ;;
  # Runs on this machine and on what is no older.
  native) machine=(--compiler cargo) ;;
  *) fail "it is built for arm64, x86_64 or native" ;;
esac

tools lambda
PATH="$bin:$PATH" cargo lambda build --locked --profile "${2:-deploy}" "${machine[@]}" --lambda-dir target/lambda --workspace \
  --bin api --bin callbacks --bin dial --bin import --bin scheduler "${@:3}"
wc -c target/lambda/*/bootstrap | awk '{ printf "%s: %.1f MB\n", $2, $1 / 1000000 }'
