"""The services that a runbook's steps name: a profile that is off is on for a service so named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cockpit.runbook.actions import ComposeAction
from cockpit.runbook.model import Runbook

_LASTS = frozenset(("up", "restart", "stop"))


class Named(NamedTuple):
    """What the steps of a runbook do with one Compose project."""

    every: frozenset[str]
    once: frozenset[str]
    """Run to their end, by a step of their own."""
    lasting: frozenset[str]
    """Started, to stay up."""
    starts_all: bool
    """Whether a step starts whatever no profile leaves out."""

    def one_offs(self, config: Mapping[str, Any]) -> frozenset[str]:
        """The services of a resolved project that nothing keeps up."""
        services: Mapping[str, Any] = config.get("services") or {}
        started = (name for name, one in services.items() if not one.get("profiles"))
        kept = self.lasting.union(started) if self.starts_all else self.lasting
        return self.once & services.keys() - kept


def named(runbook: Runbook, target: str) -> Named:
    """What the steps of a runbook name of the project behind a target."""
    actions = (step.action for step in runbook.steps())
    found = [one for one in actions if isinstance(one, ComposeAction) and one.target == target]
    runs = [one for one in found if one.operation == "run"]
    lasts = [one for one in found if one.operation in _LASTS]
    return Named(
        frozenset(name for one in found for name in one.services),
        frozenset(name for one in runs for name in one.services[:1]),
        frozenset(name for one in lasts for name in one.services),
        any(one.operation == "up" and not one.services for one in lasts),
    )
