"""A first look at a run, with the standard library alone: which one a command opens, what it says.

This is no fold of the journal and decides nothing: it tells in two lines what was recorded last,
until the screen that reads everything is there.
"""

from __future__ import annotations

import json
import os
import re
import time

from cockpit.places import home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_VALUED = ("--env", "--t0", "--scenario", "--speed", "--seed", "--share", "--theme")
_NAME = re.compile(r"^name:\s*([a-z][a-z0-9_]*)\s*(?:#.*)?$", re.MULTILINE)
_TYPE = b'"type":"'
_KEPT = frozenset(
    (
        "run_started", "confirmed", "confirmation_void", "attempt_started", "attempt_ended",
        "attempt_in_doubt", "step_finished", "step_settled", "step_skipped", "held", "released",
        "turned_back", "run_ended", "seat_taken", "seat_vacated",
    )
)  # fmt: skip


class Glance:
    """What the first frame says."""

    def __init__(self, environment: str, name: str) -> None:
        self.environment = environment
        self.about = [name]
        """What stands in the bar after the environment."""
        self.facts: list[str] = []
        """What was recorded, worst first."""
        self.recorded = ""
        """Until when; empty for a run that is yet to begin."""


def glance(arguments: list[str]) -> Glance | None:
    """A look at what a command is about to open; None where it opens no screen, or is mistaken."""
    command, *rest = [*arguments, ""]
    words, options = _words(rest[:-1])
    if command == "attach" and not options and len(words) <= 1:
        found = newest(words[0] if words else "")
        return _told(found) if found else None
    if command == "run" and len(words) == 1 and options.get("--env") in ("production", "staging"):
        return _of_runbook(words[0], options["--env"])
    if command == "rehearse" and len(words) <= 1:
        if "--new" in options:
            return Glance("rehearsal", runbook_name(words[0]) if words else "freshtrack")
        return _of_runbook(words[0], "rehearsal") if words else _coming("freshtrack", "rehearsal")
    return None


def _words(rest: list[str]) -> tuple[list[str], dict[str, str]]:
    words: list[str] = []
    options: dict[str, str] = {}
    left = iter(rest)
    for word in left:
        name, _, value = word.partition("=")
        if name in _VALUED:
            options[name] = value or next(left, "")
        elif word.startswith("-"):
            options[word] = ""
        else:
            words.append(word)
    return words, options


def _of_runbook(folder: str, environment: str) -> Glance | None:
    name = runbook_name(folder)
    return _coming(name, environment) if name else None


def runbook_name(folder: str) -> str:
    """The name of a runbook; empty where the folder holds none."""
    if os.path.basename(folder) == "runbook.yaml":
        folder = os.path.dirname(folder) or "."
    try:
        with open(os.path.join(folder, "runbook.yaml"), encoding="utf-8") as file:
            named = _NAME.search(file.read(1 << 20))
    except (OSError, ValueError):
        return ""
    return named[1] if named else os.path.basename(os.path.abspath(folder))


def _coming(name: str, environment: str) -> Glance:
    """The run under way of a runbook in an environment, or one that is to begin."""
    going = newest(f"{environment}/{name}-")
    told = _told(going) if going else None
    return told if told and "run ended" not in told.facts else Glance(environment, name)


def newest(name: str) -> str:
    """The folder of the newest run whose name holds these words, or that they point at."""
    if name and os.path.isfile(os.path.join(name, "run.json")):
        return name
    runs = os.path.join(home(), "runs")
    try:
        found = [
            run
            for kind in os.scandir(runs)
            for run in (os.scandir(kind) if kind.is_dir() else ())
            if name in f"{kind.name}/{run.name}" and os.path.isfile(f"{run.path}/run.json")
        ]
        return max(found, key=lambda run: run.stat().st_mtime).path if found else ""
    except OSError:
        return ""


def _told(folder: str) -> Glance | None:
    """What a run's journal says; None where it cannot be read."""
    try:
        with open(os.path.join(folder, "journal.jsonl"), "rb") as file:
            events = [event for line in file if (event := _event(line))]
        return _fold(events)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _event(line: bytes) -> dict[str, Any] | None:
    at = line.find(_TYPE) + len(_TYPE)
    if at < len(_TYPE) or line[at : line.find(b'"', at)].decode() not in _KEPT:
        return None
    body, tab, _digest = line.rpartition(b"\t")
    told: dict[str, Any] | None = json.loads(body) if tab else None
    return told


def _fold(events: list[dict[str, Any]]) -> Glance:
    started = events[0]["data"]
    made = Glance(started["environment"], started["runbook"])
    made.about += [started["domain"], f"on {started['host']}"]
    steps: dict[str, str] = {}
    run: dict[str, str] = {}
    for event in events:
        kind, data = event["type"], event["data"]
        if "step" in data:
            steps[data["step"]] = _step(kind, data)
        else:
            run[_RUN.get(kind, kind)] = _run(kind, data)
    words = ("in doubt", "FAILED", "running")
    made.facts = [f"{word}: {one}" for word in words for one, how in steps.items() if how == word]
    made.facts += [run[name] for name in _SAID[bool(run.get("ended"))] if run.get(name)]
    done = sum(how == "done" for how in steps.values())
    made.facts.append(f"{done} step{'s' * (done != 1)} done")
    made.recorded = time.strftime("%H:%M:%S", time.localtime(events[-1]["run_s"]))
    return made


_SAID = (("back", "hold", "seat"), ("ended",))
"""What is said of a run under way, and of one that has ended, for which nothing else holds."""
_STEP = {
    "confirmed": "running",
    "attempt_started": "running",
    "attempt_in_doubt": "in doubt",
    "step_skipped": "skipped",
    "confirmation_void": "",
}
_RUN = {
    "run_ended": "ended",
    "turned_back": "back",
    "held": "hold",
    "released": "hold",
    "seat_taken": "seat",
    "seat_vacated": "seat",
}


def _step(kind: str, data: dict[str, Any]) -> str:
    """What an event makes of a step."""
    if kind == "attempt_ended":
        return "in doubt" if data["ended"] != "exited" else "FAILED" if data["exit"] else "running"
    if kind == "step_finished":
        return "done" if data["result"] == "done" else "FAILED"
    if kind == "step_settled":
        return "done" if data["as_"] == "done" else ""
    return _STEP[kind]


def _run(kind: str, data: dict[str, Any]) -> str:
    """What an event makes of the run, in words."""
    words = {
        "run_ended": "run ended",
        "turned_back": "going back",
        "held": f"HELD: {data.get('reason', '')}",
        "seat_taken": f"driver {data.get('operator', '')}",
        "seat_vacated": "no driver",
    }
    return words.get(kind, "")
