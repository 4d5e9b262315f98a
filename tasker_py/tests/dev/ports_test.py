"""A port that is taken is told with who has it and which flag changes it."""

import os
import re
import socket

import pytest

from tasker_core.dev import ports
from tasker_core.errors import DevError


def test_a_free_port_is_free(free_ports: list[int]) -> None:
    ports.require_free(free_ports[0], "the engine", "--port")


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_the_owner_of_a_taken_port_is_named(address: str) -> None:
    with socket.create_server((address, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(DevError) as raised:
            ports.require_free(port, "the engine", "--port")
    found = re.fullmatch(
        rf"port {port}, for the engine, is taken by process (\d+) \((.+)\); "
        r"choose another with --port, or stop that process",
        str(raised.value),
    )
    assert found is not None, raised.value
    assert found[1] == str(os.getpid())
    assert "pytest" in found[2] or "main.py" in found[2]


def test_an_owner_that_cannot_be_seen_is_another_users(free_ports: list[int]) -> None:
    assert ports.owner(free_ports[0]) == "a process of another user"
