"""Loads an image into the container engine of this machine: what `bazel run` of an image does.

Where no engine answers it says where the archive is and how to load it, and succeeds: the image is
built.
"""

import json
import re
import shutil
import subprocess
import sys

from tasker_oci.archive import Archive, archive_of_target

ENGINES = ("docker", "podman")


def main() -> int:
    """0 when the image is loaded, or when there is no engine to load it into."""
    archive = Archive(archive_of_target())
    engine, why = answering()
    if engine is None:
        print(f"{why}: the image is not loaded.")
        print(f"  archive: {archive.path}")
        print(f"  digest:  {archive.digest}")
        print(f"  to load: docker load --input {archive.path}")
        return 0
    former = _run(engine, "image", "ls", "--quiet", "--no-trunc", archive.names[-1]).stdout.split()
    loaded = _run(engine, "load", "--input", str(archive.path))
    if loaded.returncode:
        print(f"{engine} did not load {archive.path}: {loaded.stderr.strip()}", file=sys.stderr)
        return 1
    for name in archive.names[1:]:
        # Stores that read the index alone may know the first name only.
        tagged = _run(engine, "tag", archive.names[0], name)
        if tagged.returncode:
            print(f"{engine} cannot tag {name}: {tagged.stderr.strip()}", file=sys.stderr)
            return 1
    current = _run(
        engine, "image", "inspect", "--format", "{{.Id}}", archive.names[0]
    ).stdout.strip()
    repository = archive.names[0].rsplit(":", 1)[0]
    _forget(engine, [image for image in former if image != current], repository)
    print("\n".join(archive.names))
    return 0


def answering() -> tuple[str | None, str]:
    """The first engine that answers; else None, and why."""
    why = "no container engine is installed (docker or podman)"
    for engine in ENGINES:
        if shutil.which(engine) is None:
            continue
        asked = _run(engine, "version", "--format", "{{.Client.Version}}")
        if asked.returncode == 0:
            return engine, ""
        why = f"{engine} does not answer ({asked.stderr.strip() or 'no reason given'})"
    return None, why


def _forget(engine: str, former: list[str], repository: str) -> None:
    """Removes what the tag meant before, unless it has names of others' or a container uses it."""
    own = re.compile(re.escape(repository) + r":[0-9a-f]{16}")
    for image in former:
        shown = _run(engine, "image", "inspect", "--format", "{{json .RepoTags}}", image)
        names = json.loads(shown.stdout) if shown.returncode == 0 else []
        if all(own.search(name) for name in names):
            # Refused by the engine while a container uses it.
            _run(engine, "image", "rm", *(names or [image]))


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True)


if __name__ == "__main__":
    sys.exit(main())
