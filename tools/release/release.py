"""Makes the archive that other repositories fetch: `bazel run //:release -- [FOLDER]`.

It has what is committed, and is named after the version. Printed is what a WORKSPACE has to say to
load it.
"""

import argparse
import hashlib
import os
import subprocess
import sys
from pathlib import Path

LOADED = """\
load("@bazel_tools//tools/build_defs/repo:http.bzl", "http_archive")

http_archive(
    name = "tasker",
    sha256 = "{sha256}",
    strip_prefix = "{prefix}",
    url = "{url}",
)
"""


def main() -> int:
    """1 when git cannot make the archive; git has said why."""
    arguments = _arguments()
    root = os.environ["BUILD_WORKSPACE_DIRECTORY"]
    prefix = f"tasker-{arguments.version}"
    file = _folder(arguments.folder) / f"{prefix}.tar.gz"
    git = ("git", "-C", root)
    try:
        changed = subprocess.check_output([*git, "status", "--porcelain"], text=True).splitlines()
        if changed:
            print(f"release: {len(changed)} files are not as committed", file=sys.stderr)
        made = ("archive", "--format=tar.gz", f"--prefix={prefix}/", f"--output={file}", "HEAD")
        subprocess.check_call([*git, *made])
    except FileNotFoundError:
        print("release: the archive is made by git, which is not installed", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError:
        return 1
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    print(LOADED.format(sha256=sha256, prefix=prefix, url=file.as_uri()), end="")
    return 0


def _folder(named: Path) -> Path:
    """The folder as its caller means it: Bazel runs programs elsewhere."""
    folder = Path(os.environ["BUILD_WORKING_DIRECTORY"]) / named
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Makes the archive that other repositories fetch.")
    parser.add_argument("--version", required=True)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="where it is put")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
