"""What a stack has to itself: a network, so that its fixed ports are free, and files in memory."""

import ctypes
import errno
import fcntl
import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasker_stack.machine_lock import try_hold, wait_for_any

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
MS_NOSUID = 2
MS_NODEV = 4
MNT_DETACH = 2
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1

# PostgreSQL refuses to run as root, so root is `nobody` in a namespace of its own.
NOBODY = 65534

# Who holds it has the ports of the network.
LOCK = "stack"


def own_network() -> socket.socket:
    """Give this process, which has no thread yet, a network of its own, or the machine's in turn.

    The network is this process's until the socket that is returned is closed or the process ends.
    """
    try:
        _try_unshare()
        _unshare()
    except OSError as error:
        # A sandbox that forbids it may have given this process a network already.
        if [name for _, name in socket.if_nameindex()] != ["lo"]:
            _say(
                f"this system has no user namespaces ({error}), so the stack uses the machine's "
                "own ports and only one stack runs at a time"
            )
    return _lock()


@contextmanager
def memory_at(folder: Path) -> Iterator[None]:
    """Keep what is written to the folder in memory, where that is possible.

    Unpacking a data directory of a thousand files takes a second on some disks. The memory is
    freed with the last process of the stack, however that ends.
    """
    target = os.fsencode(folder)
    mounted = _libc().mount(b"tmpfs", target, b"tmpfs", MS_NOSUID | MS_NODEV, b"mode=0700") == 0
    try:
        yield
    finally:
        if mounted:
            _libc().umount2(target, MNT_DETACH)


def _try_unshare() -> None:
    """`OSError` when it fails, which half-way would leave this process without loopback."""
    probe = os.fork()
    if probe == 0:
        try:
            _unshare()
        except OSError as error:
            os._exit(error.errno or errno.EPERM)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(probe, 0)[1])
    if status:
        raise OSError(status, f"unshare: {os.strerror(status)}")


def _unshare() -> None:
    """Enter a new user namespace and, in it, mounts and a network whose loopback is up."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    if _libc().unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    # user_namespaces(7): groups can be mapped only by who gives setgroups up.
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{outer_uid or NOBODY} {outer_uid} 1")
    Path("/proc/self/gid_map").write_text(f"{outer_gid or NOBODY} {outer_gid} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        # netdevice(7): struct ifreq is a name of 16 bytes and a union of 24, here the flags.
        request = struct.pack("16sh22x", b"lo", 0)
        (flags,) = struct.unpack("16xh22x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))


def _lock() -> socket.socket:
    """Have the ports of this network; while another stack has them, wait for its end."""
    while (lock := try_hold(LOCK)) is None:
        _say("another stack has the ports of this network; waiting for its end")
        wait_for_any([LOCK])
    return lock


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _say(text: str) -> None:
    print(f"stack: {text}", file=sys.stderr, flush=True)
