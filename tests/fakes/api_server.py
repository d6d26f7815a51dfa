"""A provider's HTTP API on loopback: routes, limits of rate, faults before or after a request."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit

Kind = Literal["reset", "500", "429", "timeout", "half", "late"]
KINDS: tuple[Kind, ...] = ("reset", "500", "429", "timeout", "half", "late")
Place = Literal["before", "after"]
TIMEOUT_S = 0.3
"""Longer than a client of these tests waits."""


class Asked(NamedTuple):
    """One request, as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any


class Said(NamedTuple):
    """What is said to it."""

    status: int
    body: Any
    headers: Mapping[str, str] = {}


class Fault(NamedTuple):
    """What goes wrong, from the k-th request on; `lasts` counts requests."""

    at: int
    place: Place
    kind: Kind
    lasts: int = 1

    def hits(self, number: int) -> bool:
        return self.at <= number < self.at + self.lasts


@dataclass
class Api:
    """What all fakes of providers share."""

    token: str
    answer: Callable[[Asked], Said]
    refusal: Callable[[int], Any]
    """The body of an error of that status."""
    asked: list[Asked] = field(default_factory=list)
    fault: Fault | None = None
    allowed: int | None = None
    """Requests that are allowed yet."""
    wait_s: int = 1
    """What a refusal for too many requests asks to wait; afterwards `refill` more are allowed."""
    refill: int = 1000
    limits: Callable[[int | None, bool], Mapping[str, str]] = lambda _left, _refused: {}
    """The headers that tell of limits, by what is left."""
    pending: int = 0
    """Requests that have come and not come about yet."""
    ends: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def respond(self, asked: Asked, headers: Mapping[str, str]) -> Said:
        by_bearer = headers.get("Authorization", "") == f"Bearer {self.token}"
        if not by_bearer and headers.get("X-API-Key", "") != self.token:
            return Said(401, self.refusal(401))
        if self.allowed is not None and self.allowed <= 0:
            self.allowed = self.refill
            return Said(429, self.refusal(429), {**self.limits(0, True)})
        if self.allowed is not None:
            self.allowed -= 1
        said = self.answer(asked)
        return said._replace(headers={**self.limits(self.allowed, False), **said.headers})

    def writes(self) -> list[Asked]:
        return [one for one in self.asked if one.method != "GET"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: in two, each answer waits for a delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    api: Api

    def handle_one(self) -> None:
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        asked = Asked(self.command, parts.path, query, body)
        with self.api.lock:
            self.api.asked.append(asked)
            self.api.pending += 1
            number, fault = len(self.api.asked), self.api.fault
        try:
            if fault is None or not fault.hits(number):
                self.say(self.answered(asked))
            else:
                self.fail(fault, asked)
        finally:
            with self.api.lock:
                self.api.pending -= 1

    do_GET = do_PATCH = do_PUT = do_POST = do_DELETE = handle_one  # noqa: N815 - the base class's names

    def answered(self, asked: Asked) -> Said:
        with self.api.lock:
            return self.api.respond(asked, dict(self.headers))

    def fail(self, fault: Fault, asked: Asked) -> None:
        if fault.kind == "late":
            # It comes about, after everybody has given up on it.
            self.api.ends.wait(TIMEOUT_S)
            self.answered(asked)
            self.close_connection = True
            return
        said = self.answered(asked) if fault.place == "after" else Said(200, {"half": "a" * 50})
        if fault.kind == "timeout":
            self.api.ends.wait(TIMEOUT_S)
            self.close_connection = True
        elif fault.kind == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
        elif fault.kind == "half":
            self.say(said, cut=True)
        else:
            status = int(fault.kind)
            wait = "0" if fault.lasts == 1 else "300"
            headers = {"retry-after": wait} if status == 429 else {}
            self.say(Said(status, self.api.refusal(status), headers))

    def say(self, said: Said, *, cut: bool = False) -> None:
        content = b"" if said.body is None else json.dumps(said.body).encode()
        self.send_response(said.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in said.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.wfile.flush()
        self.close_connection = self.close_connection or cut

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, handler: type[_Handler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.taken: list[socket.socket] = []

    def get_request(self) -> tuple[socket.socket, object]:
        taken = super().get_request()
        self.taken.append(taken[0])
        return taken

    def hear_no_more(self) -> None:
        """Let nobody wait for what a client that keeps its connection might still ask."""
        for one in self.taken:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RD)

    def handle_error(self, *_: object) -> None:
        """A client that left in the middle is what these tests are about."""


@contextmanager
def serving(api: Api) -> Iterator[str]:
    """The API's base URL while it serves."""
    handler = type("Handler", (_Handler,), {"api": api, "timeout": 5.0})
    server = _Server(handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        api.ends.set()
        server.shutdown()
        thread.join()
        server.hear_no_more()
        server.server_close()


def settled(api: Api, deadline_s: float = 3.0) -> None:
    """Wait until every request has come about, the late ones too."""
    until = time.monotonic() + deadline_s
    while api.pending and time.monotonic() < until:
        time.sleep(0.01)
    assert not api.pending
