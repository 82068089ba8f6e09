#!/usr/bin/env bash
# Builds the media worker's image with Docker, pushes it into this account's registry, and prints what the
# template's WorkerImage is to be. Region and account are the AWS CLI's own.
set -euo pipefail
cd "$(dirname "$0")/../../.."

repository=${1:-trunkline/media-worker}
for program in aws docker git; do
  command -v "$program" >/dev/null || { echo "push: $program is not installed" >&2; exit 1; }
done
docker buildx version >/dev/null 2>&1 || { echo "push: Docker's buildx is not installed" >&2; exit 1; }
region=$(aws configure get region || true)
region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$region}}
[ -n "$region" ] || { echo "push: no region is set: export AWS_REGION" >&2; exit 1; }
account=$(aws sts get-caller-identity --query Account --output text)
registry="$account.dkr.ecr.$region.amazonaws.com"
# Answers to `sam deploy --guided` may be there, and are not in the image.
[ -z "$(git status --porcelain --untracked-files=no -- . ':!samconfig.toml')" ] ||
  { echo "push: commit first: the image is named after the commit" >&2; exit 1; }
tag=$(git rev-parse --short=12 HEAD)

aws ecr describe-repositories --region "$region" --repository-names "$repository" >/dev/null 2>&1 ||
  aws ecr create-repository --region "$region" --repository-name "$repository" \
    --image-scanning-configuration scanOnPush=true --image-tag-mutability IMMUTABLE >/dev/null
aws ecr get-login-password --region "$region" | docker login --username AWS --password-stdin "$registry" >/dev/null
if ! aws ecr describe-images --region "$region" --repository-name "$repository" --image-ids "imageTag=$tag" >/dev/null 2>&1; then
  docker buildx build --platform linux/arm64 --provenance=false -f infra/aws/image/Dockerfile \
    -t "$registry/$repository:$tag" --push . >&2
fi
digest=$(aws ecr describe-images --region "$region" --repository-name "$repository" \
  --image-ids "imageTag=$tag" --query 'imageDetails[0].imageDigest' --output text)
echo "WorkerImage=$registry/$repository@$digest"
