"""A Python package as it is shipped: a wheel with optimised programs, tagged by what they need.

rules_python's py_wheel is not used: it strips nothing, takes the platform's tag on trust, and the program that it runs
is not among the installed rule sets.
"""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain", "use_cpp_toolchain")
load("@rules_pkg//pkg:providers.bzl", "PackageFilesInfo")
load("//tools/rust:optimized.bzl", "optimized_transition")

def _python_wheel_impl(ctx):
    tools = find_cpp_toolchain(ctx)
    files = {}
    for target in ctx.attr.srcs:
        for destination, file in target[PackageFilesInfo].dest_src_map.items():
            if destination in files:
                fail("{} is both {} and {}".format(destination, files[destination].path, file.path))
            files[destination] = file
    programs = {
        name: target[DefaultInfo].files_to_run.executable
        for target, name in ctx.attr.programs.items()
    }
    specification = ctx.actions.declare_file(ctx.label.name + ".json")
    ctx.actions.write(specification, json.encode_indent({
        "files": {destination: file.path for destination, file in files.items()},
        "licenses": {file.basename: file.path for file in ctx.files.licenses},
        "objdump": tools.objdump_executable,
        "programs": {name: file.path for name, file in programs.items()},
        "pyproject": ctx.file.pyproject.path,
        "readme": ctx.file.readme.path,
        "strip": tools.strip_executable,
    }))

    # A folder, because the wheel's name has its platform's tag, which only its contents tell.
    folder = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run(
        executable = ctx.executable._build_wheel,
        arguments = [specification.path, folder.path],
        inputs = depset(
            [specification, ctx.file.pyproject, ctx.file.readme] + ctx.files.licenses + files.values() + programs.values(),
            transitive = [tools.all_files],
        ),
        mnemonic = "PythonWheel",
        outputs = [folder],
        progress_message = "Building the wheel %{label}",
    )
    return [DefaultInfo(files = depset([folder]), runfiles = ctx.runfiles([folder]))]

python_wheel = rule(
    implementation = _python_wheel_impl,
    doc = "A folder NAME with one wheel in it, whose name and metadata come from pyproject.toml and from its programs.",
    attrs = {
        "licenses": attr.label_list(allow_files = True, doc = "The files of pyproject.toml's license-files."),
        "programs": attr.label_keyed_string_dict(
            cfg = optimized_transition,
            doc = "Programs, with the names under which they are installed beside the interpreter.",
        ),
        "pyproject": attr.label(
            allow_single_file = [".toml"],
            doc = "Its [project] is the wheel's metadata; the version is the package's __version__.",
            mandatory = True,
        ),
        "readme": attr.label(allow_single_file = [".md"], doc = "The description.", mandatory = True),
        "srcs": attr.label_list(
            cfg = optimized_transition,
            doc = "pkg_files, which give every file its place; one is an extension module.",
            mandatory = True,
            providers = [PackageFilesInfo],
        ),
        "_allowlist_function_transition": attr.label(default = "@bazel_tools//tools/allowlists/function_transition_allowlist"),
        "_build_wheel": attr.label(cfg = "exec", default = "//tools/wheel:build_wheel", executable = True),
    },
    toolchains = use_cpp_toolchain(),
)
