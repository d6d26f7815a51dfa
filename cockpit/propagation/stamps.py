"""When a packet came in, by the kernel: a loop that was busy elsewhere read it later."""

from __future__ import annotations

import platform
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache

_TIMESTAMPNS = 35
"""SO_TIMESTAMPNS of Linux, which Python does not name."""
_TIMESPEC = struct.Struct("@ll")
ROOM = socket.CMSG_SPACE(_TIMESPEC.size)
"""Bytes beside a packet that its stamp takes."""
_TCP_INFO_ROOM, _TCP_INFO_RTT = 104, 68
"""Bytes of the kernel's word on a TCP connection, and where its round trip stands."""
SLACK_S = 0.1
"""Seconds for which packets are read one after another under one reading of the clocks."""
Notes = Sequence[tuple[int, int, bytes]]
"""What the kernel says beside a packet."""


def stamp(one: socket.socket) -> None:
    """Have the kernel stamp what comes in by this socket, where it can."""
    _keep_stamping()
    _ask_for_stamps(one)


@cache
def _keep_stamping() -> socket.socket | None:
    """A socket for as long as the process lives.

    The kernel stamps while anybody wants it, and begins a little after the first one does: by
    then the answers to a sweep's first questions may be there.
    """
    try:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    except OSError:
        return None
    _ask_for_stamps(one)
    return one


def _ask_for_stamps(one: socket.socket) -> None:
    if platform.system() == "Linux":
        with suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)


def took_s(notes: Notes, sent_wall: float, elapsed_s: float) -> float:
    """Seconds from a sending, by the wall clock, until the answer came in.

    `elapsed_s` are those until it was read, by a clock that nobody sets: they count where the
    kernel does not say, or says what cannot be, since the wall clock was set meanwhile.
    """
    for level, kind, data in notes:
        if level == socket.SOL_SOCKET and kind == _TIMESTAMPNS and len(data) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            took: float = seconds - sent_wall + nanoseconds / 1e9
            return took if 0.0 <= took <= elapsed_s + SLACK_S else elapsed_s
    return elapsed_s


def round_trip_s(connection: object) -> float | None:
    """The round trip of a TCP connection as the kernel measured it; None where it does not say."""
    get = getattr(connection, "getsockopt", None)
    if get is None or not hasattr(socket, "TCP_INFO"):
        return None
    try:
        told = get(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_ROOM)
    except OSError:
        return None
    if len(told) < _TCP_INFO_RTT + 4:
        return None
    return int.from_bytes(told[_TCP_INFO_RTT : _TCP_INFO_RTT + 4], sys.byteorder) / 1e6 or None
