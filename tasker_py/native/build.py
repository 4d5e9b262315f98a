"""Builds tasker_core/_native with cargo and g++, beside its stub, for a quick loop without Bazel.

python tasker_py/native/build.py && PYTHONPATH=tasker_py:examples/python pytest tasker_py
"""

import subprocess
import sysconfig
from pathlib import Path

import pybind11

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "tasker_py" / "native"


def main() -> None:
    """Leaves the extension in the package's folder."""
    subprocess.run(["cargo", "build", "--package", "tasker_ffi"], cwd=ROOT, check=True)
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    subprocess.run(
        [
            "g++",
            "-std=c++17",
            "-O1",
            "-shared",
            "-fPIC",
            "-fvisibility=hidden",
            "-Wl,--version-script=/dev/stdin",
            f"-I{ROOT}",
            f"-I{pybind11.get_include()}",
            f"-I{sysconfig.get_path('include')}",
            str(NATIVE / "module.cc"),
            str(ROOT / "target" / "debug" / "libtasker_ffi.a"),
            "-o",
            str(ROOT / "tasker_py" / "tasker_core" / f"_native{suffix}"),
        ],
        input=b"{ global: PyInit__native; local: *; };",
        check=True,
    )


if __name__ == "__main__":
    main()
