# shellcheck shell=bash
# shellcheck disable=SC2034  # what is set here is used by the scripts
# Shared by every script here: where things are, how progress and errors look, and one lock at a time.

repo_root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# Clones share what bootstrap provides: one uv and one Python for all of them.
cache_dir="${XDG_CACHE_HOME:-${HOME}/.cache}/infrafabric"

# Prints each argument as a line.
say() { printf '%s\n' "$@"; }

# fail WHAT WHY WHAT-TO-DO
fail() {
  printf '\nerror: %s\n' "$1" >&2
  [[ -n ${2:-} ]] && printf '  why:  %s\n' "$2" >&2
  [[ -n ${3:-} ]] && printf '  do:   %s\n' "$3" >&2
  exit 1
}

# Two scripts started at once must not build the same thing. The lock ends with the process.
lock() {
  mkdir -p "$(dirname "$1")"
  command -v flock >/dev/null || return 0
  exec {lock_fd}>"$1"
  if ! flock --nonblock "${lock_fd}"; then
    say "Waiting for another script that is setting up …"
    flock "${lock_fd}"
  fi
}

unlock() {
  [[ -n ${lock_fd:-} ]] && exec {lock_fd}>&-
  lock_fd=""
}

# Runs a step quietly; shows the end of its output only when it fails.
quietly() {
  local log
  log="$(mktemp)"
  if "$@" >"${log}" 2>&1; then
    rm -f "${log}"
    return 0
  fi
  tail -n 25 "${log}" | sed 's/^/  | /' >&2
  rm -f "${log}"
  return 1
}

hash_of() {
  if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c1-16
}
