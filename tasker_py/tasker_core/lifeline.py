"""The line from a worker of `--processes` to its parent: what one tells, and the other's end.

A socket, inherited by the child. The child writes its address once it has started, and that it has
left when it ends as it should; when the line breaks, the parent is gone, and the child drains.
"""

import contextlib
import os
import signal
import socket
import threading

LEFT = "left"


class Lifeline:
    """The child's end."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        # Only this process may keep the line up, not the programs and forks that it starts.
        self._socket.set_inheritable(False)
        os.register_at_fork(after_in_child=self._socket.close)
        threading.Thread(target=self._watch, name="tasker-lifeline", daemon=True).start()

    def tell_address(self, address: str) -> None:
        """Tells where the health page is, as host:port."""
        self._tell(address)

    def tell_left(self) -> None:
        """Tells that the worker has left its session and is not to be started again."""
        self._tell(LEFT)

    def _tell(self, line: str) -> None:
        # Without a parent there is nobody to tell.
        with contextlib.suppress(OSError):
            self._socket.sendall(f"{line}\n".encode())

    def _watch(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.recv(1)
        os.kill(os.getpid(), signal.SIGTERM)
