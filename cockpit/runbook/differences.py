"""What one runbook says otherwise than another: by step, check, target, and field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

from cockpit.runbook.model import Runbook, Step
from cockpit.runbook.words import StepId

Facts = dict[str, str]
"""A thing's fields, in words."""
_OWN = ("id", "steps")
"""Fields that the name of a thing, or other things, say."""
_LISTS = ("checks", "probes", "signals", "watches")
_APART = ("phases", "rollback", *_LISTS)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same in both."""

    name: str
    """`step copy_rest`, `check ttl_low`, `target zone`."""
    what: Literal["added", "removed", "changed"]
    fields: tuple[tuple[str, str, str], ...] = ()
    """Each field with what it was and what it is; an added or removed thing has none."""


def differences(
    old: Runbook, new: Runbook, runs: Callable[[Step, Runbook], tuple[str, ...]]
) -> tuple[Difference, ...]:
    """Every difference, what changed first; `runs` says what a step would run, line by line."""
    was, now = _things(old, runs), _things(new, runs)
    changed = [
        Difference(name, "changed", rows)
        for name in was
        if name in now and (rows := tuple(_rows(was[name], now[name])))
    ]
    removed = [Difference(name, "removed") for name in was if name not in now]
    added = [Difference(name, "added") for name in now if name not in was]
    return (*changed, *removed, *added)


def _rows(was: Facts, now: Facts) -> Iterator[tuple[str, str, str]]:
    for name in dict.fromkeys((*was, *now)):
        if was.get(name, "") != now.get(name, ""):
            yield name, was.get(name, ""), now.get(name, "")


def _things(runbook: Runbook, runs: Callable[[Step, Runbook], tuple[str, ...]]) -> dict[str, Facts]:
    """Everything that has a name of its own."""
    procedure, profile = runbook.procedure, runbook.profile
    found: dict[str, Facts] = {"runbook": _facts(procedure, leave=_APART)}
    for phase in procedure.phases:
        steps = ", ".join(step.id for step in phase.steps)
        found[f"phase {phase.id}"] = {**_facts(phase), "steps": steps}
        for step in phase.steps:
            found[f"step {step.id}"] = _step(step, runbook, runs)
    found["rollback"] = {"steps": ", ".join(step.id for step in procedure.rollback)}
    for step in procedure.rollback:
        found[f"step {step.id}"] = _step(step, runbook, runs)
    for kind in _LISTS:
        for one in getattr(procedure, kind):
            found[f"{kind.removesuffix('s').removesuffix('e')} {one.id}"] = _facts(one)
    found["profile"] = _facts(profile, leave=("targets", "secrets", "notifiers"))
    for kind in ("targets", "secrets", "notifiers"):
        for name, one in getattr(profile, kind).items():
            found[f"{kind.removesuffix('s')} {name}"] = _facts(one, leave=())
    return found


def _step(step: Step, runbook: Runbook, runs: Callable[[Step, Runbook], tuple[str, ...]]) -> Facts:
    return {"runs": "\n".join(runs(step, runbook)), **_facts(step)}


def _facts(thing: object, leave: Iterable[str] = ()) -> Facts:
    """A thing's fields in words; an object within it field by field."""
    found: Facts = {}
    for one in fields(thing):  # type: ignore[arg-type]  # only dataclasses come here
        if one.name in _OWN or one.name in leave:
            continue
        value = getattr(thing, one.name)
        if is_dataclass(value):
            inner = _facts(value, leave=())
            found |= {f"{one.name}.{name}": words for name, words in inner.items()}
        elif isinstance(value, Mapping):
            found |= {f"{one.name}.{name}": _words(inner) for name, inner in value.items()}
        else:
            found[one.name] = _words(value)
    return found


def _words(value: Any) -> str:
    """A value as it is shown."""
    if isinstance(value, tuple):
        return ", ".join(map(_words, value))
    if is_dataclass(value):
        return "; ".join(f"{name} {words}" for name, words in _facts(value).items() if words)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def undone_by(runbook: Runbook, step_id: str) -> tuple[str, ...]:
    """The rollback steps that take a step back."""
    wanted = StepId(step_id)
    return tuple(step.id for step in runbook.procedure.rollback if wanted in step.undoes)
