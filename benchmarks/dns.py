"""One sweep of many resolvers, against dnspython's own, `dig`, and a floor in C, on loopback."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.dns_variants import KINDS, NAME, TIMEOUT_S, address

HERE = Path(__file__).parent
RUNS = 3
DIG_SAMPLE = 200
"""Queries that `dig` is timed on; its figures are scaled to the whole."""
SIZES = {
    "default": ((500, 1, 0),),
    "full": ((50, 1, 0), (500, 0, 0), (500, 1, 0), (500, 0, 1), (2000, 0, 0), (2000, 1, 0)),
}
"""Resolvers, whether they answer late as on the Internet, whether each answers otherwise."""
Figures = dict[str, float]
ABOUT = "a sweep of hundreds of resolvers by four records"


class _Goal(NamedTuple):
    what: str
    unit: str
    limit: float
    of: str
    """`wall`, `dig`, `gather`, `stall`, `dropped` or `growth`."""


GOALS = {
    (500, 1, 0): (
        _Goal("wall over the slowest answer", "ratio", 1.03, "wall"),
        _Goal("CPU of xargs dig over ours", "ratio", 200, "dig"),
        _Goal("CPU of gather over ours", "ratio", 10, "gather"),
        _Goal("longest stall of the loop", "ms", 8, "stall"),
        _Goal("datagrams dropped", "count", 0, "dropped"),
        _Goal("growth of memory", "MiB", 4, "growth"),
    ),
    (2000, 1, 0): (
        _Goal("wall over the slowest answer", "ratio", 1.06, "wall"),
        _Goal("CPU of xargs dig over ours", "ratio", 300, "dig"),
        _Goal("CPU of gather over ours", "ratio", 12, "gather"),
        _Goal("longest stall of the loop", "ms", 8, "stall"),
    ),
    (500, 0, 1): (
        _Goal("CPU of gather over ours, every answer distinct", "ratio", 3, "gather"),
        _Goal("longest stall of the loop, every answer distinct", "ms", 8, "stall"),
    ),
}


def run(size: str) -> list[dict[str, Any]]:
    """The rows of one run."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("responder", "floor"):
            words = ("cc", "-O2", "-o", f"{folder}/{name}", HERE / f"dns_{name}.c", "-lm")
            subprocess.run(words, check=True)
        rows: list[dict[str, Any]] = []
        for shape in SIZES[size]:
            rows += _rows(Path(folder), shape)
        return rows


def _rows(folder: Path, shape: tuple[int, int, int]) -> list[dict[str, Any]]:
    resolvers, late, distinct = shape
    found: dict[str, list[Figures]] = {"cockpit": [], "gather": [], "floor": [], "dig": []}
    with _responder(folder, late, distinct) as port:
        for turn in range(RUNS):
            for way in ("cockpit", "gather"):
                words = (sys.executable, "-m", "benchmarks.dns_variants", way, port, resolvers)
                with_ticker = _said((*words, "ticking"))
                if with_ticker["answers"] < 0.9 * resolvers * len(KINDS):
                    raise OSError(f"the responder gave {with_ticker['answers']:g} answers")
                found[way].append({**with_ticker, **_said(words), "both_s": with_ticker["cpu_s"]})
            floor = (folder / "floor", port, resolvers, TIMEOUT_S)
            found["floor"].append(_said(floor))
            if turn == 0 and shutil.which("dig"):
                found["dig"].append(_dig(port, resolvers))
    return _judged(shape, {way: _median(one) for way, one in found.items() if one})


def _said(words: tuple[object, ...]) -> Figures:
    done = subprocess.run(
        tuple(map(str, words)), check=True, capture_output=True, text=True, cwd=HERE.parent
    )
    figures: Figures = json.loads(done.stdout)
    return figures


def _median(runs: list[Figures]) -> Figures:
    return {key: statistics.median(one[key] for one in runs) for key in runs[0]}


@contextmanager
def _responder(folder: Path, late: int, distinct: int) -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("", 0))
        port = int(free.getsockname()[1])
    words = (folder / "responder", str(port), str(late), str(distinct))
    with subprocess.Popen(words, stdout=subprocess.PIPE) as server:
        try:
            if server.stdout is None or server.stdout.readline() != b"ready\n":
                raise OSError("the responder did not start")
            yield port
        finally:
            server.kill()


def _dig(port: int, resolvers: int) -> Figures:
    """`dig` by 64 at a time, on a sample of the questions, scaled to all of them."""
    every = [(address(number), kind) for number in range(resolvers) for kind in KINDS]
    sample = random.Random(1).sample(every, DIG_SAMPLE)  # noqa: S311 - a sample, no secret
    lines = "".join(f"@{where} {NAME} {kind}\n" for where, kind in sample)
    words = ("xargs", "-P", "64", "-L", "1", "dig", "+tries=1", "+time=2", "-p", str(port))
    before, began = _children_s(), time.perf_counter()
    subprocess.run(words, input=lines, text=True, stdout=subprocess.DEVNULL, check=False)
    scale = len(every) / DIG_SAMPLE
    return {
        "wall_s": (time.perf_counter() - began) * scale,
        "cpu_s": (_children_s() - before) * scale,
    }


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _judged(shape: tuple[int, int, int], seen: dict[str, Figures]) -> list[dict[str, Any]]:
    resolvers, late, distinct = shape
    queries = resolvers * len(KINDS)
    what = f"{resolvers} x {len(KINDS)}{', late answers' * late}{', all distinct' * distinct}"
    rivals = {way: seen[way]["cpu_s"] / queries * 1e6 for way in ("gather", "dig") if way in seen}
    ours, floor = (seen[way]["cpu_s"] / queries * 1e6 for way in ("cockpit", "floor"))
    ratios = {"to floor": ours / floor, **{f"to {way}": ours / one for way, one in rivals.items()}}
    rows: list[dict[str, Any]] = [
        {
            "what": f"{what}: CPU a query",
            "unit": "us",
            "cockpit": ours,
            "rivals": rivals,
            "floor": floor,
            "ratios": ratios,
            "goal": "",
            "met": True,
        },
        {
            "what": f"{what}: wall",
            "unit": "s",
            "cockpit": seen["cockpit"]["wall_s"],
            "rivals": {way: seen[way]["wall_s"] for way in ("gather", "dig") if way in seen},
            "floor": seen["floor"]["wall_s"],
            "ratios": {"to floor": seen["cockpit"]["wall_s"] / seen["floor"]["wall_s"]},
            "goal": "",
            "met": True,
        },
    ]
    if "gather" in seen:
        rows[0]["ratios"]["to gather, the ticker of both counted"] = (
            seen["cockpit"]["both_s"] / seen["gather"]["both_s"]
        )
    return rows + [
        row for goal in GOALS.get(shape, ()) if (row := _goal_row(what, goal, seen)) is not None
    ]


def _goal_row(what: str, goal: _Goal, seen: dict[str, Figures]) -> dict[str, Any] | None:
    ours = seen["cockpit"]
    if goal.of in ("dig", "gather"):
        if goal.of not in seen:
            return None
        value = seen[goal.of]["cpu_s"] / ours["cpu_s"]
        goal_words, met = f">= {goal.limit:g}", value >= goal.limit
    else:
        value = {
            # Where resolvers are dead, the slowest answer is the timeout.
            "wall": ours["wall_s"] / TIMEOUT_S,
            "stall": ours["stall_ms"],
            "dropped": ours["dropped"],
            "growth": ours["growth_mib"],
        }[goal.of]
        goal_words, met = f"<= {goal.limit:g}", value <= goal.limit
    return {
        "what": f"{what}: {goal.what}",
        "unit": goal.unit,
        "cockpit": value,
        "rivals": {},
        "floor": None,
        "ratios": {},
        "goal": goal_words,
        "met": met,
    }


def versions() -> dict[str, str]:
    """What was measured with."""
    import dns.version

    return {"dnspython": dns.version.version, "load": f"{os.getloadavg()[0]:.1f}"}
