from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import dns.message
import dns.rcode
import pytest

from cockpit.runbook.words import SecretId
from tests.fakes.dns_servers import KEY, KEY_NAME, NEW, OLD, Zone, own_net, serving
from tests.fakes.provider_runs import BACK, NAMES, TO_NEW, TO_OLD, Steps, impatient, steps_at

FOREVER = 10**6
Kind = Literal["silence", "end", "failure", "damage"]
KINDS: tuple[Kind, ...] = ("silence", "end", "failure", "damage")


@dataclass
class Primary:
    """A zone's primary that fails at some packets, before or after it acts on them."""

    zone: Zone
    at: int = FOREVER
    kind: Kind = "silence"
    lasts: int = 1
    acts: bool = False
    """Whether it fails after it acted."""
    heard: int = 0

    def udp(self, wire: bytes) -> bytes | None:
        try:
            return self.tcp(wire)
        except (EOFError, TimeoutError):
            return None

    def tcp(self, wire: bytes) -> bytes:
        self.heard += 1
        if not self.at <= self.heard < self.at + self.lasts:
            return self.zone.answer(wire)
        reply = self.zone.answer(wire) if self.acts else b""
        if self.kind == "silence":
            raise TimeoutError
        if self.kind == "end":
            raise EOFError
        if self.kind == "failure":
            refusal = dns.message.make_response(dns.message.from_wire(wire, keyring=False))
            refusal.set_rcode(dns.rcode.SERVFAIL)
            return refusal.to_wire()
        return reply[: len(reply) // 2] or wire[:7]


def sets(address: str) -> dict[tuple[str, str], tuple[int, frozenset[str]]]:
    return {(name, "A"): (3600, frozenset([address])) for name in NAMES}


async def stumble(primary: Primary, steps: Steps, at: int) -> bool:
    """A switch with a fault, judged by what it says; whether the fault was met."""
    first = primary.heard
    primary.at = first + at
    with impatient():
        failure = await steps.take(TO_NEW)
    primary.at = FOREVER
    if not failure:
        assert primary.zone.records == sets(NEW)
    elif "nothing was changed" in failure or "all is as before" in failure:
        assert primary.zone.records == sets(OLD), failure
    else:
        assert "not known" in failure, failure
    return primary.heard - first >= at


@pytest.mark.parametrize("lasts", [1, FOREVER], ids=["once", "for long"])
@pytest.mark.parametrize("acts", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", KINDS)
async def test_whatever_fails_at_any_packet_the_zone_is_told_truly_and_is_old_or_new_as_a_whole(
    kind: Kind, acts: bool, lasts: int, tmp_path: Path
) -> None:
    zone = Zone(dict(sets(OLD)))
    primary, address = Primary(zone, kind=kind, lasts=lasts, acts=acts), f"{own_net()}.54"
    async with serving(address, primary.udp, primary.tcp) as port:
        more = {"server": f"{address}:{port}", "key_name": KEY_NAME, "secret": SecretId("token")}
        async with steps_at(Served(zone), tmp_path, "rfc2136", KEY, **more) as steps:
            number, met = 0, True
            while met:
                number += 1
                zone.records = dict(sets(OLD))
                steps.afresh()
                met = await stumble(primary, steps, number)
                halfway = dict(zone.records)
                undone = await steps.take(BACK if steps.wrote("to_new") else TO_OLD)
                assert (undone, zone.records) == ("", sets(OLD))
                zone.records = halfway
                assert await steps.take(TO_NEW) == ""
                assert zone.records == sets(NEW)
    assert number > 8, "every packet of the step was met"


class Served:
    """What the zone's name server gives."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone

    @property
    def serial(self) -> int:
        return self._zone.serial

    def sets(self) -> dict[tuple[str, str], tuple[int, frozenset[str]]]:
        return dict(self._zone.records)
