"""Where the engine is, and how httpx's failures are told."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from tasker_core.client.errors import ConnectionLostError, NotConnectedError
from tasker_core.errors import ConfigurationError
from tasker_core.settings import DEFAULT_URL

CONNECT_SECONDS = 5.0

_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An engine's URL, without a slash at its end, and the token that it asks for."""

    url: str
    token: str | None

    @classmethod
    def find(cls, url: str | None, token: str | None, environ: Mapping[str, str]) -> "Endpoint":
        """What is given, else TASKER_URL and TASKER_TOKEN, else an engine on this machine.

        Of several URLs, comma-separated, it is the first. ConfigurationError for what is none.
        """
        named = url or environ.get("TASKER_URL") or DEFAULT_URL
        first = named.split(",")[0].strip().rstrip("/")
        try:
            parsed = httpx.URL(first)
        except httpx.InvalidURL as error:
            raise _no_url(first, str(error)) from None
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise _no_url(first, "it begins with neither http:// nor https://")
        return cls(url=first, token=token or environ.get("TASKER_TOKEN") or None)

    @property
    def headers(self) -> dict[str, str]:
        """Of every call."""
        headers = {"Accept": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    @property
    def trusts_environment(self) -> bool:
        """Whether proxies of the environment count: not between two ends of one machine."""
        host = httpx.URL(self.url).host
        try:
            return not ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host != "localhost"

    @property
    def verify(self) -> bool:
        """Whether certificates are needed: loading them takes longer than a call."""
        return self.url.startswith("https:")

    def failure(self, call: str, error: httpx.RequestError) -> ConnectionLostError:
        """What a failure of the way to the engine is."""
        said = str(error) or type(error).__name__
        kind, message = ConnectionLostError, f"the connection was lost: {said}"
        if isinstance(error, httpx.TimeoutException):
            message = f"no whole answer in time: {said}"
        if isinstance(error, _NOT_SENT):
            kind = NotConnectedError
            message = (
                f"no engine can be reached at {self.url}: {said}; start one, or name another "
                "with TASKER_URL"
            )
        lost = kind(call, message)
        lost.timed_out = isinstance(error, httpx.TimeoutException)
        return lost


def _no_url(url: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"{url!r} is not the URL of an engine: {reason}; it looks like {DEFAULT_URL}"
    )
