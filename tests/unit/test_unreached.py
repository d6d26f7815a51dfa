from __future__ import annotations

import errno
import ssl

import httpx
import pytest

from cockpit.unreached import failure_words
from tests.fakes.dns_servers import own_net


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError(errno.EHOSTUNREACH, "Connect call failed ('2001:db8::1', 853, 0, 0)"),
            "no route to host",
        ),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call"), "nothing listens there"),
        (
            caused(httpx.ConnectError("All attempts failed"), OSError(errno.ENETUNREACH, "x")),
            "network is unreachable",
        ),
        (caused(httpx.ReadError(""), ConnectionResetError()), "the connection broke off"),
        (httpx.ReadTimeout(""), "no answer in time"),
        (TimeoutError(), "no answer in time"),
        (ssl.SSLError(1, "[SSL: X] x (_ssl.c:1006)"), "no TLS could be spoken: it broke off"),
        (OSError(0, "answers HTTP 500"), "answers HTTP 500"),
        (httpx.RemoteProtocolError("Server disconnected."), "server disconnected"),
        (ConnectionResetError(), "the connection broke off"),
    ],
)
def test_why_a_connection_failed_is_said_in_words_and_never_in_nothing(
    error: Exception, words: str
) -> None:
    assert failure_words(error) == words


async def test_a_closed_port_is_said_so_whatever_library_asked_there() -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.HTTPError) as caught:
            await client.get(f"http://{own_net()}.9:5399/")
    assert failure_words(caught.value) == "nothing listens there"
