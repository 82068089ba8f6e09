# shellcheck shell=bash
# Node 20.17 or newer, taken from the Python package index where the machine has none. For scripts to source,
# after python.sh.

has_node() {
  command -v node >/dev/null && command -v npm >/dev/null &&
    node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major > 20 || (major == 20 && minor >= 17) ? 0 : 1)'
}
if ! has_node; then
  tools node
  PATH="${bin:?}:$PATH"
  has_node || fail "the Node of .ci/python/node.txt does not run here"
fi
