from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cockpit.checks.base import Finding
from cockpit.checks.signed import dns_signed
from cockpit.clock import live_clock
from cockpit.propagation.answers import Cell
from cockpit.propagation.ask import BOGUS
from cockpit.propagation.vetting import vet
from cockpit.propagation.watch import PropagationWatch
from cockpit.runbook.checks import DnsSignedCheck
from cockpit.runbook.words import Duration, Id
from tests.lab.fix_dns import ZONE
from tests.lab.fix_dns_steps import LOWER, TARGET, TO_NEW, TO_OLD, act, checking
from tests.lab.fix_dnssec import Damage, SignedDns, signed_dns

DAY_S = 86400.0
PATIENCE_S = 20.0
SOUND = ("ns1", "proving", "plain")


async def gate(servers: SignedDns, *, without: str = "misled") -> Finding:
    """Whether the zone is proved now and for a day more, at all resolvers but one."""
    resolvers = tuple(one for one in servers.target.resolvers if one.name != without)
    check = DnsSignedCheck(
        kind="dns_signed", id=Id("signed"), title="", target=TARGET, valid_for=Duration(DAY_S)
    )
    return await dns_signed(check, checking(servers, replace(servers.target, resolvers=resolvers)))


async def until(
    watch: PropagationWatch, what: str, holds: Callable[[dict[str, Cell]], bool]
) -> dict[str, Cell]:
    """Look until the resolvers' cells are as they must become."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        grid = await watch.look()
        cells = {row.name: row.cells[0] for row in grid.rows}
        if holds(cells):
            return cells
        assert time.monotonic() < deadline, f"{what} never came: {cells}"
        await asyncio.sleep(0.2)


def is_bogus(cell: Cell) -> bool:
    return cell.state == "servfail" and cell.note.startswith(BOGUS)


def are_all(side: str) -> Callable[[dict[str, Cell]], bool]:
    return lambda cells: {cells[name].state for name in SOUND} == {side}


async def test_a_signed_zone_is_switched_and_taken_back_and_its_proofs_go_with_it(
    open_folder: Path,
) -> None:
    with signed_dns(open_folder, by_itself=True) as servers:
        watch = PropagationWatch(servers.target, live_clock())
        for change, side in ((LOWER, "old"), (TO_NEW, "new"), (TO_OLD, "old")):
            await act(servers, change)
            cells = await until(watch, f"{side} everywhere", are_all(side))
            assert is_bogus(cells["misled"]), cells["misled"]
            found = await gate(servers)
            assert found.said == "pass", found.evidence
        told = await vet(servers.target, servers.target.resolvers, live_clock())
        assert [name for name, why in told.items() if why] == ["misled"]
        assert (await gate(servers, without="")).said == "fail"


@pytest.mark.parametrize("damage", ["expired", "removed"])
async def test_a_zone_whose_proofs_break_is_bogus_where_they_are_checked_and_no_plain_failure(
    open_folder: Path, damage: Damage
) -> None:
    with signed_dns(open_folder, by_itself=False) as servers:
        watch = PropagationWatch(servers.target, live_clock())
        await until(watch, "old everywhere", are_all("old"))
        assert (await gate(servers)).said == "pass"
        servers.sign(damage=damage)
        cells = await until(watch, "the refusal", lambda cells: is_bogus(cells["proving"]))
        assert (cells["plain"].state, cells["ns1"].state) == ("old", "old")
        found = await gate(servers)
        assert found.said == "fail", found.evidence
        assert {"expired": "validating resolvers refuse", "removed": "no signature for"}[
            damage
        ] in found.evidence


@pytest.mark.parametrize(
    ("ends_in_s", "keys_end_in_s", "which"),
    [(7200, 90000, f"{ZONE} A at ns1"), (90000, 7200, f"{ZONE} DNSKEY at ns1")],
)
async def test_signatures_that_hold_tonight_and_not_for_a_day_close_the_gate(
    open_folder: Path, ends_in_s: int, keys_end_in_s: int, which: str
) -> None:
    with signed_dns(open_folder, by_itself=False) as servers:
        servers.sign(ends_in_s=90000, keys_end_in_s=90000)
        assert (await gate(servers)).said == "pass"
        servers.sign(ends_in_s=ends_in_s, keys_end_in_s=keys_end_in_s)
        found = await gate(servers)
        assert found.said == "fail", found.evidence
        assert found.evidence.endswith(f"that of {which}")
