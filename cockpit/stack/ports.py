"""Ports: who can reach them, and whether they are free."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any, NamedTuple

from cockpit.stack.facts import Bound
from cockpit.stack.model import Found, Stack

PUBLIC = frozenset((80, 443))
"""What a web server in front is for."""


class Published(NamedTuple):
    """A port of the host that a service wants."""

    address: str
    """Empty: every address of the host."""
    ports: range
    protocol: str

    def __str__(self) -> str:
        last = f"-{self.ports[-1]}" if len(self.ports) > 1 else ""
        return f"{self.address or '0.0.0.0'}:{self.ports[0]}{last}/{self.protocol}"  # noqa: S104 - said, not bound


def published(port: dict[str, Any]) -> Published | None:
    """What a resolved port publishes; None where the engine picks a number by itself."""
    first, _, last = str(port.get("published") or "").partition("-")
    if not first.isdigit():
        return None
    numbers = range(int(first), int(last or first) + 1)
    return Published(str(port.get("host_ip") or ""), numbers, str(port.get("protocol") or "tcp"))


def open_to_the_world(stack: Stack) -> Iterator[Found]:
    """A port on every address of the host, past whatever firewall lets Docker through."""
    for one in stack.services:
        for port in one.at("ports") or ():
            wanted = published(port)
            if wanted and PUBLIC.issuperset(wanted.ports):
                continue
            if not _is_loopback(str(port.get("host_ip") or "")):
                inside, outside = port.get("target"), port.get("published") or ""
                what = f"its port {inside} is open to the world ({wanted or 'any number'})"
                mend = f"publish it on loopback alone: `127.0.0.1:{outside}:{inside}`"
                yield one.found(what, mend, "ports", like=str(outside or inside))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def host_network(stack: Stack) -> Iterator[Found]:
    """A service on the host's own network: each port that it opens is the host's."""
    for one in stack.services:
        if one.at("network_mode") == "host":
            what = "shares the host's network, with every port that it opens"
            yield one.found(what, "give it a network of the project", "network_mode")


def taken(stack: Stack) -> Iterator[Found]:
    """A port that somebody else has."""
    bound = stack.facts.ports
    for one in stack.services:
        for port in one.at("ports") or ():
            wanted = published(port)
            if wanted is None:
                continue
            if bound is None:
                what = f"whether {wanted} is free could not be told"
                yield one.unknown(what, "look with `ss -lntu` on the engine's host", "ports")
                continue
            holder = next((held for held in bound if _clash(wanted, held)), None)
            if holder:
                what = f"wants {wanted}, which {holder.holder or 'another program'} has"
                like = str(port["published"])
                yield one.found(
                    what, "stop that program, or publish another port", "ports", like=like
                )


def twice(stack: Stack) -> Iterator[Found]:
    """Two services that want one port."""
    first: list[tuple[str, Published]] = []
    for one in stack.services:
        for port in one.at("ports") or ():
            wanted = published(port)
            if wanted is None:
                continue
            for name, other in first:
                held = [
                    Bound(other.address, number, other.protocol, name) for number in other.ports
                ]
                if any(_clash(wanted, each) for each in held):
                    what = f"wants {wanted}, which {name} wants too"
                    yield one.found(
                        what, "publish another port", "ports", like=str(port["published"])
                    )
                    break
            first.append((one.name, wanted))


def _clash(wanted: Published, held: Bound) -> bool:
    everywhere = ("", "0.0.0.0", "::", "*")  # noqa: S104 - read, not bound
    meets = wanted.address == held.address or {wanted.address, held.address} & set(everywhere)
    return bool(meets) and held.port in wanted.ports and held.protocol == wanted.protocol
