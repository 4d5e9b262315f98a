"""Proxies and certificates that the environment names: used, passed over, or told in a sentence."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving import serving

from tasker_core.client import (
    AsyncTaskerClient,
    NotConnectedError,
    TaskerClient,
    UnexpectedAnswerError,
)
from tasker_core.client.proxies import find_proxy
from tasker_core.errors import ConfigurationError

ENGINE = "http://engine.example.test:8080"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """One that names none."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


def refused(url: str) -> str:
    """What both clients say when they are made."""
    told = []
    for client in (TaskerClient, AsyncTaskerClient):
        with pytest.raises(ConfigurationError) as raised:
            client(url)
        told.append(str(raised.value))
    assert told[0] == told[1]
    return told[0]


def proxy_of(url: str) -> str | None:
    proxy = find_proxy(httpx.URL(url))
    return None if proxy is None else str(proxy)


def test_a_socks_proxy_that_needs_a_package_is_told(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    assert refused(ENGINE) == (
        "ALL_PROXY names a SOCKS proxy, which needs `pip install httpx[socks]`; "
        "or put engine.example.test into NO_PROXY"
    )


def test_a_proxy_of_another_kind_is_told(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ALL_PROXY", "socks://127.0.0.1:1080")
    assert refused(ENGINE) == (
        "ALL_PROXY begins with socks://, but a proxy's begins with http://, https:// or socks5://; "
        "or put engine.example.test into NO_PROXY"
    )
    environment.setenv("http_proxy", "http://[::1")
    assert refused(ENGINE).startswith("http_proxy is not the URL of a proxy: ")


def test_certificates_that_are_not_there_are_told(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SSL_CERT_FILE", "/there/is/no/file")
    assert refused("https://engine.example.test") == (
        "SSL_CERT_FILE is '/there/is/no/file', from where no certificates can be read: "
        "No such file or directory; name a file or folder that has them, or unset it"
    )
    # Where none are needed none are read.
    TaskerClient(ENGINE).close()


def test_certificates_that_are_none_are_told(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "notes.pem").write_text("nothing of the kind")
    environment.setenv("SSL_CERT_FILE", str(tmp_path / "notes.pem"))
    assert "from where no certificates can be read" in refused("https://engine.example.test")


def test_certificates_that_cannot_be_read_leave_no_client_open(
    environment: pytest.MonkeyPatch,
) -> None:
    opened: list[object] = []
    for client in ("Client", "AsyncClient"):
        environment.setattr(httpx, client, lambda **options: opened.append(options))
    environment.setenv("SSL_CERT_FILE", "/there/is/no/file")
    refused(f"{ENGINE},https://engine.example.test")
    assert opened == []


@pytest.mark.parametrize(
    ("no_proxy", "url", "exempt"),
    [
        ("::1,fd00::/8", ENGINE, False),
        ("::1,fd00::/8", "http://[fd00::7]:8080", True),
        ("[fd00::7]", "http://[fd00::7]:8080", True),
        ("10.0.0.0/8", "http://10.1.2.3:8080", True),
        ("10.0.0.0/8", "http://11.1.2.3:8080", False),
        ("10.1.2.3", "http://10.1.2.3:8080", True),
        (".example.test", ENGINE, True),
        ("example.test, other", ENGINE, True),
        ("ample.test", ENGINE, False),
        ("*", ENGINE, True),
        ("", ENGINE, False),
        ("", "http://127.0.0.1:8080", True),
        ("", "http://[::1]:8080", True),
        ("", "http://localhost:8080", True),
    ],
)
def test_whom_no_proxy_exempts(
    environment: pytest.MonkeyPatch, no_proxy: str, url: str, exempt: bool
) -> None:
    environment.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    environment.setenv("NO_PROXY", no_proxy)
    assert (proxy_of(url) is None) is exempt


def test_the_proxy_is_that_of_the_scheme_and_its_password_is_not_shown(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("ALL_PROXY", "http://ada:secret@one:3128")
    environment.setenv("https_proxy", "two:3128")
    assert proxy_of(ENGINE) == "the proxy http://one:3128 of ALL_PROXY"
    assert proxy_of("https://engine") == "the proxy http://two:3128 of https_proxy"


def ask(url: str) -> Any:
    with TaskerClient(url, retry_seconds=0) as client:
        return client.workers()


def ask_asynchronously(url: str) -> Any:
    async def ask() -> Any:
        async with AsyncTaskerClient(url, retry_seconds=0) as client:
            return await client.workers()

    return asyncio.run(ask())


@pytest.mark.parametrize("call", [ask, ask_asynchronously])
def test_a_proxy_that_is_away_is_named(
    environment: pytest.MonkeyPatch, call: Callable[[str], Any]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    environment.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
    with pytest.raises(NotConnectedError) as raised:
        call(ENGINE)
    told = str(raised.value)
    assert f"no engine can be reached at {ENGINE}: " in told
    assert f"; the way leads over the proxy http://127.0.0.1:{port} of HTTP_PROXY; " in told
    assert told.endswith(
        "start one, or name another with TASKER_URL, or put engine.example.test into NO_PROXY"
    )


def test_an_answer_of_a_proxys_own_names_it(environment: pytest.MonkeyPatch) -> None:
    with serving(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!") as (proxy, asked):
        environment.setenv("HTTP_PROXY", proxy)
        with pytest.raises(UnexpectedAnswerError) as raised:
            ask(ENGINE)
    assert asked[0].startswith(f"GET {ENGINE}/v1/workers HTTP/1.1\r\n".encode())
    assert str(raised.value).endswith(
        f"'no!'; the way to it leads over the proxy {proxy} of HTTP_PROXY"
    )
