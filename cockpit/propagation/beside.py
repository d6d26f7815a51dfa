"""The records that are watched beside the names that move: AAAA, aliases, hints, CAA, MX, TXT.

What each must say before and after is declared, never inferred from what most servers say. They
are in no share, since users follow the names that move; each has a bound of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from cockpit.propagation.answers import Beside, Cell, Row, Side
from cockpit.propagation.classify import Reply, canonical, whole, with_state
from cockpit.propagation.convergence import Given, bound_of, judged_cell, learn
from cockpit.runbook.targets import DnsTarget, WatchedRecord

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


class Watched(NamedTuple):
    """A declared record with its values in the form in which they are compared."""

    name: str
    type: str
    old: frozenset[str]
    new: frozenset[str]
    stands: bool = False
    """Whether the name itself is there on both sides: it moves, or holds another record."""

    @property
    def label(self) -> str:
        """How it is called; the key under which its bound is known."""
        return f"{self.name} {self.type}"

    def cell(self, reply: Reply) -> Cell:
        """The cell that a reply makes."""
        alike = reply._replace(values=tuple(value_of(self.type, one) for one in reply.values))
        return with_state(reply, whole(alike, self.old, self.new, stands=self.stands))


def watched(target: DnsTarget) -> tuple[Watched, ...]:
    """What a target declares to be watched beside its names."""
    records = tuple(map(_watched, target.records))
    held = {one.name for one in records if one.old and one.new}
    held |= {canonical(name) for name in (target.zone, *target.names)}
    return tuple(one._replace(stands=one.name in held) for one in records)


def _watched(one: WatchedRecord) -> Watched:
    old = frozenset(value_of(one.type, text) for text in one.old)
    new = old if one.new is None else frozenset(value_of(one.type, text) for text in one.new)
    return Watched(canonical(one.name), one.type, old, new)


def value_of(kind: str, text: str) -> str:
    """A value in its one form; as it stands where it is none of that type, so that it equals none.

    A TXT record is its strings joined, however they were cut (RFC 7208 s3.3).
    """
    if kind == "TXT":
        parts = _QUOTED.findall(text)
        return "".join(parts) if parts else text
    try:
        read = dns.rdata.from_text(
            dns.rdataclass.IN, dns.rdatatype.from_text(kind), text, dns.name.root, relativize=False
        )
    except (dns.exception.DNSException, ValueError):
        return text
    return read.to_text() if kind == "CAA" else read.to_text().lower()


class Besides:
    """What one run has seen of these records."""

    def __init__(self, target: DnsTarget) -> None:
        self.columns = watched(target)
        self.known: tuple[Given, ...] = ()

    def forget(self) -> None:
        """Claim nothing from before."""
        self.known = ()

    def take(self, authorities: Iterable[Row]) -> None:
        """Learn until when each address gave which side."""
        labels = [one.label for one in self.columns]
        self.known = learn(
            self.known, (replace(row, cells=row.beside) for row in authorities), labels
        )

    def told(self, wanted: Side) -> tuple[Beside, ...]:
        """The records with their bounds; none while an authority still gives the left side's."""
        return tuple(
            Beside(one.name, one.type, tuple(sorted(one.old)), tuple(sorted(one.new)), end)
            for one, end in zip(self.columns, self._bounds(wanted), strict=True)
        )

    def judged(
        self, rows: Iterable[Row], wanted: Side, clamps: Mapping[str, float]
    ) -> tuple[Row, ...]:
        """The rows of resolvers, with `holds` for what is kept past its own bound."""
        return tuple(
            replace(
                row,
                beside=tuple(
                    cell if end is None else judged_cell(cell, wanted, end)
                    for cell, end in zip(
                        row.beside, self._bounds(wanted, clamps.get(row.address, 0.0)), strict=True
                    )
                ),
            )
            for row in rows
        )

    def _bounds(self, wanted: Side, floor: float = 0.0) -> Sequence[float | None]:
        return [bound_of(one.label, self.known, wanted, floor) for one in self.columns]
