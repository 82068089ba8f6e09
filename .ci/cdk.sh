#!/usr/bin/env bash
# Synthesises the CDK app over the template, with the functions that .ci/deploy.sh has built, and runs its
# tests. Needs the npm registry, and Node 20 or newer: where there is none, it is taken from the Python
# package index.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/python.sh

has_node() {
  command -v node >/dev/null && command -v npm >/dev/null &&
    node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)'
}
if ! has_node; then
  tools node
  PATH="$bin:$PATH"
  has_node || fail "the Node of .ci/python/node.txt does not run here"
fi
cd infra/cdk
say "installing the versions of package-lock.json"
npm ci --no-audit --no-fund --loglevel=error
npm test
npm run synth
say "synthesised"
