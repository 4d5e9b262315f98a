"""The two forms of health check, made by the driver itself: a test has no curl, no pg_isready."""

import http.client
import socket
import struct
from collections.abc import Callable
from urllib.parse import urlsplit

# Asks once, within so many seconds: why the service is not healthy, or None.
Check = Callable[[float], str | None]

# StartupMessage of https://www.postgresql.org/docs/current/protocol-message-formats.html
PROTOCOL_VERSION = 196608
AUTHENTICATION = b"R"


def check_of(test: tuple[str, ...], published_port: int | None = None) -> Check:
    """The check that a compose file's `test` describes; `ValueError` for any other form.

    The file says where a service is for itself; `published_port` is where this machine reaches it,
    when that is somewhere else.
    """
    match test:
        case ("CMD", "curl", "-f", url):
            if published_port:
                url = urlsplit(url)._replace(netloc=f"127.0.0.1:{published_port}").geturl()
            return lambda timeout: _ask(url, timeout)
        case ("CMD", "pg_isready", "-h", host, "-p", port, "-U", user, "-d", database):
            message = _startup_message(user, database)
            at = published_port or int(port)
            return lambda timeout: _connect(host, at, message, timeout)
    raise ValueError(
        f'{list(test)}: the test stack supports ["CMD", "curl", "-f", URL] and '
        '["CMD", "pg_isready", "-h", HOST, "-p", PORT, "-U", USER, "-d", DATABASE]'
    )


def _ask(url: str, timeout: float) -> str | None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        body = response.read(2000).decode(errors="replace")
        return None if response.status < 400 else f"{url} answers {response.status}: {body}"
    except (OSError, http.client.HTTPException) as error:
        return f"{url}: {error!r}"
    finally:
        connection.close()


def _connect(host: str, port: int, message: bytes, timeout: float) -> str | None:
    try:
        with socket.create_connection((host, port), timeout=timeout) as connection:
            connection.sendall(message)
            answer = connection.recv(1000)
    except OSError as error:
        return f"PostgreSQL at {host}:{port}: {error!r}"
    if answer.startswith(AUTHENTICATION):
        return None
    return f"PostgreSQL at {host}:{port} answers {answer!r}"


def _startup_message(user: str, database: str) -> bytes:
    fields = b"".join(s.encode() + b"\0" for s in ("user", user, "database", database)) + b"\0"
    return struct.pack("!ii", len(fields) + 8, PROTOCOL_VERSION) + fields
