"""The Rust on this machine as a rules_rust toolchain: rustup's, Debian's, or any other with a sysroot."""

_TRIPLE = "x86_64-unknown-linux-gnu"

_PROGRAMS = ["cargo", "cargo-clippy", "clippy-driver", "rustc", "rustdoc", "rustfmt"]

def _rust_version(rctx):
    """The rust-version of the workspace's manifest."""
    for line in rctx.read(rctx.attr.manifest).splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "rust-version":
            return value.strip().strip("\"")
    fail("{} has no rust-version".format(rctx.attr.manifest))

def _numbers(version):
    """"1.88" and "1.96.0-nightly" as lists of numbers that compare."""
    return [int(part) for part in version.split("-")[0].split(".")]

def _output(rctx, command):
    # In the workspace, so that a rust-toolchain.toml of the user's applies.
    result = rctx.execute(command, working_directory = str(rctx.workspace_root))
    if result.return_code:
        fail("`{}` failed: {}".format(" ".join([str(word) for word in command]), result.stderr))
    return result.stdout.strip()

def _linker_flags(sysroot):
    """What makes the C compiler link by the LLD that rustup's toolchains have, and Debian's do not."""
    folder = sysroot.get_child("lib/rustlib/{}/bin/gcc-ld".format(_TRIPLE))
    if not folder.get_child("ld.lld").exists:
        return []

    # By its own path, as the C compiler is.
    return ["-Clink-arg=-fuse-ld=lld", "-Clink-arg=-B{}".format(folder)]

def _local_rust_impl(rctx):
    required = _rust_version(rctx)
    rustc = rctx.which("rustc")
    if not rustc:
        fail("rustc is not on PATH; {} or newer is needed. ".format(required) +
             "Run Tasker's tools/build/prerequisites.sh, which installs what is missing or says how.")
    version = _output(rctx, [rustc, "--version"]).split(" ")[1]
    if _numbers(version) < _numbers(required):
        fail("Rust {} or newer is needed; {} is {}.".format(required, rustc, version))

    sysroot = rctx.path(_output(rctx, [rustc, "--print=sysroot"]))
    for name in _PROGRAMS:
        program = sysroot.get_child("bin", name)
        if not program.exists:
            fail("{} has no {}: install it too (rustup: `rustup component add clippy rustfmt`).".format(sysroot, name))
        rctx.symlink(program, "bin/" + name)

    # A sysroot of its own keeps all that is in lib; Debian's is /usr, where only these files are Rust's.
    for folder in [sysroot.get_child("lib"), sysroot.get_child("lib", "x86_64-linux-gnu")]:
        if folder.exists:
            for entry in folder.readdir():
                if entry.basename.startswith("librustc_driver-"):
                    rctx.symlink(entry, "lib/" + entry.basename)
    for folder in ["lib", "bin"]:
        path = "lib/rustlib/{}/{}".format(_TRIPLE, folder)
        if sysroot.get_child(path).exists:
            rctx.symlink(sysroot.get_child(path), path)
    build_file = rctx.read(rctx.attr._build_file).replace("{triple}", _TRIPLE)
    build_file = build_file.replace("{linker_flags}", repr(_linker_flags(sysroot)))
    rctx.file("BUILD.bazel", build_file)

local_rust = repository_rule(
    implementation = _local_rust_impl,
    doc = "The rustc on PATH, refused when it is older than the manifest's rust-version.",
    attrs = {
        "manifest": attr.label(doc = "The Cargo.toml with a rust-version.", mandatory = True, allow_single_file = True),
        "_build_file": attr.label(default = "//tools/build:local_rust.BUILD.bazel", allow_single_file = True),
    },
    configure = True,
    environ = ["PATH"],
    local = True,
)
