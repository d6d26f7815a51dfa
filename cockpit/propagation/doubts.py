"""Answers past their bound that are asked for twice: kept, or served stale once while refreshed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace

from cockpit.clock import Clock
from cockpit.propagation.answers import Cell, Row, Side
from cockpit.propagation.classify import cell
from cockpit.propagation.convergence import in_doubt, second_look
from cockpit.propagation.refreshed import words
from cockpit.propagation.sweep import ask_each, server_of
from cockpit.runbook.targets import DnsTarget

STALE_PAUSE_S = 2.0
"""Run seconds after which an answer served stale is asked for once more."""
Doubt = tuple[int, int, int]
"""A row and a column, and the TTL that the zone itself gives there; 0 where nobody knows it."""


def doubts(judged: Sequence[Row], heard: Collection[str], ttls: Sequence[int]) -> list[Doubt]:
    """The cells in doubt of the resolvers that were heard; ssh is not troubled for a second one."""
    return [
        (at, column, ttls[column])
        for at, row in enumerate(judged)
        for column, one in enumerate(row.cells)
        if in_doubt(one) and row.name in heard and not row.through
    ]


async def asked_again(
    rows: Sequence[Row],
    doubted: Sequence[Doubt],
    target: DnsTarget,
    wanted: Side,
    clock: Clock,
    deadline_s: float,
) -> tuple[Row, ...]:
    """The rows, with what their caches hold after one stale answer."""
    await asyncio.sleep(STALE_PAUSE_S / clock.speed)
    questions = [
        (server_of(target.resolvers[at]), target.names[column], target.record_type)
        for at, column, _ in doubted
    ]
    replies = await ask_each(questions, clock, deadline_s)
    told = list(rows)
    for (at, column, ttl), reply in zip(doubted, replies, strict=True):
        if reply is not None:
            second = cell(reply, target.old, target.new)
            first = told[at].cells[column]
            both = second_look(first, second, wanted)
            if first.state != second.state == wanted:
                left: Side = "old" if wanted == "new" else "new"
                how = words(first, second, ttl, left)
                both = replace(both, note="; ".join(filter(None, (both.note, how))))
            told[at] = _with_cell(told[at], column, both)
    return tuple(told)


def _with_cell(row: Row, column: int, one: Cell) -> Row:
    return replace(row, cells=(*row.cells[:column], one, *row.cells[column + 1 :]))
