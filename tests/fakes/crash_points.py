"""Named points at which a real engine or runner kills itself, with SIGKILL, as it writes.

The code under test knows nothing of this: `site_folder` makes a `sitecustomize` that every
Python process of a run imports at its start, and that wraps the methods which write. A file
names the point; the process that reaches it takes the file away and dies.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fakes import crash_writes

FILE = "COCKPIT_CRASH_FILE"
TORN = ("confirmed", "attempt_ended", "step_finished")
TOLD = ("confirmed", "attempt_started", "attempt_ended", "verified", "step_finished")


def site_folder(folder: Path) -> dict[str, str]:
    """The environment in which processes know the points."""
    site = folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "from tests.fakes import crash_points, crash_writes\n"
        "crash_points.install()\ncrash_writes.install()\n"
    )
    root = Path(__file__).parents[2]
    named = {"PYTHONPATH": f"{site}:{root}", FILE: str(folder / "crash_at")}
    return named | crash_writes.environment(folder)


def reached(point: str) -> None:
    """Die here, where this point is the one that is named."""
    path = Path(os.environ[FILE])
    try:
        if path.read_text() != point:
            return
        path.unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def install() -> None:
    """Wrap what writes, in an engine and in a runner."""
    if FILE not in os.environ:
        return
    if "cockpit.engine" in sys.orig_argv:
        _in_engine()
    elif "cockpit.engine.runner" in sys.orig_argv:
        _in_runner()


def _replace(owner: Any, name: str, other: Any) -> None:
    setattr(owner, name, other)


def _wrap(owner: Any, name: str, before: str = "", after: str = "") -> None:
    inner = getattr(owner, name)

    def wrapped(*args: Any, **named: Any) -> Any:
        reached(before)
        found = inner(*args, **named)
        reached(after)
        return found

    _replace(owner, name, wrapped)


def _in_engine() -> None:
    from cockpit.engine import attempt_files, attempts, inbox, intents
    from cockpit.journal.file import JournalFile

    _wrap(intents, "read", before="intent waits", after="intent read")
    _wrap(inbox.Inbox, "_clear", before="intent answered", after="intent gone")
    _wrap(attempt_files.AttemptFolder, "give_order", after="order given")
    _wrap(attempt_files.AttemptFolder, "claim", before="void claim", after="void claimed")
    _wrap(attempts.Attempts, "start", after="runner started")
    _replace(JournalFile, "_write", _writing(JournalFile._write))


def _writing(write: Callable[[Any, bytes], None]) -> Callable[[Any, bytes], None]:
    def wrapped(journal: Any, line: bytes) -> None:
        kind = line.partition(b'"type":"')[2].partition(b'"')[0].decode()
        reached(f"before {kind}")
        if Path(os.environ[FILE]).exists() and Path(os.environ[FILE]).read_text() == f"torn {kind}":
            os.write(journal._descriptor, line[: len(line) // 2])
            reached(f"torn {kind}")
        write(journal, line)
        reached(f"after {kind}")

    return wrapped


def _in_runner() -> None:
    from cockpit import durable
    from cockpit.actions import registry
    from cockpit.engine import attempt_files, performer

    while Path(os.environ[FILE]).with_name("runners_wait").exists():
        time.sleep(0.02)
    reached("runner begins")
    _wrap(attempt_files.AttemptFolder, "claim", before="before claim", after="after claim")
    _wrap(attempt_files.AttemptFolder, "end", before="before exit", after="after exit")
    _wrap(registry, "run", before="before effect")
    _wrap(performer, "perform", after="after effect")
    aside = durable._aside

    def wrapped(path: Path, content: bytes) -> Path:
        found = aside(path, content)
        reached(f"aside {path.name}")
        return found

    _replace(durable, "_aside", wrapped)
