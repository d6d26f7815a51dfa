"""What the doctor says of one thing."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from cockpit.redact import SHOWN


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing a host has or lacks."""

    what: str
    found: str
    mend: str = ""
    """How to get it; empty where nothing lacks."""
    wanted_for: str = ""
    """Who needs it; empty where everything does."""
    is_needed: bool = False
    """Whether the runbook that was asked about cannot be walked without it."""

    @property
    def is_missed(self) -> bool:
        """Whether it lacks, and what was asked about needs it."""
        return bool(self.mend) and (self.is_needed or not self.wanted_for)


def answered(what: str, wanted_for: str, mend: str, *words: str) -> Diagnosis:
    """The first line that a program answers; it lacks where it answers nothing, or not in time."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Diagnosis(what, f"{words[0]}: {error}", mend, wanted_for)
    # Hidden before it is cut: half a secret is known to nobody.
    said = SHOWN.hide(done.stdout.strip() or done.stderr.strip()).splitlines()
    if done.returncode or not done.stdout.strip():
        return Diagnosis(what, said[-1] if said else "does not answer", mend, wanted_for)
    return Diagnosis(what, said[0], "", wanted_for)
