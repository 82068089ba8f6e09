# shellcheck shell=bash
# The way back, tried on the stack that .ci/deploy.sh has deployed: a later release and the earlier one again,
# and a release that fails halfway. For that script to source, before it plays its campaign: what is played
# then shows that calls work afterwards.
: "${sam:?}" "${stack:?}" "${region:?}" "${endpoint:?}" "${media:?}" "${architecture:?}" "${scratch:?}"

# What a release is made of, as AWS has it: each function's code, and the settings that a deploy can change.
released() {
  AWS_ENDPOINT_URL="$endpoint" "$(dirname "$sam")/python" - "$stack" "$region" <<'LOOK'
import boto3, json, sys
stack, region = sys.argv[1:]
stacks = boto3.client("cloudformation", region_name=region)
functions = boto3.client("lambda", region_name=region)
found = {}
for page in stacks.get_paginator("list_stack_resources").paginate(StackName=stack):
    for resource in page["StackResourceSummaries"]:
        if resource["ResourceType"] == "AWS::Lambda::Function":
            it = functions.get_function_configuration(FunctionName=resource["PhysicalResourceId"])
            settings = it.get("Environment", {}).get("Variables", {})
            found[resource["LogicalResourceId"]] = [it["CodeSha256"], settings]
print(json.dumps(found, indent=1, sort_keys=True))
LOOK
}

# Deploys the template in a folder, with other parameters than those of deploy.sh where some are given.
release() {
  local folder="$1"
  shift
  (
    cd "$folder" || exit
    AWS_ENDPOINT_URL="$endpoint" "$sam" deploy --template template.yaml --stack-name "$stack" \
      --region "$region" --resolve-s3 --capabilities CAPABILITY_IAM --no-confirm-changeset \
      --no-fail-on-empty-changeset --no-progressbar --parameter-overrides \
      AwsEndpoint="$endpoint" MediaUrl="$media" Architecture="$architecture" CarrierCallsPerSecond=10 \
      AlarmEmail=alarms@example.com "$@"
  )
}

try_rollback() {
  local later="$scratch/later" failing="$scratch/failing" started="$SECONDS" function
  released >"$scratch/before"

  # A later release: other code in every function, and another configuration.
  mkdir -p "$later/target" "$later/infra"
  cp -r template.yaml "$later/"
  cp -r infra/aws "$later/infra/"
  cp -rL target/lambda "$later/target/"
  for function in "$later"/target/lambda/*/; do echo later >"$function/release"; done
  release "$later" KeysRevision=later >"$scratch/forward" 2>&1 ||
    { tail -n 40 "$scratch/forward" >&2; fail "the later release was not deployed"; }
  released >"$scratch/after"
  cmp -s "$scratch/before" "$scratch/after" && fail "the later release changed nothing: going back would show nothing"

  # The earlier one again: what README, "Change it, take it back", has its reader do. A parameter that is not
  # named keeps the value that it has.
  release . KeysRevision=1 >"$scratch/back" 2>&1 ||
    { tail -n 40 "$scratch/back" >&2; fail "the earlier release was not deployed again"; }
  released >"$scratch/again"
  diff "$scratch/before" "$scratch/again" >&2 || fail "going back left something of the later release"
  say "a later release and the earlier one again in $((SECONDS - started)) s"

  # A release that fails halfway: its last resource is a queue that SQS does not make.
  started="$SECONDS"
  cp -r "$later" "$failing"
  cat >>"$failing/broken" <<'BROKEN'
  Broken:
    Type: AWS::SQS::Queue
    DependsOn: [Api, Callbacks, Dial, Import, Scheduler]
    Properties:
      VisibilityTimeout: 999999
BROKEN
  sed -i "/^Resources:/r $failing/broken" "$failing/template.yaml"
  if release "$failing" KeysRevision=failing >"$scratch/failed" 2>&1; then
    fail "a release with a resource that cannot be made was deployed"
  fi
  grep -q UPDATE_ROLLBACK "$scratch/failed" ||
    { tail -n 40 "$scratch/failed" >&2; fail "the release failed before it began"; }
  released >"$scratch/rest"
  diff "$scratch/before" "$scratch/rest" >&2 || fail "a release that failed left something behind"
  say "a release that failed was taken back in $((SECONDS - started)) s"
}

try_rollback
