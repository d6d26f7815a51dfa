"""The host itself: disk, memory and load."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from cockpit.probes.sample import ProbeContext, Sample, figures, paced
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import HostTarget
from cockpit.stack.model import shown

FULL = 0.97
"""The share of a disk from which nothing may be relied on."""
SHORT = {"disk": 0.85, "memory": 0.90, "load": 1.5}
"""Shares from which a resource is short; of load, runnable processes a CPU."""


async def sample(probe: Probe, context: ProbeContext) -> Sample:
    """Look once."""
    target = context.target(probe, HostTarget)
    used = await asyncio.to_thread(looked, Path(target.path))
    counted = await asyncio.to_thread(counts)
    return judged(used, target.path, _since(counted, probe, context))


def judged(
    used: Mapping[str, float], path: str = "/", since: Mapping[str, str] | None = None
) -> Sample:
    """One tile from what is used; the figure is what is short, else the disk."""
    tight = [_words(name, share) for name, share in used.items() if share > SHORT[name]]
    told = tuple(_words(name, share) for name, share in used.items())
    state = "down" if used["disk"] >= FULL else paced(is_slow=bool(tight))
    about = {"processors": os.cpu_count() or 1, **(since or {})}
    # The folder first: a long one takes a line of its own, and a name before it would stand alone.
    detail = (*told, f"{path} is where the disk is looked at", *figures(about))
    return Sample(state, (tight or told)[0], used["disk"] * 100, detail, ", ".join(tight))


def looked(path: Path) -> dict[str, float]:
    """What is used: of the disk and memory a share, of the processors runnable processes each."""
    disk = shutil.disk_usage(path)
    load = float(Path("/proc/loadavg").read_text(encoding="ascii").split()[0])
    return {
        "disk": disk.used / (disk.used + disk.free),
        "memory": memory(Path("/proc/meminfo").read_text(encoding="ascii")),
        "load": load / (os.cpu_count() or 1),
    }


def counts() -> dict[str, float]:
    """What the kernel has counted since the host booted."""
    vmstat = Path("/proc/vmstat").read_text(encoding="ascii")
    received, sent, faults = network(Path("/proc/net/dev").read_text(encoding="ascii"))
    return {"killed": killed(vmstat), "received": received, "sent": sent, "faults": faults}


def killed(vmstat: str) -> float:
    """Processes that the kernel ended for memory."""
    found = (line.split()[1] for line in vmstat.splitlines() if line.startswith("oom_kill "))
    return float(next(found, 0))


def network(table: str) -> tuple[float, float, float]:
    """Bytes received and sent by all interfaces but the loopback, and their errors and drops."""
    rows = [line.partition(":") for line in table.splitlines()[2:]]
    numbers = [list(map(float, rest.split())) for name, _, rest in rows if name.strip() != "lo"]
    faults = sum(row[2] + row[3] + row[10] + row[11] for row in numbers)
    return sum(row[0] for row in numbers), sum(row[8] for row in numbers), faults


def _since(counted: Mapping[str, float], probe: Probe, context: ProbeContext) -> dict[str, str]:
    """Rates since the sample before, and what the kernel killed since the cockpit began."""
    now = context.clock.real()
    at, before = context.counts.get(probe.id, (now, counted))
    first = context.first.setdefault(probe.id, counted)
    context.counts[probe.id] = (now, counted)
    told = {"killed for memory": f"{counted['killed'] - first['killed']:.0f} since the start"}
    told["network faults"] = f"{counted['faults'] - first['faults']:.0f} since the start"
    if now > at:
        for way in ("received", "sent"):
            told[f"network {way}"] = f"{shown((counted[way] - before[way]) / (now - at))} a second"
    return told


def memory(meminfo: str) -> float:
    """The share of memory that is not available, from /proc/meminfo."""
    lines = (line.partition(":") for line in meminfo.splitlines())
    sizes = {name: float(rest.split()[0]) for name, _, rest in lines if rest.split()}
    return 1 - sizes["MemAvailable"] / sizes["MemTotal"]


def _words(name: str, share: float) -> str:
    return f"load {share:.1f} a CPU" if name == "load" else f"{name} {share * 100:.0f}%"
