"""Which proxy of the environment the way to an engine leads over.

httpx would choose one itself, but an entry of NO_PROXY that it cannot read, such as an IPv6
network, ends it whatever the engine is, and networks of NO_PROXY mean single addresses to it.
"""

import importlib.util
import ipaddress
import os
from dataclasses import dataclass
from urllib.request import getproxies, proxy_bypass

import httpx

from tasker_core.errors import ConfigurationError

_SOCKS = ("socks5", "socks5h")


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """A proxy, and the environment variable that names it."""

    variable: str
    url: httpx.URL

    def __str__(self) -> str:
        # A password in it is not shown.
        shown = self.url.copy_with(username=None, password=None)
        return f"the proxy {str(shown).rstrip('/')} of {self.variable}"


def find_proxy(engine: httpx.URL) -> Proxy | None:
    """The proxy for an engine; None on this machine, or where NO_PROXY has the engine's host.

    ConfigurationError for one that this client cannot use.
    """
    named = getproxies()
    value = named.get(engine.scheme) or named.get("all")
    if value is None or _is_local(engine.host) or _is_exempt(engine.host, named):
        return None
    variable = _variable(engine.scheme if engine.scheme in named else "all")
    try:
        url = httpx.URL(value if "://" in value else f"http://{value}")
    except httpx.InvalidURL as error:
        raise _unusable(variable, f"is not the URL of a proxy: {error}", engine) from None
    if url.scheme in _SOCKS and importlib.util.find_spec("socksio") is None:
        needs = "names a SOCKS proxy, which needs `pip install httpx[socks]`"
        raise _unusable(variable, needs, engine)
    if url.scheme not in ("http", "https", *_SOCKS) or not url.host:
        kinds = "a proxy's begins with http://, https:// or socks5://"
        raise _unusable(variable, f"begins with {url.scheme}://, but {kinds}", engine)
    return Proxy(variable=variable, url=url)


def _variable(scheme: str) -> str:
    """The name of the variable that counts: the small one, as everywhere."""
    small = f"{scheme}_proxy"
    return small if os.environ.get(small) else small.upper()


def _is_local(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _is_exempt(host: str, named: dict[str, str]) -> bool:
    if proxy_bypass(host, named):
        return True
    address = _address(host)
    if address is None:
        return False
    for entry in named.get("no", "").split(","):
        try:
            network = ipaddress.ip_network(entry.strip().replace("[", "").replace("]", ""), False)
        except ValueError:
            continue
        if address in network:
            return True
    return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _unusable(variable: str, reason: str, engine: httpx.URL) -> ConfigurationError:
    return ConfigurationError(f"{variable} {reason}; or put {engine.host} into NO_PROXY")
