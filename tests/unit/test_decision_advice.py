"""From what was measured to the advice, down the whole tree: rows, then errors, then slowness."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cockpit.decision.evidence import VerdictWord
from cockpit.decision.signals import Evidence, failed_column, read
from cockpit.decision.tree import Finding, find
from cockpit.decision.windows import Balance, Slot
from tests.fakes.streams import FAILURES, LATENCY, LOSSES, Stream

REQUESTS = 1500


@dataclass(frozen=True)
class Night:
    """What a quarter of an hour after the switch showed."""

    failed: float = 0.005
    slower: float = 1.0
    lost: int = 0
    requests: int = REQUESTS
    short: tuple[str, ...] = ()
    old_failed: float = 0.005

    def finding(self) -> Finding:
        stream = Stream(7)
        counts = stream.measured(self.requests, 0, self.slower)
        counts[failed_column(FAILURES)] = round(self.failed * self.requests)
        baseline = stream.baseline | {failed_column(FAILURES): round(self.old_failed * REQUESTS)}
        held = 800 - self.lost
        evidence = Evidence(
            now=900,
            since=0,
            new=(Slot(0, 900, counts),),
            baseline=baseline,
            balances=(
                Balance(0, 0, 0, 0),
                Balance(400, 400, 400, 400),
                Balance(780, 800, held, held),
                Balance(900, 800, held, held),
            ),
            newest=900,
        )
        signals = (FAILURES, LATENCY, LOSSES)
        return find([(one.kind, read(one, evidence)) for one in signals], self.short)


@pytest.mark.parametrize(
    ("night", "word", "about"),
    [
        (Night(), "stay", ""),
        # Rows lost decide before all else, and one is enough.
        (Night(lost=1), "roll_back", "losses"),
        (Night(lost=1, failed=0.3, slower=3.0), "roll_back", "losses"),
        # Many failing requests roll back, some are fixed where they are; slowness comes after.
        (Night(failed=0.14), "roll_back", "failures"),
        (Night(failed=0.14, slower=3.0), "roll_back", "failures"),
        (Night(failed=0.05), "fix_forward", "failures"),
        (Night(failed=0.05, slower=1.6, short=("memory 94% used",)), "fix_forward", "failures"),
        # What the old side failed as often is no news.
        (Night(failed=0.05, old_failed=0.05), "stay", ""),
        # Twice as slow rolls back; less is a matter of resources where one is short.
        (Night(slower=3.0), "roll_back", "latency"),
        (Night(slower=3.0, failed=0.05), "roll_back", "latency"),
        (Night(slower=1.6, short=("memory 94% used",)), "scale_up", "latency"),
        (Night(slower=1.6), "watch", "latency"),
        # What is short while nothing is slow asks for nothing.
        (Night(short=("memory 94% used",)), "stay", ""),
        # Errors that may be beyond the limit are watched until more requests tell.
        (Night(failed=0.1), "watch", "failures"),
        (Night(requests=20, failed=0), "not_enough_data", "failures"),
    ],
)
def test_the_advice_follows_the_evidence(night: Night, word: VerdictWord, about: str) -> None:
    finding = night.finding()
    assert finding.word == word, finding
    assert not about or about in finding.about


def test_scaling_up_names_what_is_short_and_how_slow_it_is() -> None:
    finding = Night(slower=1.6, short=("memory 94% used", "4 of 22 connections free")).finding()
    assert finding.reason.startswith("latency: 1.")
    assert finding.reason.endswith("limit 2x; short: memory 94% used, 4 of 22 connections free")


def test_fixing_forward_says_how_many_fail_and_that_it_is_more_than_before() -> None:
    assert Night(failed=0.05).finding().reason == (
        "failures: 5% (4-6.2) of 1500, limit 10%, more than the old side"
    )


def test_watching_says_how_many_more_requests_would_tell() -> None:
    assert "more requests would tell" in Night(failed=0.1).finding().reason
