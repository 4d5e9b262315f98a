"""Whether a port of this machine is free, and who has it when it is not."""

import contextlib
import errno
import os
import socket
from pathlib import Path

from tasker_core.errors import DevError

LISTENING = "0A"


def require_free(port: int, purpose: str, flag: str) -> None:
    """DevError, with the process that listens there, when the port of 127.0.0.1 is taken."""
    with socket.socket() as probe:
        # As servers do: a port of connections that were closed a moment ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise DevError(
                    f"port {port}, for {purpose}, cannot be used: {error.strerror}; "
                    f"choose another with {flag}"
                ) from None
            raise DevError(
                f"port {port}, for {purpose}, is taken by {owner(port)}; "
                f"choose another with {flag}, or stop that process"
            ) from None


def owner(port: int) -> str:
    """The process that listens on this port: its id and command, as far as this user may see."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and _holds(process, sockets):
            command = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
            shown = " ".join(os.fsdecode(word) for word in command)
            return f"process {process.name} ({shown})"
    return "a process of another user"


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(FileNotFoundError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                fields = line.split()
                local, state, inode = fields[1], fields[3], fields[9]
                if state == LISTENING and int(local.rpartition(":")[2], 16) == port:
                    inodes.add(inode)
    return inodes


def _holds(process: Path, sockets: set[str]) -> bool:
    # A process may end, or belong to another user, while it is looked at.
    with contextlib.suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                if str(descriptor.readlink()) in sockets:
                    return True
    return False
