from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROUNDS = int(os.environ.get("COCKPIT_KILL_ROUNDS", "200"))
"""Any number on request: `COCKPIT_KILL_ROUNDS=2000 COCKPIT_KILL_SEED=7`."""
SEED = os.environ["COCKPIT_KILL_SEED"]
"""Drawn by the test session, which says it at its end."""
PARTS = 2
"""Tests, which xdist plays side by side."""
RUNS = 4
"""Runs side by side in each of them."""

pytestmark = pytest.mark.timeout(300 + 3 * ROUNDS)


@pytest.mark.parametrize("part", range(PARTS))
def test_random_kills_never_repeat_a_step_never_lose_one_and_never_lie_about_it(
    part: int, tmp_path: Path
) -> None:
    shares = [len(range(number, ROUNDS, PARTS * RUNS)) for number in range(PARTS * RUNS)]
    playing = [
        _playing(tmp_path / f"run{number}", f"{SEED}/{number}", shares[number])
        for number in range(part, PARTS * RUNS, PARTS)
    ]
    counts: Counter[str] = Counter()
    complaints = []
    for one in playing:
        said, complaint = one.communicate()
        complaints += [complaint] if one.returncode else []
        counts.update(json.loads(said or "{}"))
    assert not complaints, f"COCKPIT_KILL_SEED={SEED}\n" + "\n".join(complaints)
    assert counts["rounds"] == sum(shares[part::PARTS])
    if ROUNDS >= 200:
        # None of it passes by accident: everything was killed, and every class was seen.
        for what in ("viewer", "engine", "runner", "screens", "open", "in_doubt", "done"):
            assert counts[what] >= 3, counts


def _playing(folder: Path, seed: str, rounds: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.fakes.crash_rounds", str(folder), seed, str(rounds)]
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
