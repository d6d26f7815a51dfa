"""A container of a Compose service, as the Docker engine's events tell it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from cockpit.probes.listener import Container, Listener
from cockpit.probes.sample import ProbeContext, Sample, figures
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import ComposeTarget
from cockpit.stack.model import shown
from cockpit.telemetry.live import HEALTH_OUTPUT, TileState
from cockpit.timewords import lasting

CROWDED = 0.9
"""The share of its memory limit from which a container is short."""
LOOP, LOOP_S = 3, 60.0
"""So many ends in so many real seconds are a loop."""
RECENT_S = 300.0
"""Real seconds for which a container that came back is not quite fine."""
NO_ENGINE = "no engine"
"""The figure of a tile while the Docker engine itself does not answer."""
OUTPUTS = 3
"""Health outputs that the service's own page repeats."""
ORDER: tuple[TileState, ...] = ("down", "slow", "fine")
_MISSING = (
    re.compile(r'exec: "(?P<what>[^"]+)": (?:executable file not found|stat .*no such file)'),
    re.compile(r"(?:^|: )(?P<what>[\w./-]+): (?:command )?not found"),
    re.compile(r"can't open '(?P<what>[^']+)'"),
)
SIGNALS = {137: "killed", 143: "ended by a signal"}


class Judged(NamedTuple):
    """A state and its words."""

    state: TileState
    words: str
    short: str = ""


async def sample(probe: Probe, context: ProbeContext) -> Sample:
    """What was last heard; the first time, wait until something was."""
    target = context.target(probe, ComposeTarget)
    listener = _listener(probe, target, context)
    await listener.settled()
    if listener.trouble:
        return Sample("silent", NO_ENGINE, detail=(listener.trouble,))
    now = context.clock.real()
    containers = listener.of(probe.container)
    if containers:
        found = judged(containers, now, once=listener.once(probe.container))
        found = counted(found, len(containers), listener.wanted.get(probe.container, 0))
    else:
        found = Sample("down", "no container", detail=(f"no container of {probe.container}",))
    if listener.uncounted:
        unknown = f"how many containers Compose wants is unknown: {listener.uncounted}"
        found = replace(found, detail=(*found.detail, unknown))
    return replace(found, age_s=now - listener.heard)


def _listener(probe: Probe, target: ComposeTarget, context: ProbeContext) -> Listener:
    listener = context.listeners.get(probe.target)
    if listener is None:
        listener = Listener(target, context.secrets, context.clock, context.runbook.directory)
        context.listeners[probe.target] = listener
    listener.start()
    event = context.woken.get(probe.id)
    if event and event not in listener.woken.setdefault(probe.container, []):
        listener.woken[probe.container].append(event)
    return listener


def judged(containers: Sequence[Container], now: float, *, once: bool = False) -> Sample:
    """One tile from all containers of a service: the sickest is the service.

    One that does its work `once` is well when it has ended with exit 0.
    """
    verdict, one = sickest(containers, now, once=once)
    share = _memory_share(one)
    value = None if share is None else share * 100
    detail = (*_told(one), *_health_told(one.state))
    if len(containers) > 1:
        well = sum(_judged(each, now, once=once).state == "fine" for each in containers)
        detail = (f"{well} of {len(containers)} containers are fine", *detail)
    memory = max((each.use.memory for each in containers if each.use), default=None)
    return Sample(verdict.state, verdict.words, value, detail, verdict.short, memory=memory)


def counted(found: Sample, there: int, wanted: int) -> Sample:
    """The same where all containers are there that Compose wants; else it is not quite fine."""
    if there >= wanted:
        return found
    words = f"{there} of {wanted} containers"
    told = replace(found, detail=(f"{words} that Compose wants are there", *found.detail))
    is_fine = found.state == "fine"
    return replace(told, state="slow", figure=words, short=words) if is_fine else told


def sickest(
    containers: Sequence[Container], now: float, *, once: bool = False
) -> tuple[Judged, Container]:
    """The container that stands for its service, with what is said of it."""
    verdicts = [(_judged(one, now, once=once), one) for one in containers]
    return min(verdicts, key=lambda pair: ORDER.index(pair[0].state))


def _judged(one: Container, now: float, *, once: bool) -> Judged:
    state = one.state
    status = str(state.get("Status", "unknown"))
    if once and status == "exited" and not state.get("ExitCode"):
        return Judged("fine", "ended, exit 0")
    deaths = [at for at in one.deaths if now - at < LOOP_S]
    if len(deaths) >= LOOP:
        return Judged("down", f"restart loop: {_end(one)}")
    if status == "restarting":
        return Judged("down", f"restarting: {_end(one)}")
    if status == "created":
        return Judged("slow", "created, not started")
    if status != "running":
        return Judged("down", _end(one) if status in ("exited", "dead") else status)
    return _of_health(one) or _of_past(one, now) or _of_memory(one) or Judged("fine", _well(state))


def _end(one: Container) -> str:
    state = one.state
    code = int(state.get("ExitCode", 0))
    if code == 137 and one.ended_for_memory:
        return "out of memory"
    return f"{SIGNALS[code]} ({code})" if code in SIGNALS else f"exited {code}"


def _of_health(one: Container) -> Judged | None:
    health = one.state.get("Health") or {}
    status = health.get("Status", "none")
    if status == "unhealthy":
        return Judged("down", _why(health) or "unhealthy")
    if status == "starting":
        why = _why(health)
        return Judged("slow", f"starting: {why}" if why else "starting")
    return None


def _why(health: Mapping[str, Any]) -> str:
    """The reason of the last failing check, in words."""
    log = health.get("Log") or ()
    if not log or not log[-1].get("ExitCode"):
        return ""
    output = str(log[-1].get("Output", "")).strip()
    for pattern in _MISSING:
        if match := pattern.search(output):
            return f"{match['what']} is missing in the image"
    if "exceeded timeout" in output:
        return "health check timed out"
    last = output.splitlines()[-1] if output else f"exit {log[-1]['ExitCode']}"
    return f"unhealthy: {last}"


def _of_past(one: Container, now: float) -> Judged | None:
    if one.out_of_memory is not None and now - one.out_of_memory < RECENT_S:
        return Judged("slow", "ran out of memory", f"memory of {one.service}")
    if one.deaths and int(one.inspected.get("RestartCount", 0)) and now - one.deaths[-1] < RECENT_S:
        return Judged("slow", f"restarted {one.inspected['RestartCount']}x")
    return None


def _of_memory(one: Container) -> Judged | None:
    share = _memory_share(one)
    if share is None or share < CROWDED:
        return None
    words = f"memory {share * 100:.0f}%"
    return Judged("slow", words, f"{words} of {one.service}")


def _memory_share(one: Container) -> float | None:
    limit = int((one.inspected.get("HostConfig") or {}).get("Memory") or 0)
    return one.use.memory / limit if one.use and limit else None


def _well(state: Mapping[str, Any]) -> str:
    return "healthy" if (state.get("Health") or {}).get("Status") == "healthy" else "running"


def _told(one: Container) -> tuple[str, ...]:
    inspected, state = one.inspected, one.state
    limit = int((inspected.get("HostConfig") or {}).get("Memory") or 0)
    used = f"{shown(one.use.memory)} of {shown(limit) if limit else 'no limit'}" if one.use else "?"
    cpu = "?" if one.use is None or one.use.cpu is None else f"{one.use.cpu * 100:.1f}%"
    return figures(
        {
            "container": str(inspected["Name"]).lstrip("/"),
            "image": inspected["Config"]["Image"],
            "digest": str(inspected.get("Image", "?")),
            "up": _up(state),
            "restarts": inspected.get("RestartCount", 0),
            "last exit code": state.get("ExitCode", "?"),
            "killed for memory": "yes" if one.ended_for_memory else "no",
            "memory": used,
            "memory at most": _peak(one),
            "CPU": cpu,
        }
    )


def _peak(one: Container) -> str:
    most = one.use.peak if one.use else None
    return "not told by this kernel" if most is None else f"{shown(most)}, with page cache"


def _up(state: Mapping[str, Any]) -> str:
    try:
        # Nine digits of a second; Python reads six.
        text = re.sub(r"\.\d+", "", str(state["StartedAt"]))
        started = datetime.fromisoformat(text)
    except (KeyError, ValueError):
        return "unknown"
    since = f"since {text}"
    if not state.get("Running"):
        return f"no, was started {text}"
    return f"{lasting((datetime.now(UTC) - started).total_seconds())}, {since}"


def _health_told(state: Mapping[str, Any]) -> Iterator[str]:
    for entry in (state.get("Health") or {}).get("Log", ())[-OUTPUTS:]:
        output = " ".join(str(entry.get("Output", "")).split()) or "no output"
        yield f"{HEALTH_OUTPUT}{entry.get('ExitCode')}: {output}"
