"""Which requests of web pages the port of several processes refuses, as the engine does."""

import pytest

from tasker_core.origin import Refusal, is_loopback, refusal

LOCAL = "127.0.0.1:8081"
HOSTS = ("tasker.test", "exact.test:81")


def refused(host: str | None, origin: str | None = None, path: str = "/metrics") -> str | None:
    found = refusal(path, host, origin, hosts=HOSTS, any_host=False)
    return None if found is None else found.code


@pytest.mark.parametrize(
    "host",
    [
        None,
        LOCAL,
        "[::1]:8081",
        "[fd00::1]",
        "192.168.1.7",
        "localhost:8081",
        "LOCALHOST",
        "app.localhost",
        "tasker.test",
        "Tasker.Test:9000",
        "exact.test:81",
    ],
)
def test_it_is_asked_by_its_addresses_by_localhost_and_by_its_names(host: str | None) -> None:
    assert refused(host) is None


@pytest.mark.parametrize(
    "host",
    [
        "rebound.example.test:8081",
        "localhost.example.test",
        "notlocalhost",
        "127.0.0.1.example.test",
        "exact.test",
        "exact.test:82",
        "sub.tasker.test",
        "",
    ],
)
def test_another_name_is_refused_but_to_probes(host: str) -> None:
    assert refused(host) == "HOST_REFUSED"
    assert refused(host, f"http://{host}") == "HOST_REFUSED"
    assert refused(host, path="/healthy") == "HOST_REFUSED"
    assert refused(host, path="/health") is None
    assert refused(host, path="/health/ready") is None
    assert refusal("/metrics", host, None, hosts=(), any_host=True) is None


@pytest.mark.parametrize(
    "origin",
    [
        "http://example.test",
        "http://127.0.0.1:3000",
        "http://127.0.0.1",
        "http://localhost:8081",
        "null",
        "",
        "http://",
        LOCAL,
        "http://tasker.test.example.test",
    ],
)
def test_a_page_of_another_origin_is_refused(origin: str) -> None:
    for path in ("/metrics", "/health", "/health/live"):
        assert refused(LOCAL, origin, path) == "ORIGIN_REFUSED"


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        (LOCAL, "http://127.0.0.1:8081"),
        ("localhost", "https://localhost"),
        ("localhost:443", "https://localhost"),
        (LOCAL, "https://tasker.test"),
        (LOCAL, "http://Tasker.test:3000"),
    ],
)
def test_its_own_pages_and_listed_ones_are_not(host: str, origin: str) -> None:
    assert refused(host, origin) is None


def test_a_refusal_names_what_was_asked_and_the_remedy() -> None:
    found = refusal("/metrics", LOCAL, "http://example.test", hosts=(), any_host=False)
    assert isinstance(found, Refusal)
    assert found.details == {"origin": "http://example.test", "host": LOCAL}
    assert "'http://example.test'" in found.message
    assert "TASKER_HOSTS" in found.message


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("localhost", True), ("[::1]", True), ("0.0.0.0", False), ("w", False)],
)
def test_what_only_this_machine_reaches(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
