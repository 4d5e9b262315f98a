"""Measures how long another repository waits: consumer.py [--bazel PROGRAM].

Builds and tests e2e/consumer with this checkout, in a folder and with an output base of its own, as
on a machine that has built Tasker: first all, then all after one handler was edited, then the
build of the image after a slip in a template. Prints the seconds of each, and what the slip says.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """1 when a build that should pass fails, or the other way round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bazel", default="bazel", help="Bazel 7.7.1 itself")
    bazel = parser.parse_args().bazel
    # Not below /tmp, of which Bazel's sandbox has one of its own.
    with tempfile.TemporaryDirectory(dir=Path.home() / ".cache") as name:
        folder = Path(name)
        shop = folder / "shop"
        shutil.copytree(ROOT / "e2e/consumer", shop)
        _replace(shop / "WORKSPACE", '"../.."', f'"{ROOT}"')
        command = [bazel, f"--output_base={folder}/base"]

        def timed(what: str, *arguments: str, fails: bool = False) -> str:
            begun = time.monotonic()
            said = subprocess.run(
                [*command, *arguments, "--noshow_progress"],
                cwd=shop,
                capture_output=True,
                text=True,
            )
            print(f"{what}: {time.monotonic() - begun:.1f} s", flush=True)
            if bool(said.returncode) != fails:
                sys.exit(said.stdout + said.stderr)
            return said.stderr

        try:
            timed("everything built and tested, first", "test", "//...")
            timed("nothing changed", "test", "//...")
            _replace(shop / "shop/orders.py", '"book": 20', '"book": 20.0')
            timed("a handler edited, to green tests", "test", "//...")
            _replace(shop / "shop/order.yaml", "orders.charge", "orders.chrage")
            said = timed(
                "a slip in a template, to its message", "build", "//shop:image", fails=True
            )
            print("\n".join(line for line in said.splitlines() if "chrage" in line))
        finally:
            subprocess.run([*command, "clean", "--expunge"], cwd=shop, capture_output=True)
    return 0


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, file
    file.write_text(text.replace(old, new))


if __name__ == "__main__":
    sys.exit(main())
