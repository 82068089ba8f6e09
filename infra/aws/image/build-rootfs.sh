#!/usr/bin/env bash
# Builds the media worker's root file system: a static program, authorities, a user who is not root.
#
#   infra/aws/image/build-rootfs.sh [arm64|amd64] [folder] [profile]
#
# With PROGRAM=<path> that program is taken, with the libraries that it is linked to, and nothing is built: for
# trying the root file system with a worker that is there already.
#
# The Dockerfile beside it calls this and wraps the folder. Without Docker the folder is all that a
# container is made of; here is one: unshare --user --map-root-user chroot folder /media-worker health
set -euo pipefail
[ $# -lt 2 ] || case $2 in /*) into=$2 ;; *) into=$PWD/$2 ;; esac
cd "$(dirname "$0")/../../.."
. .ci/python.sh

case ${1:-arm64} in
  arm64) triple=aarch64-unknown-linux-musl ;;
  amd64) triple=x86_64-unknown-linux-musl ;;
  *) fail "it is built for arm64 or amd64" ;;
esac
into=${into:-target/rootfs-${1:-arm64}}
authorities=/etc/ssl/certs/ca-certificates.crt
[ -r "$authorities" ] || fail "$authorities is missing (Debian: apt-get install ca-certificates)"

if [ -z "${PROGRAM:-}" ]; then
  # zig links for any machine, and brings the C library that C code of ours is compiled against.
  tools lambda
  rustup target list --installed | grep -qx "$triple" || rustup target add "$triple" >/dev/null 2>&1 ||
    fail "rustup cannot add $triple"
  profile=${3:-deploy}
  PATH="$bin:$PATH" cargo zigbuild --locked --profile "$profile" --package media-worker --target "$triple"
  PROGRAM="${CARGO_TARGET_DIR:-target}/$triple/$profile/media-worker"
fi

rm -rf "$into"
mkdir -p "$into/etc/ssl/certs"
install -m 755 "$PROGRAM" "$into/media-worker"
# A static program has none.
libraries=$(ldd "$PROGRAM" 2>/dev/null | grep -o '/[^ ]*' || true)
for library in $libraries; do
  install -D -m 755 "$library" "$into$library"
done
install -m 644 "$authorities" "$into/etc/ssl/certs/ca-certificates.crt"
printf 'trunkline:x:65532:65532::/:/nologin\n' >"$into/etc/passwd"
printf 'trunkline:x:65532:\n' >"$into/etc/group"

program=$(stat -c %s "$into/media-worker")
whole=$(du -sb "$into" | cut -f1)
printf '%s: %s.%s MB, of which the program %s.%s MB\n' "$into" \
  $((whole / 1000000)) $((whole % 1000000 / 100000)) $((program / 1000000)) $((program % 1000000 / 100000))
