"""Where the engines are, and how httpx's failures are told."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from tasker_core.client.errors import ConnectionLostError, NotConnectedError
from tasker_core.client.proxies import Proxy, find_proxy
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
    proxy: Proxy | None
    """What the way to it leads over."""

    @property
    def headers(self) -> dict[str, str]:
        """Of every call."""
        headers = {"Accept": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    @property
    def httpx_proxy(self) -> httpx.URL | None:
        """The proxy as httpx takes it."""
        return None if self.proxy is None else self.proxy.url

    def certificates(self) -> ssl.SSLContext | bool:
        """What certificates are held against; False for http, as loading takes longer than a call.

        ConfigurationError when those that the environment names cannot be read.
        """
        if not self.url.startswith("https:"):
            return False
        try:
            return httpx.create_ssl_context()
        except OSError as error:
            variable = "SSL_CERT_FILE" if os.environ.get("SSL_CERT_FILE") else "SSL_CERT_DIR"
            raise ConfigurationError(
                f"{variable} is {os.environ.get(variable)!r}, from where no certificates can be "
                f"read: {error.strerror or error}; name a file or folder that has them, or unset it"
            ) from None

    def failure(self, call: str, error: httpx.RequestError) -> ConnectionLostError:
        """What a failure of the way to the engine is."""
        said = str(error) or type(error).__name__
        if self.proxy is not None:
            said = f"{said}; the way leads over {self.proxy}"
        kind, message = ConnectionLostError, f"the connection was lost: {said}"
        if isinstance(error, httpx.TimeoutException):
            message = f"no whole answer in time: {said}"
        if isinstance(error, _NOT_SENT):
            kind = NotConnectedError
            remedy = "start one, or name another with TASKER_URL"
            if self.proxy is not None:
                remedy += f", or put {httpx.URL(self.url).host} into NO_PROXY"
            message = f"no engine can be reached at {self.url}: {said}; {remedy}"
        lost = kind(call, message)
        lost.timed_out = isinstance(error, httpx.TimeoutException)
        return lost


def find_endpoints(
    url: str | None, token: str | None, environ: Mapping[str, str]
) -> tuple[Endpoint, ...]:
    """What is given, else TASKER_URL and TASKER_TOKEN, else an engine on this machine.

    A URL may be several, comma-separated: of engines of which one has the tasks. ConfigurationError
    for what is none, and for a proxy of the environment that cannot be used.
    """
    named = url or environ.get("TASKER_URL") or DEFAULT_URL
    urls = [part.strip().rstrip("/") for part in named.split(",") if part.strip()]
    token = token or environ.get("TASKER_TOKEN") or None
    return tuple(_endpoint(one, token) for one in urls or [named])


def _endpoint(url: str, token: str | None) -> Endpoint:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise _no_url(url, str(error)) from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise _no_url(url, "it begins with neither http:// nor https://")
    return Endpoint(url=url, token=token, proxy=find_proxy(parsed))


def _no_url(url: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"{url!r} is not the URL of an engine: {reason}; it looks like {DEFAULT_URL}"
    )
