"""A process that has a folder for its whole system, as in a container, without a container engine.

For tests: Linux lets everybody do so where it has user namespaces (user_namespaces(7)).
"""

import ctypes
import os
from collections.abc import Callable, Mapping
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
MS_BIND = 4096
MS_REC = 16384


def inside(root: Path, user: int, mounts: Mapping[str, str]) -> Callable[[], None]:
    """What `subprocess` is given as `preexec_fn`: the process is `user`, and `/` is the folder.

    `mounts` are paths of this system, with the places below the folder where they are seen. Raises
    OSError in the child when the system does not let it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    outer_user, outer_group = os.geteuid(), os.getegid()

    def enter() -> None:
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
            raise OSError(ctypes.get_errno(), "unshare: this test needs user namespaces")
        # Groups can be mapped only by who gives setgroups up.
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {outer_user} 1")
        Path("/proc/self/gid_map").write_text(f"{user} {outer_group} 1")
        # The folder is a mount itself, as `/` is elsewhere: podman makes its own below it.
        for source, place in {str(root): ".", **mounts}.items():
            target = os.fsencode(root / place)
            if libc.mount(source.encode(), target, None, MS_BIND | MS_REC, None) != 0:
                raise OSError(ctypes.get_errno(), f"mount {source}")
        os.chroot(root)
        os.chdir("/")

    return enter
