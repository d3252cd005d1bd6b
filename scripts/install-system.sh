#!/usr/bin/env bash
# Installs the system packages that the tests use, on Debian and Ubuntu, as root or with password-less sudo. Elsewhere it lists what is
# missing and what is skipped without it, and exits 3.
set -u
need() { command -v "$1" >/dev/null 2>&1; }
missing=()
reasons=()
want() { # want COMMAND PACKAGES WHAT-IS-SKIPPED
  need "$1" && return
  missing+=("$2")
  reasons+=("$2: $3")
}
want chromium chromium "the browser worker, WGSL without a GPU, the dashboard tests"
want bwrap bubblewrap "the sandbox of native programs"
want cc "gcc libc6-dev" "the hostile native programs"
[ ${#missing[@]} -eq 0 ] && exit 0

if need apt-get; then
  if [ "$(id -u)" -eq 0 ]; then as_root=(env); elif need sudo && sudo -n true 2>/dev/null; then as_root=(sudo -n env); else as_root=(); fi
  if [ ${#as_root[@]} -gt 0 ]; then
    echo "installing: ${missing[*]}"
    log=$(mktemp)
    "${as_root[@]}" DEBIAN_FRONTEND=noninteractive bash -c "apt-get update -q && apt-get install -q -y --no-install-recommends ${missing[*]}" >"$log" 2>&1 && exit 0
    tail -n 20 "$log" >&2
    echo "the installation failed (all of it: $log); tests that need these packages will be red" >&2
    exit 1
  fi
fi
echo "these packages are missing and can not be installed here without root; what needs them is skipped:"
printf '  %s\n' "${reasons[@]}"
exit 3
