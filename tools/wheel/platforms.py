"""The tags of a wheel with programs in it: the CPython and the Linux that they run on, proven."""

import re
from collections.abc import Iterable

LINUX = "linux_x86_64"
# What every Linux with glibc has, by PEP 600 and auditwheel's policies.
ALWAYS_THERE = {
    "ld-linux-x86-64.so.2",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
    "libstdc++.so.6",
}
# The newest symbols of GCC's libraries on the systems that came with a glibc, after auditwheel's
# policies: 2.17 is CentOS 7, 2.28 RHEL 8, 2.31 Debian 11, 2.34 RHEL 9, 2.35 Ubuntu 22.04.
GCC_LIBRARIES: dict[tuple[int, int], dict[str, tuple[int, ...]]] = {
    (2, 17): {"GLIBCXX": (3, 4, 19), "CXXABI": (1, 3, 7), "GCC": (4, 8, 0)},
    (2, 28): {"GLIBCXX": (3, 4, 24), "CXXABI": (1, 3, 11), "GCC": (7, 0, 0)},
    (2, 31): {"GLIBCXX": (3, 4, 28), "CXXABI": (1, 3, 12), "GCC": (7, 0, 0)},
    (2, 34): {"GLIBCXX": (3, 4, 29), "CXXABI": (1, 3, 13), "GCC": (7, 0, 0)},
    (2, 35): {"GLIBCXX": (3, 4, 30), "CXXABI": (1, 3, 13), "GCC": (12, 0, 0)},
}
_NEEDED = re.compile(r"^ +NEEDED +(\S+)$", re.MULTILINE)
_SYMBOLS = re.compile(r"^ +0x\w+ 0x\w+ \d+ (\S+)$", re.MULTILINE)
_VERSION = re.compile(r"(GLIBC|GLIBCXX|CXXABI|GCC)_(\d+(?:\.\d+)*)")
_EXTENSION = re.compile(r"\.cpython-(\d+)-x86_64-linux-gnu\.so$")


def python_tag(extension: str) -> str:
    """Such as cp311, for the file name of an extension module, which no other CPython can load."""
    match = _EXTENSION.search(extension)
    if match is None:
        raise ValueError(f"{extension} is not an extension module of a CPython on x86-64 Linux")
    return f"cp{match[1]}"


def platform_tag(dumps: Iterable[str]) -> str:
    """The oldest manylinux that all programs run on, from what `objdump -p` says of each.

    `linux_x86_64`, which no index takes, when they need a library or a symbol that is not known.
    """
    oldest = (2, 17)
    for dump in dumps:
        if not set(_NEEDED.findall(dump)) <= ALWAYS_THERE:
            return LINUX
        # Versions that a program defines itself are listed in another form.
        for symbol in _SYMBOLS.findall(dump):
            needed = _glibc(symbol)
            if needed is None:
                return LINUX
            oldest = max(oldest, needed)
    return f"manylinux_{oldest[0]}_{oldest[1]}_x86_64"


def _glibc(symbol: str) -> tuple[int, int] | None:
    """The first glibc whose systems have this version of a symbol, if that is known."""
    match = _VERSION.fullmatch(symbol)
    if match is None:
        return None
    library, version = match[1], tuple(int(part) for part in match[2].split("."))
    if library == "GLIBC":
        return (version[0], version[1])
    return next(
        (glibc for glibc, newest in GCC_LIBRARIES.items() if version <= newest[library]), None
    )
