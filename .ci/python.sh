# shellcheck shell=bash
# Tools from the Python package index, in the versions that .ci/python lists. For scripts to source.

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*"; }
fail() { say "$*" >&2; exit 1; }

# Installs the versions of a list, once, and sets `bin` to the folder of its programs.
tools() {
  local list=".ci/python/$1.txt" home lock
  command -v python3 >/dev/null || fail "python3 is not installed"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail "python3 is older than 3.10"
  home="${CARGO_TARGET_DIR:-target}/python/$1-$(cksum <"$list" | cut -d' ' -f1)"
  mkdir -p "$home"
  home=$(cd "$home" && pwd)
  bin="$home/bin"
  # Steps of the gate that run side by side use some of the same tools. macOS has no flock.
  if command -v flock >/dev/null; then
    exec {lock}>"$home.lock"
    flock "$lock"
  fi
  if [ ! -e "$home/.installed" ]; then
    say "installing the versions of $list"
    rm -rf "$home"
    python3 -m venv "$home" >/dev/null ||
      fail "this python3 makes no virtual environments (Debian: apt-get install python3-venv)"
    "$bin/python" -m pip install --quiet --disable-pip-version-check -r "$list" ||
      fail "the package index cannot be reached, or lacks a version of $list"
    touch "$home/.installed"
  fi
  [ -z "${lock:-}" ] || exec {lock}>&-
}
