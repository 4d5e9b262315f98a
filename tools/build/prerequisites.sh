#!/usr/bin/env bash
# Sees to it that this machine has a C++ compiler, Python with headers and pip, and a Rust new enough: installs
# Debian's packages where it may, and else names the one command that does. Also PostgreSQL, where it may: only one test
# cannot do without.
set -euo pipefail

manifest=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/Cargo.toml
rust_version=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' "$manifest")
python_version=3.11

# What is missing; Debian's packages that would bring it; what to do where they would not be found first.
missing=()
packages=()
remedies=()

say() { echo "prerequisites: $*" >&2; }
at_least() { printf '%s\n' "$1" "$2" | sort --version-sort --check=silent; }

# Whether Debian's package would be what PATH finds: nothing is there yet, or what is there is Debian's.
debian_serves() { [[ -z $(type -P "$1") || $(type -P "$1") == /usr/bin/* || $(type -P "$1") == /bin/* ]]; }

need_compiler() {
  for program in cc c++ ld.bfd; do
    if [[ -z $(type -P "$program") ]]; then
      missing+=("a C++ compiler")
      packages+=(g++ binutils libc6-dev)
      return
    fi
  done
}

need_python() {
  local found
  found=$(python3 -c '
import os, sys, sysconfig
import pip
headers = os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))
print("%d.%d" % sys.version_info[:2], "complete" if headers else "bare")' 2>/dev/null || echo "0 bare")
  if at_least "$python_version" "${found% *}" && [[ $found == *complete ]]; then return; fi
  missing+=("Python $python_version or newer with headers and pip")
  if debian_serves python3; then
    packages+=(python3 python3-dev python3-pip)
  else
    remedies+=("put another python3 than $(type -P python3) first on PATH")
  fi
}

need_rust() {
  local found program complete=yes
  found=$(rustc --version 2>/dev/null | cut -d ' ' -f 2 | cut -d - -f 1 || true)
  for program in cargo rustfmt cargo-clippy clippy-driver; do
    "$program" --version >/dev/null 2>&1 || complete=no
  done
  if [[ -n $found ]] && at_least "$rust_version" "$found" && [[ $complete == yes ]]; then return; fi
  missing+=("Rust $rust_version or newer with cargo, rustfmt and clippy")
  if debian_serves rustc && debian_serves cargo; then
    packages+=(rustc-web cargo-web rustfmt-web rust-web-clippy)
  elif [[ -n $(type -P rustup) ]]; then
    remedies+=("rustup update stable && rustup default stable && rustup component add clippy rustfmt")
  else
    remedies+=("put another rustc than $(type -P rustc) first on PATH")
  fi
}

# //crates/journal:machine_postgres_test runs on it.
want_postgres() {
  if [[ -n $(type -P postgres) ]] || perl -MPgCommon -e 'exit !get_newest_version("postgres")' 2>/dev/null; then return; fi
  packages+=(postgresql)
}

check() {
  missing=() packages=() remedies=()
  hash -r
  need_compiler
  need_python
  need_rust
  want_postgres
}

check
if ((${#missing[@]} + ${#packages[@]} == 0)); then exit; fi

sudo=()
if [[ $(id -u) != 0 ]]; then sudo=(sudo); fi
if ((${#packages[@]})) && [[ -n $(type -P apt-get) ]] && { ((${#sudo[@]} == 0)) || sudo -n true 2>/dev/null; }; then
  say "installing ${packages[*]}"
  as_root() { "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >&2; }
  # Tests start servers of their own: Debian's is not to be made, nor to run.
  cluster=/etc/postgresql-common/createcluster.conf
  if [[ " ${packages[*]} " == *" postgresql "* && ! -e $cluster ]]; then
    as_root mkdir -p "${cluster%/*}"
    echo 'create_main_cluster = false' | as_root tee "$cluster"
  fi
  install() { as_root apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${packages[@]}"; }
  compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || as_root apt-get -qq update || true
  # The second try is for package lists that are too old, and for an installation that was cut off.
  install || { as_root dpkg --configure -a && as_root apt-get -qq update && install; } || true
  check
fi
if ((${#missing[@]} == 0)); then exit; fi

if ((${#packages[@]})); then
  remedies+=("${sudo[*]} apt-get update && ${sudo[*]} apt-get install -y --no-install-recommends ${packages[*]}")
fi
say "this machine lacks $(printf '%s; ' "${missing[@]}" | sed 's/; $/./') Remedy:"
printf '  %s\n' "${remedies[@]}" | sed 's/   */  /; s/&&  */\&\& /g' >&2
exit 1
