"""A long run for the journal's benchmark, and what is measured in a process of its own.

`python -m benchmarks.journal_run fold|open RUN_DIRECTORY`: prints figures as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from cockpit.answer import Answer
from cockpit.commands.rehearse import begin_rehearsal
from cockpit.engine.layout import RunDirectory
from cockpit.engine.single import lock
from cockpit.journal import events as e
from cockpit.journal.file import JournalFile, JournalReader
from cockpit.journal.fold import apply, fold
from cockpit.journal.state import RunState
from cockpit.resources import shipped
from tests.fakes.terminals import terminal

NEWEST = "NEWEST-OF-ALL"
"""A word of the last event: whoever sees it on a screen sees the whole run."""
PATIENCE_S = 60.0


def told(count: int) -> Iterator[object]:
    """What happens in nine days, mostly: watches answer, services turn, verdicts change."""
    for number in range(count - 1):
        kind = number % 10
        if kind < 6:
            evidence = f"{number} rows on both sides, none differs"
            answer = Answer(
                f"check_{kind}", "Both sides hold the same", "pass", evidence, 1.0, 60.0
            )
            yield e.WatchAnswered(f"watch_{kind}", answer)
        elif kind < 8:
            yield e.ServiceTurned(f"service_{number % 7}", "Backend", "fine", "slow", "812 ms")
        elif kind == 8:
            yield e.VerdictGiven("stay", "nothing speaks for going back", ["0.2% of 812 failed"])
        else:
            yield e.Noted(f"the night is calm, says note {number}")
    yield e.Noted(NEWEST)


def long_run(events: int) -> RunDirectory:
    """A rehearsal that has recorded so many events; it must not be driven."""
    directory = begin_rehearsal(shipped("runbooks") / "freshtrack", "calm", 1.0, 1)
    journal = JournalFile(directory.journal, directory.about().plan)
    journal.read()
    coming = told(events)
    while some := list(islice(coming, 1000)):
        journal.append_all("ops", 1_790_000_000.0, some)
    journal.close()
    return directory


def folded(directory: RunDirectory) -> dict[str, float]:
    """How long reading and folding takes, how much memory, and what one more event costs."""
    before = peak_mib()
    began = time.perf_counter()
    reader = JournalReader(directory.journal, directory.about().plan)
    state = fold(RunState(), reader.follow())
    took = time.perf_counter() - began
    if state.log[-1].text.find(NEWEST) < 0:
        raise AssertionError(reader.damage)
    return {"s": took, "mib": peak_mib() - before, "next_us": _next_us(directory, state)}


def _next_us(directory: RunDirectory, state: RunState) -> float:
    """Microseconds for the state after one more event."""
    reader = JournalReader(directory.journal, directory.about().plan)
    some = list(islice(reader.follow(), 2, 2002))
    began = time.process_time()
    for event, digest in some:
        apply(state, event, digest)
    return (time.process_time() - began) / len(some) * 1e6


def peak_mib() -> float:
    """The most memory that this program held since it began, in MiB."""
    # Not `ru_maxrss`: that outlives `exec`, and would be the peak of whoever started this.
    return _of_process(os.getpid())


def opened(directory: RunDirectory) -> dict[str, float]:
    """How long it takes from the command to the screen that shows the newest event."""
    # As its engine, so that none is started, nor a lab: the screen alone is measured.
    held = lock(directory)
    command = [sys.executable, "-m", "cockpit", "attach", str(directory.path)]
    began = time.perf_counter()
    with terminal(command, {**os.environ, "TERM": "xterm-256color"}) as shown:
        shown.says(NEWEST, PATIENCE_S)
        took = time.perf_counter() - began
        peak = _of_process(shown.process.pid)
    os.close(held)
    return {"s": took, "mib": peak}


def _of_process(pid: int) -> float:
    """The most memory that a process ever held, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024


if __name__ == "__main__":
    ways = {"fold": folded, "open": opened}
    found = ways[sys.argv[1]](RunDirectory(Path(sys.argv[2])))
    sys.stdout.write(json.dumps(found))
