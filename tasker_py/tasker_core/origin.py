"""Which requests the port of several worker processes refuses: those that only a web page sends.

The same rule as the one of `crates/protocol/src/origin.rs`, by which the engine and the port of a
single process go.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

PROBES = "/health"

_PORT = re.compile(r":[0-9]*\Z")
_NAME = re.compile(r"[A-Za-z0-9._:\[\]-]+")


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a request is refused."""

    code: str
    message: str
    details: dict[str, str | None]


def is_host(name: str) -> bool:
    """Whether an entry of TASKER_HOSTS can be a host's name, with or without a port."""
    return _NAME.fullmatch(name) is not None


def refusal(
    path: str, host: str | None, origin: str | None, *, hosts: Sequence[str], any_host: bool
) -> Refusal | None:
    """Why the request is refused; None when it may be answered.

    A header that is given twice is the empty string, which fits nothing.
    """
    is_probe = path == PROBES or path.startswith(f"{PROBES}/")
    if host is not None and not any_host and not is_probe and not _is_known(host, hosts):
        return Refusal(
            code="HOST_REFUSED",
            message=f"asked as {host!r}, which is no name that this worker knows as its own: it "
            "answers as localhost, as an IP address and as the names in TASKER_HOSTS; ask it as "
            "one of these, or list the name there",
            details={"host": host},
        )
    if origin is not None and not _is_own(origin, host, hosts):
        return Refusal(
            code="ORIGIN_REFUSED",
            message=f"a web page of {origin!r} asks, which is another origin than that of this "
            "worker; list its host in TASKER_HOSTS if it may",
            details={"origin": origin, "host": host},
        )
    return None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address, which may be `localhost`."""
    bare = host.strip("[]")
    try:
        return bare == "localhost" or ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def _is_known(host: str, hosts: Sequence[str]) -> bool:
    name = _PORT.sub("", host).lower()
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return name.rpartition(".")[2] == "localhost" or _is_listed(host, hosts)
    return True


def _is_own(origin: str, host: str | None, hosts: Sequence[str]) -> bool:
    scheme, _, authority = origin.lower().partition("://")
    if not authority:
        return False
    port = ":443" if scheme == "https" else ":80"
    own = host is not None and host.lower().removesuffix(port) == authority
    return own or _is_listed(authority, hosts)


def _is_listed(authority: str, hosts: Sequence[str]) -> bool:
    listed = {host.lower() for host in hosts}
    return bool({authority.lower(), _PORT.sub("", authority.lower())} & listed)
