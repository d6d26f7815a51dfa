"""A service's health page: how fast it answers, and which of its checks fail."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from cockpit.errors import TargetError
from cockpit.probes import web
from cockpit.probes.expected import at, compared
from cockpit.probes.sample import ProbeContext, Sample, paced
from cockpit.runbook.checks import Expect
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import HttpTarget

PATIENCE_S = 5.0
"""Real seconds after which no answer is an answer."""
WELL = frozenset(("ok", "up", "healthy", "pass", "passing", "ready", "true", "connected"))


async def sample(probe: Probe, context: ProbeContext) -> Sample:
    """Ask once."""
    target = context.target(probe, HttpTarget)
    began = context.clock.real()
    try:
        answer = await web.get(
            target, probe.path, context.secrets, max(PATIENCE_S, 2 * probe.slow_over)
        )
    except TargetError as error:
        return Sample("down", "no answer", detail=(str(error),))
    took = context.clock.real() - began
    sick = failing(answer.text)
    told = (f"GET {probe.path} answered {answer.status_code} in {milliseconds(took)}",)
    detail = (*told, *(f"check {name} fails" for name in sick))
    if not 200 <= answer.status_code < 300 or sick:
        return Sample("down", _reason(answer.status_code, sick), took * 1000, detail)
    if probe.expect is not None:
        holds, words = _expected(probe, probe.expect, answer.text)
        if not holds:
            return Sample("down", words, took * 1000, detail)
    return Sample(paced(is_slow=took > probe.slow_over), milliseconds(took), took * 1000, detail)


def _expected(probe: Probe, expect: Expect, body: str) -> tuple[bool, str]:
    """Whether the answer says what it must, with the reason; one that does not say it does not."""
    try:
        return compared(at(body, probe.json), expect, probe.json or "the answer")
    except TargetError as error:
        return False, error.what


def milliseconds(seconds: float) -> str:
    """A response time as a person reads it."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def failing(body: str) -> tuple[str, ...]:
    """The names of failing checks in a health page's `checks`; none where it says nothing."""
    try:
        page = json.loads(body)
    except ValueError:
        return ()
    checks = page.get("checks") if isinstance(page, Mapping) else None
    return tuple(_sick(checks)) if isinstance(checks, Mapping) else ()


def _sick(checks: Mapping[str, object]) -> Iterator[str]:
    for name, found in checks.items():
        said = found.get("status", True) if isinstance(found, Mapping) else found
        if not (said is True or str(said).lower() in WELL):
            yield name


def _reason(status: int, sick: tuple[str, ...]) -> str:
    return f"{status} {', '.join(sick)}".strip()
