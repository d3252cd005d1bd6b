#!/usr/bin/env bash
# Installs the system packages that tests and the demo use, on Debian and Ubuntu, as root or with password-less sudo. Elsewhere it lists
# what is missing and what is skipped without it, and exits 3.
set -u
need() { command -v "$1" >/dev/null 2>&1; }
missing=()
want() { # want COMMAND-OR-FILE PACKAGE WHAT-IS-SKIPPED
  if [[ $1 == /* ]]; then [ -e "$1" ] && return; else need "$1" && return; fi
  missing+=("$2")
  reasons+=("$2: $3")
}
reasons=()
want chromium chromium "the browser worker, WGSL in a tab and natively without a GPU, the dashboard tests"
want bwrap bubblewrap "the sandbox of native programs"
want clang clang "rebuilding the WASM fixtures"
want wasm-ld lld "rebuilding the WASM fixtures"
want /usr/include/wasm32-wasi/stdio.h wasi-libc "rebuilding the WASM fixtures"
want /usr/lib/llvm-14/lib/clang/14.0.6/lib/wasi/libclang_rt.builtins-wasm32.a libclang-rt-dev-wasm32 "rebuilding the WASM fixtures"
want cc gcc "the hostile native programs"
want redis-server redis-server "the BullMQ comparison of the dispatch bench"
want patch patch "the simulator's mutants"
[ ${#missing[@]} -eq 0 ] && exit 0

if need apt-get; then
  if [ "$(id -u)" -eq 0 ]; then run=(); elif need sudo && sudo -n true 2>/dev/null; then run=(sudo -n); else run=(no); fi
  if [ "${run[*]:-}" != no ]; then
    echo "installing: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # A policy that keeps services from starting: the tests start their own.
    "${run[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 bash -c "apt-get update -q && apt-get install -q -y --no-install-recommends ${missing[*]}" >/tmp/udcs-install-system.log 2>&1 && exit 0
    tail -n 20 /tmp/udcs-install-system.log >&2
    echo "the installation failed; tests that need these packages will be red" >&2
    exit 1
  fi
fi
echo "these packages are missing and can not be installed here without root; what needs them is skipped:"
printf '  %s\n' "${reasons[@]}"
exit 3
