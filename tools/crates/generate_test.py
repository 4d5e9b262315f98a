"""The generator on a small graph with the cases that matter."""

import json
from pathlib import Path
from typing import Any

import pytest

from tools.crates import generate

ROOT = Path("/ws")

Table = dict[str, Any]


def package(
    name: str,
    version: str = "1.0.0",
    kind: str = "lib",
    links: str | None = None,
    build_script: bool = False,
) -> Table:
    folder = ROOT / f"src/{name}-{version}"
    targets = [target(name, kind, folder / "src/lib.rs")]
    if build_script:
        targets.append(target("build-script-build", "custom-build", folder / "build.rs"))
    return {
        "id": f"{name}@{version}",
        "name": name,
        "version": version,
        "source": "registry",
        "manifest_path": str(folder / "Cargo.toml"),
        "links": links,
        "homepage": None,
        "repository": None,
        "rust_version": None,
        "targets": targets,
    }


def target(name: str, kind: str, path: Path) -> Table:
    return {"name": name, "kind": [kind], "src_path": str(path), "edition": "2021"}


def dependency(id: str, name: str | None = None, kind: str | None = None) -> Table:
    name = name or id.split("@")[0].replace("-", "_")
    return {"pkg": id, "name": name, "dep_kinds": [{"kind": kind, "target": None}]}


@pytest.fixture
def workspace(tmp_path: Path) -> generate.Workspace:
    manifest = tmp_path / "crates/app/Cargo.toml"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("[lints]\nworkspace = true\n")
    member = package("app", "0.1.0") | {"source": None, "manifest_path": str(manifest)}
    packages = [
        member,
        package("native-sys", links="native", build_script=True),
        package("user", build_script=True),
        package("macros", kind="proc-macro"),
        package("cc"),
        package("rand", "0.8.0"),
        package("rand", "0.9.0"),
    ]
    edges = {
        "app@0.1.0": [
            dependency("user@1.0.0", name="renamed"),
            dependency("macros@1.0.0"),
            dependency("rand@0.8.0"),
            dependency("rand@0.9.0", name="rand09", kind="dev"),
        ],
        "user@1.0.0": [dependency("native-sys@1.0.0"), dependency("cc@1.0.0", kind="build")],
    }
    nodes = [
        {"id": each["id"], "features": ["std"], "deps": edges.get(each["id"], [])}
        for each in packages
    ]
    return generate.Workspace(
        {
            "workspace_root": str(tmp_path),
            "workspace_members": ["app@0.1.0"],
            "packages": packages,
            "resolve": {"nodes": nodes},
        },
        {
            "workspace": {
                "package": {"version": "1.2.3"},
                "lints": {
                    "rust": {"missing_docs": "warn", "unsafe_code": "deny"},
                    "clippy": {
                        "pedantic": {"level": "warn", "priority": -1},
                        "needless-return": "allow",
                    },
                },
            },
            "profile": {
                "dev": {"package": {"app": {"opt-level": 1}, "user": {"opt-level": 2}}},
                "release": {
                    "codegen-units": 1,
                    "package": {"app": {"opt-level": "s"}, "user": {"opt-level": "s"}},
                },
            },
        },
    )


def test_a_member_knows_its_dependencies(workspace: generate.Workspace) -> None:
    member = generate.member(workspace, workspace.packages["app@0.1.0"], "@tasker_crates")
    assert member["deps"] == ["@tasker_crates//rand-0.8.0:rand", "@tasker_crates//user-1.0.0:user"]
    assert member["dev_deps"] == ["@tasker_crates//rand-0.9.0:rand"]
    assert member["proc_macro_deps"] == ["@tasker_crates//macros-1.0.0:macros"]
    assert member["aliases"] == {
        "@tasker_crates//user-1.0.0:user": "renamed",
        "@tasker_crates//rand-0.9.0:rand": "rand09",
    }


def test_a_member_knows_its_lints_in_order_of_priority(workspace: generate.Workspace) -> None:
    member = generate.member(workspace, workspace.packages["app@0.1.0"], "@tasker_crates")
    assert member["lints"] == [
        "--warn=clippy::pedantic",
        "--allow=clippy::needless_return",
        "--warn=missing_docs",
        "--deny=unsafe_code",
    ]


def test_a_member_knows_its_place_in_the_profiles(workspace: generate.Workspace) -> None:
    member = generate.member(workspace, workspace.packages["app@0.1.0"], "@tasker_crates")
    assert member["dev_flags"] == ["-Copt-level=1"]
    assert member["release_flags"] == ["-Ccodegen-units=1", "-Copt-level=s"]


def library_text(workspace: generate.Workspace, id: str) -> str:
    package = workspace.packages[id]
    library = generate.library_target(package)
    assert library is not None
    source = Path(package["manifest_path"]).parent
    return generate.library_rule(workspace, package, library, source, False)


def test_a_third_party_crate_is_compiled_as_the_profiles_say(
    workspace: generate.Workspace, tmp_path: Path
) -> None:
    assert """\
    rustc_flags = ["--cap-lints=allow"] + select({
        "//:optimized": [
            "-Ccodegen-units=1",
            "-Copt-level=s",
        ],
        "//conditions:default": ["-Copt-level=2"],
    }),
""" in library_text(workspace, "user@1.0.0")
    generate.write_root(workspace, "@tasker_crates", tmp_path)
    assert """\
config_setting(
    name = "optimized",
    values = {
        "compilation_mode": "opt",
    },
)
""" in (tmp_path / "BUILD.bazel").read_text()


def test_a_profile_speaks_of_all_crates_or_of_none(workspace: generate.Workspace) -> None:
    text = library_text(workspace, "cc@1.0.0")
    assert '"//:optimized": ["-Ccodegen-units=1"],' in text
    assert '"//conditions:default": [],' in text
    del workspace.manifest["profile"]
    assert '    rustc_flags = ["--cap-lints=allow"],\n' in library_text(workspace, "cc@1.0.0")


def test_a_build_script_sees_native_libraries_and_build_dependencies_only(
    workspace: generate.Workspace,
) -> None:
    user = workspace.packages["user@1.0.0"]
    script = generate.build_script_target(user)
    assert script is not None
    text = generate.build_script_rule(workspace, user, script, ROOT / "src/user-1.0.0")
    assert 'link_deps = ["//native-sys-1.0.0:native-sys"]' in text
    assert 'deps = ["//cc-1.0.0:cc"]' in text


def test_a_library_depends_on_its_build_script(workspace: generate.Workspace) -> None:
    user = workspace.packages["user@1.0.0"]
    library = generate.library_target(user)
    assert library is not None
    text = generate.library_rule(workspace, user, library, ROOT / "src/user-1.0.0", True)
    assert '"//native-sys-1.0.0:native-sys",\n        ":build_script",' in text
    assert "cc-1.0.0" not in text


def test_two_versions_have_long_aliases_only(workspace: generate.Workspace, tmp_path: Path) -> None:
    generate.write_root(workspace, "@tasker_crates", tmp_path)
    text = (tmp_path / "BUILD.bazel").read_text()
    assert 'name = "rand-0.8.0"' in text
    assert 'name = "rand-0.9.0"' in text
    assert 'name = "rand"' not in text


def test_the_graph_of_the_members_names_members_alone(
    workspace: generate.Workspace, tmp_path: Path
) -> None:
    generate.write_root(workspace, "@tasker_crates", tmp_path)
    assert json.loads((tmp_path / "members.json").read_text()) == {"crates/app": []}


def test_the_version_of_all_members_is_told(workspace: generate.Workspace, tmp_path: Path) -> None:
    generate.write_root(workspace, "@tasker_crates", tmp_path)
    assert '\nVERSION = "1.2.3"\n' in (tmp_path / "defs.bzl").read_text()
