#!/usr/bin/env bash
# Synthesises the CDK app over the template, with the functions that .ci/deploy.sh has built, and runs its
# tests. Needs the npm registry.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/python.sh
. .ci/node.sh

cd infra/cdk
say "installing the versions of package-lock.json"
npm ci --no-audit --no-fund --loglevel=error
npm test
npm run synth
say "synthesised"
