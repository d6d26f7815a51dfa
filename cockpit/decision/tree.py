"""The decision tree: from readings to a verdict, and the second look that a rollback needs.

rows lost?                       yes: roll back
requests failing?                beyond the limit: roll back; more than usual: fix forward
slower than before?              beyond the limit: roll back; else scale up where short, watch
anything unknown?                not enough data
                                 stay
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cockpit.clock import utc
from cockpit.decision.evidence import Reading, VerdictWord

APART = 60.0
"""Run seconds between two looks that count as two."""


class Finding(NamedTuple):
    """What the readings say, at one look."""

    word: VerdictWord
    reason: str
    about: tuple[str, ...] = ()
    """The signals that say so."""


@dataclass(frozen=True, slots=True)
class Looks:
    """How many looks in a row said the same."""

    word: VerdictWord = "not_yet"
    count: int = 0
    at: float = 0.0
    """The run clock of the last look that counts."""
    newest: float = 0.0
    """The newest observation that it rested on."""


Kinded = tuple[str, Reading]
"""A signal's kind and its reading."""


def find(readings: Sequence[Kinded], short: Sequence[str] = ()) -> Finding:
    """Go down the tree; `short` names the resources that are short, in words."""
    telling = sorted((one for one in readings if one[0] in ORDER), key=lambda one: ORDER[one[0]])
    for _, reading in telling:
        if reading.leaning == "bad":
            return Finding("roll_back", _said(reading), (reading.signal,))
    for kind, reading in telling:
        if reading.leaning == "warn":
            return WARNED[kind](reading, short)._replace(about=(reading.signal,))
    unknown = [reading for _, reading in telling if reading.leaning == "unknown"]
    if unknown or not telling:
        about = tuple(reading.signal for reading in unknown)
        return Finding("not_enough_data", _wanting(unknown), about)
    signals = tuple(reading.signal for _, reading in telling)
    return Finding("stay", "; ".join(_said(reading) for _, reading in telling), signals)


def look(previous: Looks, finding: Finding, now: float, newest: float) -> Looks:
    """Count this look: a second one is a run minute later, and rests on newer observations."""
    if finding.word != previous.word or now < previous.at:
        return Looks(finding.word, 1, now, newest)
    if now - previous.at < APART or newest <= previous.newest:
        return previous
    return Looks(finding.word, previous.count + 1, now, newest)


def advised(finding: Finding, looks: Looks) -> Finding:
    """What may be said after so many looks: one alone advises no rollback."""
    if finding.word != "roll_back" or looks.count > 1:
        return finding
    then = utc(looks.at + APART).strftime("%H:%M:%S")
    first = f"{finding.reason}: the first look; a second one decides from {then} UTC"
    return Finding("watch", first, finding.about)


def _said(reading: Reading) -> str:
    return f"{reading.question.rstrip('?')}: {reading.words}"


def _wanting(unknown: Sequence[Reading]) -> str:
    if not unknown:
        return "no signal is measured"
    return "; ".join(
        _said(reading) + (f" ({reading.needed} more needed)" if reading.needed else "")
        for reading in unknown
    )


def _rows(reading: Reading, short: Sequence[str]) -> Finding:  # noqa: ARG001 - the shape of a node
    return Finding("watch", _said(reading))


def _errors(reading: Reading, short: Sequence[str]) -> Finding:  # noqa: ARG001 - the shape of a node
    if reading.high is not None and reading.high >= reading.limit:
        return Finding("watch", f"{_said(reading)}, {reading.needed} more requests would tell")
    return Finding("fix_forward", f"{_said(reading)}, more than the old side")


def _slower(reading: Reading, short: Sequence[str]) -> Finding:
    if short:
        return Finding("scale_up", f"{_said(reading)}; short: {', '.join(short)}")
    return Finding("watch", _said(reading))


ORDER: Mapping[str, int] = {"losses": 0, "failures": 1, "latency": 2}
"""The kinds of signals that decide, worst first."""
WARNED: Mapping[str, Callable[[Reading, Sequence[str]], Finding]] = {
    "losses": _rows,
    "failures": _errors,
    "latency": _slower,
}
