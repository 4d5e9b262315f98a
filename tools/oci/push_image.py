"""Copies an image into a registry: `bazel run :image_push -- REGISTRY/REPOSITORY[:TAG]`.

Without a tag it gets the one made from its content. Who may write there is skopeo's matter
(`skopeo login`).
"""

import shutil
import subprocess
import sys

from tasker_oci.archive import Archive, archive_of_target


def main(arguments: list[str]) -> int:
    """skopeo's exit code; 2 when it is missing or no place is named."""
    archive = Archive(archive_of_target())
    digits = archive.names[0].rsplit(":", 1)[1]
    places = [argument for argument in arguments if not argument.startswith("-")]
    if len(places) != 1:
        print(
            "name where it goes: bazel run ...:image_push -- REGISTRY/REPOSITORY[:TAG]",
            file=sys.stderr,
        )
        return 2
    if shutil.which("skopeo") is None:
        print(
            "pushing needs skopeo, which is not installed: install Debian's package skopeo, or "
            f"load the image (bazel run ...:image) and push {archive.names[0]} with your engine",
            file=sys.stderr,
        )
        return 2
    (place,) = places
    if ":" not in place.rsplit("/", 1)[-1]:
        place = f"{place}:{digits}"
    options = [argument for argument in arguments if argument.startswith("-")]
    source = f"oci-archive:{archive.path}:{digits}"
    return subprocess.run(
        ["skopeo", "copy", *options, source, f"docker://{place}"], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
