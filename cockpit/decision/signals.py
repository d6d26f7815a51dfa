"""What each signal says: from the increments of both sides to a reading with its interval.

A reading leans `bad` only where its whole interval lies beyond the limit; where the interval
holds the limit it is unknown, and says how many more observations would tell. So few requests a
minute want a long window: at one a minute, 15 minutes cannot tell 14% failing from 5%.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from cockpit.decision import statistics
from cockpit.decision.evidence import Leaning, Reading
from cockpit.decision.statistics import Interval
from cockpit.decision.windows import Balance, Slot, summed
from cockpit.runbook.model import Signal
from cockpit.timewords import lasting

FEWEST = 5
"""Requests below which no failure is an alarm: one of one is chance."""
SURE = math.log(1e9)
"""Nats against the baseline that an alarm needs.

At a hundred requests a run minute, chance alone reaches it about once in a thousand weeks,
however often one looks.
"""
Z_ALARM = 2.575829
"""The normal quantile of a two-sided 99% interval: whoever looks often must look more strictly."""
Z_CALM = 3.290527
"""The normal quantile of a two-sided 99.9% interval: a danger that it leaves out is over."""
FEWEST_TIMED = 30
"""Response times on each side below which medians are not compared."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured for one signal."""

    now: float
    since: float
    """The beginning of the window: the switch, or the window's length ago."""
    new: Sequence[Slot] = ()
    """The new side's increments within the window, oldest first."""
    baseline: Mapping[str, float] = field(default_factory=dict)
    """The old side's counts over a window before it was frozen; empty where nobody saw one."""
    old: Mapping[str, float] = field(default_factory=dict)
    """The old side's counts within the window."""
    balances: Sequence[Balance] = ()
    newest: float = 0.0
    """The run clock of the newest observation."""
    trouble: str = ""
    """Why nothing can be said; empty where something can."""
    unmeasured: float = 0.0
    """Run seconds of the window in which nobody measured: the engine was gone, or the way was."""


def failed_column(signal: Signal) -> str:
    """The column of requests that failed on the server's side."""
    return f"{signal.total} 5xx"


def edge_column(signal: Signal, edge: str) -> str:
    """The column of responses that took at most `edge` seconds."""
    return f"{signal.duration} le {edge}"


def read(signal: Signal, evidence: Evidence) -> Reading:
    """The signal as measured."""
    if evidence.trouble:
        return _reading(signal, evidence, Said("unknown", evidence.trouble))
    return _reading(signal, evidence, MEASURES[signal.kind](signal, evidence))


class Said(NamedTuple):
    """A reading in the making."""

    leaning: Leaning
    words: str
    interval: Interval | None = None
    sample: float = 0
    needed: int = 0
    at: float | None = None
    """The run clock of what it was told by, where that is not the newest observation."""


def _reading(signal: Signal, evidence: Evidence, said: Said) -> Reading:
    value, low, high = (_finite(one) for one in said.interval or (math.nan,) * 3)
    return Reading(
        signal=signal.id,
        question=signal.title,
        leaning=said.leaning,
        value=value,
        low=low,
        high=high,
        limit=signal.limit,
        sample=round(said.sample),
        needed=said.needed,
        words=said.words + _hole(evidence),
        at=evidence.newest if said.at is None else said.at,
    )


def _hole(evidence: Evidence) -> str:
    missed = evidence.unmeasured
    return f"; {lasting(missed)} of it not measured" if missed >= 1 and not evidence.trouble else ""


def _finite(one: float) -> float | None:
    return one if math.isfinite(one) else None


# Failing requests


def failures(signal: Signal, evidence: Evidence) -> Said:
    """The share of requests that failed on the new side, against the limit and the old side."""
    counts = summed(evidence.new)
    hits, total = counts.get(failed_column(signal), 0.0), counts.get(signal.total, 0.0)
    usual = _usual(signal, evidence)
    if stretch := _alarm(signal, evidence.new, usual):
        return _failing(signal, "bad", stretch.hits, stretch.total, 0)
    if total == 0:
        return Said("unknown", "no requests on the new side yet", needed=_enough(signal.limit))
    interval = statistics.wilson(hits, total)
    needed = _more(hits, total, signal.limit, usual)
    if interval.low > _warned_from(signal, evidence):
        return _failing(signal, "warn", hits, total, needed)
    return _failing(signal, "unknown" if needed else "good", hits, total, needed)


def _enough(limit: float) -> int:
    return max(FEWEST, statistics.more_for_share(0, 0, limit))


def _more(hits: float, total: float, limit: float, usual: float) -> int:
    interval = statistics.wilson(hits, total)
    if interval.low <= limit:
        return statistics.more_for_share(hits, total, limit)
    told = statistics.divergence(interval.value, usual)
    sure = math.ceil(max(SURE / told, FEWEST) - total)
    return max(1, sure, statistics.more_for_share(hits, total, limit, Z_ALARM))


def _failing(signal: Signal, leaning: Leaning, hits: float, total: float, needed: int) -> Said:
    interval = statistics.wilson(hits, total)
    low, high = _percent(interval.low), _percent(interval.high)
    words = f"{_percent(interval.value)}% ({low}-{high}) of {total:.0f}"
    return Said(leaning, f"{words}, limit {_percent(signal.limit)}%", interval, total, needed)


def _percent(share: float) -> str:
    return f"{share * 100:.1f}".removesuffix(".0")


class Stretch(NamedTuple):
    """The newest part of a window."""

    hits: float
    total: float


def _alarm(signal: Signal, slots: Sequence[Slot], usual: float) -> Stretch | None:
    """The longest stretch up to now that is beyond the limit, and beyond chance.

    Every stretch is tried, so that a fresh fault need not first fill a window; that is many
    tests, so each must also speak against the usual share as strongly as `SURE` says.
    """
    hits = total = 0.0
    found = None
    for slot in reversed(slots):
        total += slot.counts.get(signal.total, 0.0)
        hits += slot.counts.get(failed_column(signal), 0.0)
        if total < FEWEST or hits <= signal.limit * total:
            continue
        if total * statistics.divergence(hits / total, usual) < SURE:
            continue
        if statistics.wilson(hits, total, Z_ALARM).low > signal.limit:
            found = Stretch(hits, total)
    return found


def _usual(signal: Signal, evidence: Evidence) -> float:
    """The share of failures that is taken as ordinary: the old side's upper bound, within reason.

    At least a tenth of the limit, so that a spotless old side does not make one failure an
    alarm; at most half of it, so that a bad one cannot hide what is beyond it.
    """
    total = evidence.baseline.get(signal.total, 0.0)
    hits = evidence.baseline.get(failed_column(signal), 0.0)
    high = statistics.wilson(hits, total).high if total else 0.0
    return min(max(high, signal.limit / 10), signal.limit / 2)


def _warned_from(signal: Signal, evidence: Evidence) -> float:
    return max(_usual(signal, evidence), signal.warn or signal.limit / 5)


# Slower responses


def latency(signal: Signal, evidence: Evidence) -> Said:
    """The ratio of the medians of response times, new over old."""
    timed, compared = _timed(signal, summed(evidence.new)), _timed(signal, evidence.baseline)
    if compared < FEWEST_TIMED:
        return Said("unknown", "no response times of the old side to compare with", sample=timed)
    interval = _slowness(signal, evidence)
    if interval is None:
        words = f"{timed:.0f} responses timed, {FEWEST_TIMED} are needed"
        return Said("unknown", words, sample=timed, needed=math.ceil(FEWEST_TIMED - timed))
    needed = statistics.more_for_ratio(interval, timed, signal.limit)
    low, high = f"{interval.low:.1f}", f"{interval.high:.1f}"
    words = f"{interval.value:.1f}x ({low}-{high}), limit {signal.limit:g}x"
    return Said(_slower(signal, interval, needed), words, interval, timed, needed)


def _timed(signal: Signal, counts: Mapping[str, float]) -> float:
    found = buckets(signal, counts)
    return found[-1][1] if found else 0.0


def _slowness(signal: Signal, evidence: Evidence, z: float = statistics.Z) -> Interval | None:
    """The ratio of medians; None where too few responses were timed on either side."""
    new, old = buckets(signal, summed(evidence.new)), buckets(signal, evidence.baseline)
    if any(not side or side[-1][1] < FEWEST_TIMED for side in (new, old)):
        return None
    ours, theirs = statistics.median(new, z), statistics.median(old, z)
    return None if ours is None or theirs is None else statistics.ratio(ours, theirs)


def _slower(signal: Signal, interval: Interval, needed: int) -> Leaning:
    if interval.low > signal.limit:
        return "bad"
    if signal.warn and interval.low > signal.warn:
        return "warn"
    return "unknown" if needed else "good"


def buckets(signal: Signal, counts: Mapping[str, float]) -> list[tuple[float, float]]:
    """A histogram's cumulative counts by upper edge, in order."""
    prefix = edge_column(signal, "")
    found = ((name, count) for name, count in counts.items() if name.startswith(prefix))
    return sorted((float(name.removeprefix(prefix)), count) for name, count in found)


# Lost rows


def losses(signal: Signal, evidence: Evidence) -> Said:
    """Rows that the new side accepted and did not store within the grace.

    Accepted minus stored holds rows under way and rows lost; what stays open through a whole
    grace is lost. It is counted from what may have been under way when the window began. Each
    stretch without a hole is counted for itself: over a hole nobody knows what was under way.
    """
    told = [
        found
        for one in _stretches(evidence.balances)
        if (found := _missing(signal, one, evidence.since))
    ]
    missing, accepted = sum(one.missing for one in told), sum(one.accepted for one in told)
    fresh = bool(told) and evidence.newest - told[-1].at <= 2 * signal.grace
    if not fresh and missing <= signal.limit:
        words = f"rows may take {signal.grace:.0f} s to be stored; too early to tell"
        return Said("unknown", words)
    if accepted == 0:
        return Said("unknown", "no rows accepted yet", needed=1)
    words = f"{missing:.0f} of {accepted:.0f} missing"
    interval = Interval(missing, missing, missing)
    return Said(_lost(signal, missing), words, interval, accepted, at=told[-1].at)


class Missing(NamedTuple):
    """What one stretch tells."""

    at: float
    missing: float
    accepted: float


def _missing(signal: Signal, balances: Sequence[Balance], since: float) -> Missing | None:
    newest = balances[-1].at
    grace = [one for one in balances if one.at <= since]
    begun = [one for one in grace if one.at >= since - signal.grace]
    begun = begun or [one for one in balances if one.at >= since][:1]
    lasting_open = _through(balances, newest - signal.grace)
    if not begun or not lasting_open or lasting_open[0].at < begun[-1].at:
        return None
    open_then = min(one.most_open for one in begun)
    missing = max(0.0, min(one.least_open for one in lasting_open) - open_then)
    return Missing(newest, missing, balances[-1].accepted - begun[-1].accepted)


def _stretches(balances: Sequence[Balance]) -> list[list[Balance]]:
    return [list(one) for _, one in groupby(balances, key=attrgetter("stretch"))]


def _through(balances: Sequence[Balance], start: float) -> Sequence[Balance]:
    """The balances from the last one at or before `start` on; none where none is that old."""
    older = sum(1 for one in balances if one.at <= start)
    return balances[older - 1 :] if older else ()


def _lost(signal: Signal, missing: float) -> Leaning:
    if missing > signal.limit:
        return "bad"
    return "warn" if signal.warn and missing > signal.warn else "good"


# Who is served where


def share(signal: Signal, evidence: Evidence) -> Said:
    """The share of all requests that reach the new side; it informs, and leans to nothing."""
    new = summed(evidence.new).get(signal.total, 0.0)
    total = new + evidence.old.get(signal.total, 0.0)
    if total == 0:
        return Said("unknown", "no requests on either side", needed=1)
    interval = statistics.wilson(new, total)
    words = f"{_percent(interval.value)}% of {total:.0f} {_counted(signal)}"
    return Said("good", words, interval, total)


def _counted(signal: Signal) -> str:
    """What its counter counts, in a word: requests, readings."""
    name = signal.total.removeprefix("http_").removesuffix("_total").removesuffix("_accepted")
    return name.replace("_", " ")


MEASURES: Mapping[str, Callable[[Signal, Evidence], Said]] = {
    "failures": failures,
    "latency": latency,
    "losses": losses,
    "share": share,
}
"""How each kind of signal is measured."""


# What is not excluded


def feared(signal: Signal, evidence: Evidence, z: float = Z_CALM) -> Leaning:
    """The worst leaning that a wide interval does not leave out; unknown where none is known."""
    reading = read(signal, evidence)
    if evidence.trouble or signal.kind not in HIGHEST or reading.value is None:
        return reading.leaning
    high, warned = HIGHEST[signal.kind](signal, evidence, z)
    if math.isnan(high):
        return "unknown"
    if reading.leaning == "bad" or high > signal.limit:
        return "bad"
    return "warn" if high > warned else "good"


def _failing_at_most(signal: Signal, evidence: Evidence, z: float) -> tuple[float, float]:
    counts = summed(evidence.new)
    hits, total = counts.get(failed_column(signal), 0.0), counts.get(signal.total, 0.0)
    can_tell = statistics.wilson(0, total, z).high <= signal.limit
    high = statistics.wilson(hits, total, z).high if can_tell else math.nan
    return high, _warned_from(signal, evidence)


def _slow_at_most(signal: Signal, evidence: Evidence, z: float) -> tuple[float, float]:
    interval = _slowness(signal, evidence, z)
    return interval.high if interval else math.nan, signal.warn or signal.limit


HIGHEST: Mapping[str, Callable[[Signal, Evidence, float], tuple[float, float]]] = {
    "failures": _failing_at_most,
    "latency": _slow_at_most,
}
"""How high a signal may be, and from where it warns; not a number where too little was seen.

Lost rows are counted, not estimated.
"""
