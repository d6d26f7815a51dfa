"""Every write of a real engine or runner, where Python asks the kernel for it: seen, or died at.

Nobody lists these points: a step that goes well is recorded, and each write that it was seen to
make is a point, named for its process, what it does, the file, and how often before. `armed`
names the point at which a process kills itself with SIGKILL, or `record`; `seen` lists what was
reached while it lay there.
"""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = "COCKPIT_WRITES"
NOT_OF_THE_ORDER = re.compile(
    # The live view and the samples may be lost, logs are for people, a viewer's mark is its own.
    r"live\.json|telemetry\.sqlite.*|.*\.log|engine\.lock|\d+:\d+|\d+-[0-9a-f]+"
)


class Point(NamedTuple):
    """One write."""

    process: str
    """`engine`, `runner`, or `child`: the one that acts."""
    what: str
    """`fsync journal.jsonl`, `replace exit.json`; `torn` before it: half of it is written."""
    nth: int

    def __str__(self) -> str:
        return f"{self.process}\t{self.what}\t{self.nth}"


def environment(folder: Path) -> dict[str, str]:
    """The environment in which processes watch their writes."""
    return {FOLDER: str(folder)}


def arm(folder: Path, point: Point | str = "record") -> None:
    """Let the process die at a point, or only record."""
    (folder / "seen").unlink(missing_ok=True)
    # The time tells one arming from the next: processes count anew.
    (folder / "armed").write_text(f"{point}\n{time.monotonic_ns()}")


def disarm(folder: Path) -> None:
    """Record nothing more."""
    (folder / "armed").unlink(missing_ok=True)


def seen(folder: Path) -> list[Point]:
    """What was reached since then, in order."""
    lines = (folder / "seen").read_text().splitlines()
    return [Point(process, what, int(nth)) for process, what, nth in map(_split, lines)]


def _split(line: str) -> list[str]:
    return line.split("\t")


def install() -> None:
    """Watch the writes of this process, where it is an engine or a runner."""
    if FOLDER not in os.environ:
        return
    kinds = {"cockpit.engine": "engine", "cockpit.engine.runner": "runner"}
    for word, kind in kinds.items():
        if word in sys.orig_argv:
            _Watch(Path(os.environ[FOLDER]), kind).install()


class _Watch:
    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self.kind = kind
        self.pid = os.getpid()
        self.armed = ""
        self.counts: Counter[str] = Counter()
        self.kernel: Mapping[str, Any] = {name: getattr(os, name) for name in (*_NAMES, "open")}

    def install(self) -> None:
        """Put itself between Python and the kernel."""
        for name in _NAMES:
            setattr(os, name, self.watched(name))
        begin = subprocess.Popen.__init__

        def beginning(process: Any, argv: Any, *more: Any, **named: Any) -> None:
            if "cockpit.engine.runner" in argv:
                self.reached("start runner")
            begin(process, argv, *more, **named)

        setattr(subprocess.Popen, "__init__", beginning)  # noqa: B010  mypy forbids the other way

    def watched(self, name: str) -> Callable[..., Any]:
        """One call of the kernel, looked at before it is made."""
        inner, named = self.kernel[name], _NAMES[name]

        def call(*args: Any, **more: Any) -> Any:
            what = named(*args)
            if what:
                self.reached(f"{name} {what}", args if name == "write" else ())
            return inner(*args, **more)

        return call

    def reached(self, what: str, write: tuple[Any, ...] = ()) -> None:
        """Note a point, and die where it is the armed one."""
        try:
            armed = (self.folder / "armed").read_text()
        except FileNotFoundError:
            self.armed = ""
            return
        if armed != self.armed:
            self.armed, self.counts = armed, Counter()
        self.counts[what] += 1
        process = self.kind if os.getpid() == self.pid else "child"
        point, wanted = Point(process, what, self.counts[what]), armed.partition("\n")[0]
        self.note(point)
        if wanted == str(point):
            self.die()
        if write and wanted == str(point._replace(what=f"torn {what}")):
            descriptor, data = write
            self.kernel["write"](descriptor, bytes(data)[: len(data) // 2])
            self.die()

    def note(self, point: Point) -> None:
        """Add a line to what was seen."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        log = self.kernel["open"](self.folder / "seen", flags, 0o600)
        self.kernel["write"](log, f"{point}\n".encode())
        os.close(log)

    def die(self) -> None:
        """As the kernel kills."""
        self.kernel["unlink"](self.folder / "armed")
        os.kill(self.pid, signal.SIGKILL)
        signal.pause()  # where it is its parent that dies


def _of_descriptor(descriptor: int, *_: Any) -> str:
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        return ""
    what = _of_path(Path(f"/proc/self/fd/{descriptor}").readlink())
    return f"{what} {_newest[-1]}" if what == "journal.jsonl" else what


def _of_write(descriptor: int, data: bytes) -> str:
    kind = bytes(data).partition(b'"type":"')[2].partition(b'"')[0].decode()
    # A sync is named for the event that it puts on the disk.
    _newest[:] = [kind]
    return _of_descriptor(descriptor)


_newest = [""]


def _of_path(path: str | Path, *_more: Any) -> str:
    found = Path(path)
    parts = found.parts
    if "runs" not in parts:
        return ""
    # Behind `runs`: the environment, the run, and what lies in it.
    _, _, *within = parts[parts.index("runs") + 1 :]
    match tuple(within):
        case ():
            return "folder of the run"
        case ("intents", _):
            return "intent"
        case ("attempts", _):
            return "folder of the step"
        case ("attempts", _, _):
            return "folder of the attempt"
    name = re.sub(r"^\.(.*)\.\d+$", r"\1", found.name)
    return "" if NOT_OF_THE_ORDER.fullmatch(name) else name


def _of_new_path(_old: str | Path, new: str | Path, *_: Any) -> str:
    return _of_path(new)


_NAMES: Mapping[str, Callable[..., str]] = {
    "write": _of_write,
    "fsync": _of_descriptor,
    "ftruncate": _of_descriptor,
    "rename": _of_new_path,
    "replace": _of_new_path,
    "link": _of_new_path,
    "unlink": _of_path,
    "mkdir": _of_path,
}
