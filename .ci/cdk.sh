#!/usr/bin/env bash
# Synthesises the CDK app over the template, with the functions that .ci/deploy.sh has built, and runs its
# tests. Needs Node 20 or newer and the npm registry.
set -euo pipefail
cd "$(dirname "$0")/../infra/cdk"

say() { printf 'cdk: %s\n' "$*"; }

if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
  say "SKIPPED: node and npm are not installed, so the CDK app was not looked at"
  exit 0
fi
if ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20)'; then
  say "SKIPPED: node $(node --version) is older than 20, so the CDK app was not looked at"
  exit 0
fi
say "installing the versions of package-lock.json"
npm ci --no-audit --no-fund --loglevel=error
npm test
npm run synth
say "synthesised"
