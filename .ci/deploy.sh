#!/usr/bin/env bash
# Checks the templates, then deploys template.yaml, unchanged, onto an emulator of AWS that holds functions
# to their policies, and runs a campaign of twenty simulated people on what came of it.
#
# Needs python3 (3.10 or newer) and the Python package index. Installs into target/, once.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/python.sh
. .ci/emulator.sh

export SAM_CLI_TELEMETRY=0
stack=trunkline-check
region=us-east-1

# ---- the templates

tools sam
sam="$bin/sam"
say "sam validate, cfn-lint"
"$sam" validate --lint --region "$region" --template template.yaml
"$bin/cfn-lint" template.yaml infra/aws/*.yaml
tools checkov
say "checkov"
LOG_LEVEL=ERROR "$bin/checkov" --config-file .ci/checkov.yaml --file template.yaml infra/aws/*.yaml
[ "${1:-}" != --check ] || exit 0

# ---- the functions

say "building the functions"
started=$SECONDS
# Of what the tests have built, where they have been built for a named target as .ci/run does it.
infra/aws/build.sh native dev --quiet --features local/as-tested
strip --strip-debug target/lambda/*/bootstrap
say "built in $((SECONDS - started)) s"

case $(uname -m) in
  x86_64) architecture=x86_64 image=amd64 ;;
  aarch64 | arm64) architecture=arm64 image=arm64 ;;
  *) fail "functions cannot run on $(uname -m)" ;;
esac

# The worker runs out of its image's root file system, as its user, where root may change the root: the program that
# the tests have built, or with STATIC=1 the static one of the image, which is built anew for a target of its own.
worker="${CARGO_TARGET_DIR:-target}/${CARGO_BUILD_TARGET:-}/debug/media-worker"
[ -x "$worker" ] || cargo build --workspace --bins --tests --locked --quiet
[ -x "$worker" ] || fail "the media worker is not at $worker"
if [ "$(id -u)" = 0 ]; then
  started=$SECONDS
  rootfs="$PWD/target/rootfs-check"
  [ "${STATIC:-0}" = 1 ] || export PROGRAM="$worker"
  infra/aws/image/build-rootfs.sh "$image" "$rootfs" deploy-check
  worker="$PWD/target/rootfs-check.sh"
  printf '#!/bin/sh\nexec chroot --userspec=65532:65532 %s /media-worker "$@"\n' "$rootfs" >"$worker"
  chmod +x "$worker"
  say "the media worker's root file system was built in $((SECONDS - started)) s"
else
  [ "${STATIC:-0}" != 1 ] || fail "the image's root file system can be tried by root only"
  say "SKIPPED: the media worker's root file system (it needs root): the worker runs without"
fi

# ---- the deploy

start_emulator AUTH=true
media="ws://127.0.0.1:$(free_port)"

deploy() {
  AWS_ENDPOINT_URL="$endpoint" "$sam" deploy --template template.yaml --stack-name "$stack" \
    --region "$region" --resolve-s3 --capabilities CAPABILITY_IAM --no-confirm-changeset \
    --no-fail-on-empty-changeset --no-progressbar --parameter-overrides \
    AwsEndpoint="$endpoint" MediaUrl="$media" Architecture="$architecture" CarrierCallsPerSecond=10 \
    AlarmEmail=alarms@example.com
}

started=$SECONDS
deploy >"$scratch/deploy" 2>&1 || { tail -n 60 "$scratch/deploy" >&2; emulator_log; fail "the deploy failed"; }
say "deployed in $((SECONDS - started)) s"
AWS_ENDPOINT_URL="$endpoint" "$sam" list stack-outputs --stack-name "$stack" --region "$region" \
  --output json >"$scratch/outputs.json"

# ---- the way back

. .ci/rollback.sh

# ---- the campaign

status=0
TRUNKLINE_DEPLOYED_OUTPUTS="$scratch/outputs.json" TRUNKLINE_DEPLOYED_ENDPOINT="$endpoint" \
  TRUNKLINE_DEPLOYED_WORKER="$worker" TRUNKLINE_DEPLOYED_MEDIA="$media" \
  cargo nextest run --locked --workspace --run-ignored all --success-output immediate \
    -E 'package(tests) & test(/^deployed::/)' 2>&1 | tee "$scratch/suite" || status=$?
if [ "$status" -ne 0 ]; then
  say "the last lines of the emulator's log:" >&2
  emulator_log 60
  fail "the deployed stack did not do what it should (see above)"
fi
# A test that asked nobody must not look like one that passed.
grep -q "deployed: asking $endpoint" "$scratch/suite" || fail "the test did not ask the stack"
# Policies that hold nobody back would prove nothing: the emulator must have them, and refuse others.
if grep -q AccessDenied "$scratch/log"; then
  grep -m 5 AccessDenied "$scratch/log" >&2
  fail "a function asked for what its policy does not allow"
fi

# ---- once more

started=$SECONDS
deploy >"$scratch/again" 2>&1 || { tail -n 60 "$scratch/again" >&2; fail "the second deploy failed"; }
grep -q 'No changes to deploy' "$scratch/again" || { tail -n 60 "$scratch/again" >&2; fail "a second deploy of the same changes something"; }
say "a second deploy changed nothing, in $((SECONDS - started)) s"
