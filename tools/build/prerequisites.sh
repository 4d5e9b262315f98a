#!/usr/bin/env bash
# Sees to it that this machine has a C++ compiler, Python with headers and pip, and a Rust new enough: installs
# Debian's packages where it may, and else names the one command that does.
set -euo pipefail

manifest=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/Cargo.toml
rust_version=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' "$manifest")
python_version=3.11

packages=()
remedies=()

say() { echo "prerequisites: $*" >&2; }
at_least() { printf '%s\n' "$1" "$2" | sort --version-sort --check=silent; }
# Whether Debian's package would be what PATH finds: nothing is there yet, or what is there is Debian's.
debian_serves() { [[ -z $(type -P "$1") || $(type -P "$1") == /usr/bin/* || $(type -P "$1") == /bin/* ]]; }

need_compiler() {
  for program in cc c++ ld.bfd; do
    type -P "$program" >/dev/null || { packages+=(g++ binutils libc6-dev) && return; }
  done
}

need_python() {
  local found
  found=$(python3 -c '
import os, sys, sysconfig
headers = os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))
print("%d.%d" % sys.version_info[:2], "headers" if headers else "bare")' 2>/dev/null || echo "0 bare")
  if at_least "$python_version" "${found% *}" && [[ $found == *headers ]] && python3 -m pip --version >/dev/null 2>&1; then
    return
  fi
  if debian_serves python3; then
    packages+=(python3 python3-dev python3-pip)
  else
    remedies+=("Python $python_version or newer with headers and pip: $(type -P python3) lacks one of them. Put another python3 first on PATH.")
  fi
}

need_rust() {
  local found program complete=yes
  found=$(rustc --version 2>/dev/null | cut -d ' ' -f 2 | cut -d - -f 1 || true)
  for program in cargo rustfmt cargo-clippy clippy-driver; do
    "$program" --version >/dev/null 2>&1 || complete=no
  done
  if [[ -n $found ]] && at_least "$rust_version" "$found" && [[ $complete == yes ]]; then return; fi
  if debian_serves rustc && debian_serves cargo; then
    packages+=(rustc-web cargo-web rustfmt-web rust-web-clippy)
  elif [[ -n $(type -P rustup) ]]; then
    remedies+=("Rust $rust_version or newer: run 'rustup update stable && rustup component add clippy rustfmt'.")
  else
    remedies+=("Rust $rust_version or newer with cargo, rustfmt and clippy: $(type -P rustc) is ${found:-incomplete}. Put another rustc first on PATH.")
  fi
}

check() {
  packages=() remedies=()
  hash -r
  need_compiler
  need_python
  need_rust
}

check
if ((${#packages[@]} + ${#remedies[@]} == 0)); then exit; fi

sudo=
if [[ $(id -u) != 0 ]]; then sudo=sudo; fi
if ((${#packages[@]})); then
  command="$sudo apt-get -qq install -y --no-install-recommends ${packages[*]}"
  if [[ -n $(type -P apt-get) ]] && { [[ -z $sudo ]] || sudo -n true 2>/dev/null; }; then
    say "installing ${packages[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # Package lists are fetched only where they are missing or too old.
    compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || $sudo apt-get -qq update >&2 || true
    $command >&2 || { $sudo apt-get -qq update >&2 && $command >&2; } || true
    check
  fi
  if ((${#packages[@]})); then
    remedies+=("${packages[*]}: run '${sudo:+sudo }apt-get update && ${sudo:+sudo }apt-get install -y --no-install-recommends ${packages[*]}'.")
  fi
fi
if ((${#remedies[@]})); then
  say "this machine lacks:"
  printf '  %s\n' "${remedies[@]}" >&2
  exit 1
fi
