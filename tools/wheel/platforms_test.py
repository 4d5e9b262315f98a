"""Which Linux a wheel's programs run on, from what they need of it."""

import pytest

from tools.wheel import platforms

ENGINE = """
engine:     file format elf64-x86-64

Dynamic Section:
  NEEDED               libgcc_s.so.1
  NEEDED               libc.so.6
  INIT                 0x0000000000001000

Version References:
  required from libgcc_s.so.1:
    0x0b792653 0x00 02 GCC_3.3
  required from libc.so.6:
    0x06969188 0x00 19 GLIBC_2.28
    0x09691a75 0x00 04 GLIBC_2.2.5
"""
EXTENSION = """
Dynamic Section:
  NEEDED               libstdc++.so.6

Version References:
  required from libstdc++.so.6:
    0x0297f879 0x00 35 GLIBCXX_3.4.29
    0x0afd17f3 0x00 33 CXXABI_1.3.13
"""


def test_the_newest_symbol_decides() -> None:
    assert platforms.platform_tag([ENGINE]) == "manylinux_2_28_x86_64"
    assert platforms.platform_tag([ENGINE, EXTENSION]) == "manylinux_2_34_x86_64"
    newer = EXTENSION.replace("GLIBCXX_3.4.29", "GLIBCXX_3.4.30")
    assert platforms.platform_tag([newer]) == "manylinux_2_35_x86_64"
    assert platforms.platform_tag([ENGINE.replace("2.28", "2.39")]) == "manylinux_2_39_x86_64"


@pytest.mark.parametrize(
    ("known", "unknown"),
    [
        ("libgcc_s.so.1", "libssl.so.3"),
        ("GCC_3.3", "GCC_99.0.0"),
        ("GLIBC_2.28", "GLIBC_PRIVATE"),
        ("GLIBC_2.28", "GLIBC_ABI_DT_RELR"),
    ],
)
def test_what_is_not_known_proves_nothing(known: str, unknown: str) -> None:
    assert platforms.platform_tag([ENGINE.replace(known, unknown)]) == "linux_x86_64"


def test_an_extension_runs_on_one_cpython() -> None:
    assert platforms.python_tag("shop/_native.cpython-311-x86_64-linux-gnu.so") == "cp311"
    with pytest.raises(ValueError, match="is not an extension module"):
        platforms.python_tag("shop/_native.abi3.so")
