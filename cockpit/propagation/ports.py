"""The few UDP sockets that a volley's questions share, and what the kernel tells beside packets."""

from __future__ import annotations

import errno
import selectors
import socket
from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple

from cockpit.propagation.stamps import Notes, stamp

SOCKETS = 8
"""Sockets of each family."""
BUFFER = 4 << 20
"""Bytes of receive buffer that are asked for; the kernel grants what it allows."""
DATAGRAM = 832
"""Bytes of that buffer that a small answer takes."""
LONGEST = 4096
_IP_RECVERR, _IPV6_RECVERR, _ERRORS = 11, 25, getattr(socket, "MSG_ERRQUEUE", 0x2000)
_TOO_MANY = (errno.EMFILE, errno.ENFILE)
Where = tuple[str, int]


class Place(NamedTuple):
    """An address as the kernel writes it."""

    text: str
    version: int
    is_loopback: bool


@lru_cache(8192)
def place(address: str) -> Place:
    """An address in its one form."""
    # Ten times as quick as `ipaddress`, which for 500 resolvers stalls the loop.
    if ":" in address:
        packed = socket.inet_pton(socket.AF_INET6, address)
        text = socket.inet_ntop(socket.AF_INET6, packed)
        return Place(text, 6, packed == bytes(15) + b"\1")
    packed = socket.inet_pton(socket.AF_INET, address)
    return Place(socket.inet_ntop(socket.AF_INET, packed), 4, packed[0] == 127)


class Ports:
    """Sockets by number, of the families that are wanted and that this host has."""

    def __init__(self, versions: Collection[int], most: int) -> None:
        self.sockets: list[socket.socket] = []
        self.of: dict[int, range] = {}
        """The numbers of each family's sockets; none where there are none."""
        self.why: dict[int, str] = {}
        """Why a family has none."""
        self._ready: selectors.DefaultSelector | None = None
        """All of them as one; the loop then knows one file, and one turn of it reads several."""
        try:
            self._ready = ready = selectors.DefaultSelector()
        except OSError as error:
            self.of = dict.fromkeys(versions, range(0))
            self.why = {one: _lacking(one, error) for one in versions}
            return
        for version in sorted(versions):
            self._open(version, min(SOCKETS, most))
            for number in self.of[version]:
                ready.register(self.sockets[number], selectors.EVENT_READ, number)

    def _open(self, version: int, wanted: int) -> None:
        first = len(self.sockets)
        for _ in range(wanted):
            try:
                self.sockets.append(_opened(version))
            except OSError as error:
                self.why[version] = _lacking(version, error)
                if error.errno in _TOO_MANY and len(self.sockets) > first:
                    # The last one is given back: what follows here needs a file now and then.
                    self.sockets.pop().close()
                break
        self.of[version] = range(first, len(self.sockets))

    @property
    def file(self) -> int | None:
        """A file that can be read while any of the sockets can; None where there is none."""
        return self._ready.fileno() if self._ready and self.sockets else None

    def ready(self) -> list[int]:
        """The sockets that have something now, answers or errors."""
        return [key.data for key, _ in self._ready.select(0)] if self._ready else []

    @property
    def room(self) -> int:
        """How many small answers the receive buffers of the smallest family hold."""
        granted = [one.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for one in self.sockets]
        held = [sum(granted[number] for number in numbers) for numbers in self.of.values()]
        return min((one for one in held if one), default=0) // DATAGRAM

    def failure(self, number: int) -> tuple[bytes, Where, int] | None:
        """A packet that met a closed port or an unreachable host: its bytes, whereto, and why."""
        try:
            packet, notes, _, where = self.sockets[number].recvmsg(2048, 512, _ERRORS)
        except OSError:
            return None
        return packet, where[:2], _code(notes)

    def close(self) -> None:
        """Close them all."""
        for one in self.sockets:
            one.close()
        if self._ready:
            self._ready.close()


def _opened(version: int) -> socket.socket:
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    one = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        if version == 4:
            one.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        else:
            one.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        one.bind(("", 0))
    except OSError:
        one.close()
        raise
    stamp(one)
    return one


def _lacking(version: int, error: OSError) -> str:
    return f"no IPv{version} socket: {(error.strerror or '').lower()}"


def _code(notes: Notes) -> int:
    """The error number of what the kernel says beside a packet that failed."""
    kinds = (socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)
    told = (data for level, kind, data in notes if (level, kind) in kinds)
    return int.from_bytes(next(told, b"")[:4], "little")
