"""Ways back that lead elsewhere: not to where the step that they undo began."""

from __future__ import annotations

from collections.abc import Iterator

from cockpit.runbook.actions import DnsAction, ReadOnlyAction
from cockpit.runbook.draft import Draft
from cockpit.runbook.model import Step
from cockpit.runbook.problems import Problem
from cockpit.runbook.rules import each
from cockpit.runbook.scalars import duration_text, offset_text

LOW_S = 86_400.0
"""A TTL from which on it is not low by any measure."""
_OPPOSITE = {"freeze": "open", "open": "freeze"}


def _undone(draft: Draft, step: Step, kind: type) -> list[Step]:
    """The steps of a kind that a step of the rollback undoes, as far as they could be read."""
    named = (draft.steps.get(name) for name in step.undoes)
    return [one for one in named if one is not None and isinstance(one.action, kind)]


@each(lambda draft: draft.rollback)
def switches_back(draft: Draft, step: Step) -> Iterator[Problem]:
    """A step that switches names to the new side once more, or those of another zone."""
    action = step.action
    undone = _undone(draft, step, DnsAction)
    if not isinstance(action, DnsAction) or not undone:
        return
    if action.change == "to_new":
        what = f"the rollback step `{step.id}` switches to the new side, as the way forward does"
        yield draft.problem(action, what, "write `change: to_old`", key="change")
    yield from _elsewhere(draft, step, undone)


@each(lambda draft: draft.rollback)
def freezes_and_opens(draft: Draft, step: Step) -> Iterator[Problem]:
    """A freeze or an opening of another database than the one that it is to put back, or again."""
    action = step.action
    undone = _undone(draft, step, ReadOnlyAction)
    if not isinstance(action, ReadOnlyAction) or not undone:
        return
    elsewhere = list(_elsewhere(draft, step, undone))
    yield from elsewhere
    modes = {one.action.mode for one in undone if isinstance(one.action, ReadOnlyAction)}
    if not elsewhere and modes == {action.mode}:
        names = ", ".join(f"`{one.id}`" for one in undone)
        what = f"the rollback step `{step.id}` does once more what {names} did: {action.mode}"
        yield draft.problem(action, what, f"write `mode: {_OPPOSITE[action.mode]}`", key="mode")


def _elsewhere(draft: Draft, step: Step, undone: list[Step]) -> Iterator[Problem]:
    target = str(getattr(step.action, "target", ""))
    wanted = {str(getattr(one.action, "target", "")): str(one.id) for one in undone}
    kinds = {getattr(draft.declared.get(one), "kind", None) for one in (target, *wanted)}
    # One kind: a name that leads to nothing, or to something else, is told already.
    if target not in wanted and len(kinds) == 1 and None not in kinds:
        there, name = next(iter(wanted.items()))
        if _other_side_meant(draft, draft.steps[name].action, target):
            what = f"step `{name}` acts on `{there}`, and `{step.id}` takes it back on `{target}`"
            action = draft.steps[name].action
            yield draft.problem(action, what, f"write `target: {target}`", key="target")
            return
        what = f"the rollback step `{step.id}` acts on `{target}`, and `{name}` on `{there}`"
        yield draft.problem(step.action, what, f"write `target: {there}`", key="target")


def _other_side_meant(draft: Draft, action: object, back: str) -> bool:
    """Whether the way forward freezes the wrong side: the one that it opens, never the other."""
    if not isinstance(action, ReadOnlyAction) or action.mode != "freeze":
        return False
    ahead = [getattr(step, "action", None) for step in draft.forward]
    sides = [one for one in ahead if isinstance(one, ReadOnlyAction)]
    frozen = {one.target for one in sides if one.mode == "freeze"}
    opened = {(one.target, one.other) for one in sides if one.mode == "open"}
    return back not in frozen and (action.target, back) in opened


@each(lambda draft: draft.forward)
def lowers(draft: Draft, step: Step) -> Iterator[Problem]:
    """A TTL that is not low, or under which caches keep the old answer beyond T-0."""
    action, offset = step.action, draft.offset(step)
    if not isinstance(action, DnsAction) or action.change != "ttl" or not action.ttl:
        return
    if offset is None or offset >= 0:
        return
    said = f"step `{step.id}` sets the TTL to {duration_text(action.ttl)}"
    if action.ttl >= LOW_S:
        what = f"{said}: caches would follow the switch, and a rollback, only as late as that"
        yield draft.problem(action, what, "write `ttl: 60s`", key="ttl")
    elif action.ttl > -offset:
        over = duration_text(action.ttl + offset)
        what = f"{said} at {offset_text(offset)}: an answer of then is kept until {over} after T-0"
        mend = "write `ttl: 60s`, or plan it earlier"
        yield draft.problem(action, what, mend, key="ttl")


RULES = (switches_back, freezes_and_opens, lowers)
