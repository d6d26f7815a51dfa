"""One look at every server at once: each authority and resolver asked for each name."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from cockpit.clock import Clock
from cockpit.propagation.answers import Cell, Row
from cockpit.propagation.ask import PORTS, Server, ask
from cockpit.propagation.beside import watched
from cockpit.propagation.classify import Reply, cell
from cockpit.propagation.far import ask_far
from cockpit.propagation.volley import Question, volley
from cockpit.runbook.targets import DnsTarget, Resolver

AT_ONCE = 150
"""Connections at a time: a process may have 1024 files open."""
DEADLINE_S = 2.0
"""Real seconds for one question, its second try and TCP included."""


async def sweep(target: DnsTarget, clock: Clock, deadline_s: float = DEADLINE_S) -> tuple[Row, ...]:
    """Every authority and every resolver, asked at once; authorities first."""
    authorities, resolvers = await asyncio.gather(
        authority_rows(target, clock, deadline_s), resolver_rows(target, clock, deadline_s)
    )
    return authorities + resolvers


async def authority_rows(
    target: DnsTarget, clock: Clock, deadline_s: float = DEADLINE_S
) -> tuple[Row, ...]:
    """What each authoritative address gives for each name, with the zone's serial."""
    questions = [
        (Server(one.address, one.port, authoritative=True), name, record_type)
        for one in target.authorities
        for name, record_type in (*_columns(target), (target.zone, "SOA"))
    ]
    replies = await ask_each(questions, clock, deadline_s)
    width = len(_columns(target)) + 1
    rows = []
    for authority, row in zip(unasked_authorities(target), _lines(replies, width), strict=True):
        soa = row[-1]
        serial = None if soa is None else soa.serial
        made = _answered(authority, row[:-1], target)
        cells = tuple(replace(one, serial=serial) for one in made.cells)
        rows.append(replace(made, cells=cells, absent_s=_absent_s(soa)))
    return tuple(rows)


def _absent_s(soa: Reply | None) -> int | None:
    """The lower of the SOA's own TTL and its last number; None where there is no SOA."""
    if soa is None or not soa.values or soa.ttl is None:
        return None
    return min(soa.ttl, int(soa.values[0].split()[-1]))


def _columns(target: DnsTarget) -> list[tuple[str, str]]:
    """Name and type of each column: those that move, then those beside them."""
    moving = [(name, target.record_type) for name in target.names]
    return [*moving, *((one.name, one.type) for one in target.records)]


async def resolver_rows(
    target: DnsTarget, clock: Clock, deadline_s: float = DEADLINE_S
) -> tuple[Row, ...]:
    """What each resolver gives for each name."""
    columns = _columns(target)
    questions = [
        (server_of(one, target.ssh_config), *column)
        for one in target.resolvers
        for column in columns
    ]
    replies = await ask_each(questions, clock, deadline_s)
    return tuple(
        _answered(resolver, row, target)
        for resolver, row in zip(
            unasked_resolvers(target), _lines(replies, len(columns)), strict=True
        )
    )


def server_of(resolver: Resolver, ssh_config: str = "") -> Server:
    """How a resolver of a target is asked; another way has another port where none is given."""
    port = PORTS[resolver.way] if resolver.port == PORTS["udp"] else resolver.port
    return Server(
        resolver.address,
        port,
        way=resolver.way,
        host=resolver.host,
        through=resolver.through,
        ssh_config=ssh_config,
    )


def unasked_authorities(target: DnsTarget) -> tuple[Row, ...]:
    """The rows of the authorities before anything was asked."""
    cells, beside = _unasked(target)
    return tuple(
        Row(
            one.name,
            one.address,
            "",
            "authority",
            "honest",
            1.0,
            cells,
            lag=one.lag,
            beside=beside,
        )
        for one in target.authorities
    )


def unasked_resolvers(target: DnsTarget) -> tuple[Row, ...]:
    """The rows of the resolvers before anything was asked."""
    cells, beside = _unasked(target)
    return tuple(
        Row(
            one.name,
            one.address,
            one.country,
            "resolver",
            one.behaviour,
            one.weight,
            cells,
            beside=beside,
            through=one.through,
        )
        for one in target.resolvers
    )


def _unasked(target: DnsTarget) -> tuple[tuple[Cell, ...], tuple[Cell, ...]]:
    return (Cell("unasked"),) * len(target.names), (Cell("unasked"),) * len(target.records)


async def ask_each(
    questions: Sequence[Question], clock: Clock, deadline_s: float = DEADLINE_S
) -> list[Reply | None]:
    """A reply to each question, in order; silence with a note where no time was left to ask it.

    What goes over UDP goes in one volley, everything else over a connection of its own each; what
    is asked on other hosts takes the time of ssh.
    """
    far = [at for at, one in enumerate(questions) if one[0].through]
    near = [at for at, one in enumerate(questions) if not one[0].through]
    plain = [at for at in near if questions[at][0].way == "udp"]
    others = [at for at in near if questions[at][0].way != "udp"]
    told = await asyncio.gather(
        volley([questions[at] for at in plain], clock, deadline_s),
        _by_connections([questions[at] for at in others], clock, deadline_s),
        ask_far([questions[at] for at in far], clock),
    )
    replies = dict(zip((*plain, *others, *far), chain.from_iterable(told), strict=True))
    return [replies[at] for at in range(len(questions))]


async def _by_connections(
    questions: Sequence[Question], clock: Clock, deadline_s: float
) -> list[Reply | None]:
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(question: Question) -> Reply:
        async with turn:
            return await ask(*question, clock, deadline_s)

    return list(await asyncio.gather(*map(one, questions)))


def _lines(replies: Sequence[Reply | None], width: int) -> list[Sequence[Reply | None]]:
    return [replies[at : at + width] for at in range(0, len(replies), width)]


def _answered(row: Row, replies: Sequence[Reply | None], target: DnsTarget) -> Row:
    """A server's row with its answers: for the names that move, then for what is beside them."""
    moving, beside = replies[: len(target.names)], replies[len(target.names) :]
    return replace(
        row,
        cells=tuple(
            Cell("unasked") if one is None else cell(one, target.old, target.new) for one in moving
        ),
        beside=tuple(
            Cell("unasked") if one is None else column.cell(one)
            for column, one in zip(watched(target), beside, strict=True)
        ),
    )
