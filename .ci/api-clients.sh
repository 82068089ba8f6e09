#!/usr/bin/env bash
# Holds the API to its OpenAPI document as programs of other hands read it: a validator, a linter, clients that
# are generated for TypeScript and Python, compiled, and let loose on an installation in a folder of its own,
# and requests that nobody would write.
#
# Needs python3 (3.10 or newer), the Python package index and the npm registry. Installs into target/ and
# tools/openapi/, once. An argument is another document than the committed one; TRUNKLINE_PROGRAM is a built
# `trunkline`, if it is not to be built here; DRAWN=0 leaves the last kind of requests out.
set -euo pipefail
document=$(realpath "${1:-"$(dirname "$0")/../functions/api/openapi.json"}")
cd "$(dirname "$0")/.."
. .ci/python.sh
. .ci/node.sh

tools openapi
program=${TRUNKLINE_PROGRAM:-}
if [ -z "$program" ]; then
  # With the tests, whose features what they have built has.
  cargo build --workspace --bins --tests --locked --quiet
  program="${CARGO_TARGET_DIR:-target}/${CARGO_BUILD_TARGET:-}/debug/trunkline"
fi
program=$(realpath "$program")
cd tools/openapi
lock=$(cksum package-lock.json .npmrc)
if [ "$lock" != "$(cat node_modules/.installed 2>/dev/null)" ]; then
  say "installing the versions of package-lock.json"
  npm ci --no-audit --no-fund --loglevel=error
  printf '%s\n' "$lock" >node_modules/.installed
fi

started=$SECONDS
took() {
  say "$1, in $((SECONDS - started)) s"
  started=$SECONDS
}

# ---- the document

"$bin/openapi-spec-validator" "$document"
npm run --silent lint -- "$document"
took "the document is valid, and the linter finds nothing"

# ---- the clients

npm run --silent generate -- "$document"
npm run --silent compile
took "the TypeScript client and its program compile"
rm -rf generated/trunkline_client
# Of an operation that takes two media types the generator writes code without one of its imports (0.29.1), so
# that it sees one of them here; the server takes both, which the requests below show.
"$bin/python" - "$document" >generated/one-media-type.json <<'PYTHON'
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    document = json.load(file)
for item in document["paths"].values():
    for operation in item.values():
        operation.get("requestBody", {}).get("content", {}).pop("application/merge-patch+json", None)
json.dump(document, sys.stdout)
PYTHON
"$bin/openapi-python-client" generate --path generated/one-media-type.json --meta none --config python-client.yaml \
  --output-path generated/trunkline_client --fail-on-warning
MYPYPATH=generated "$bin/mypy" --strict --cache-dir generated/mypy generated/trunkline_client calls.py contract.py drawn.py
took "the Python client and its program have the right types"

# ---- the installation

state=$(mktemp -d)
installation=
stop() {
  trap - EXIT
  # Not politely: what it holds is thrown away, and a call that is on would keep it for minutes.
  if [ -n "$installation" ]; then
    kill -KILL "$installation" 2>/dev/null || true
    wait "$installation" 2>/dev/null || true
  fi
  rm -rf "$state"
}
trap stop EXIT
trap 'exit 130' INT TERM

failed() {
  tail -n 20 "$state/trunkline.log" >&2 || true
  fail "$1"
}

# None of the user's own settings: with a key of a vendor's, real phones would ring.
env -i PATH="$PATH" TMPDIR="$state" TRUNKLINE_STATE_DIR="$state" TRUNKLINE_PORT=0 TRUNKLINE_LOG_FORMAT=text \
  "$program" --quiet >"$state/output" 2>&1 &
installation=$!
until TRUNKLINE_URL=$(grep -o 'API at http://127.0.0.1:[0-9]*' "$state/output"); do
  kill -0 "$installation" 2>/dev/null || { cat "$state/output" >&2; failed "the installation ended while starting"; }
  [ $((SECONDS - started)) -lt 60 ] || failed "the installation did not start within a minute"
  sleep 0.1
done
export TRUNKLINE_URL=${TRUNKLINE_URL#API at } TRUNKLINE_API_KEY TRUNKLINE_OPENAPI=$document
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
TRUNKLINE_API_KEY=$(cat "$state/api-key")

npm run --silent calls || failed "the API did not answer the TypeScript client as the document says"
PYTHONPATH=generated PYTHONDONTWRITEBYTECODE=1 "$bin/python" calls.py ||
  failed "the API did not answer the Python client as the document says"
took "both clients were answered"

if [ "${DRAWN:-1}" = 1 ]; then
  # What it keeps for the next run is thrown away too: each run asks the same.
  (cd "$state" && PYTHONPATH="$OLDPWD" PYTHONDONTWRITEBYTECODE=1 \
    "$bin/schemathesis" --config-file "$OLDPWD/schemathesis.toml" --no-color run "$document") \
    >"$state/requests" || { cat "$state/requests" >&2; failed "the API did not answer a drawn request as the document says"; }
  grep 'generated, ' "$state/requests"
  took "drawn requests were answered as the document says"
fi
! grep ' ERROR ' "$state/trunkline.log" >&2 || fail "an error is in the log"
took "nothing is wrong in the log"
