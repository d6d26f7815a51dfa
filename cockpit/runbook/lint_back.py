"""The way back: what undoes what, and what cannot be undone."""

from __future__ import annotations

from collections.abc import Iterator

from cockpit.runbook.actions import ManualAction
from cockpit.runbook.broken import reads
from cockpit.runbook.draft import Draft
from cockpit.runbook.model import Step
from cockpit.runbook.problems import Problem
from cockpit.runbook.rules import each, spoken

NONE = "none, because "
"""How a way back begins where there is none."""
NOT_NEEDED = "not needed, because "
"""How it begins where a step leaves nothing behind that does harm."""
MOST_MANUAL = 15
"""Manual steps beyond which a rollback is too slow to be one."""
CHANGES_NOTHING = ("wait", "manual", "notify", "reconcile", "export")
"""Kinds of action that leave nothing behind for a rollback to take back."""


@each(lambda draft: draft.forward)
def undoes_forward(draft: Draft, step: Step) -> Iterator[Problem]:
    """`undoes` outside the rollback."""
    if step.undoes:
        what = f"step `{step.id}` undoes others and is no step of the rollback"
        yield draft.problem(step, what, "move it under `rollback:`", key="undoes")


@each(lambda draft: draft.rollback)
def undoes(draft: Draft, step: Step) -> Iterator[Problem]:
    """A step of the rollback that undoes nothing, or a step that is itself part of it."""
    back = set(draft.steps) - set(draft.order)
    for index, name in enumerate(step.undoes):
        if name in back:
            what = f"the rollback step `{step.id}` undoes `{name}`, a step of the rollback"
            yield draft.problem(step, what, "name a step of a phase", key="undoes", item=index)
    if not step.undoes:
        what = f"the rollback step `{step.id}` undoes nothing, so it never runs"
        yield draft.problem(step, what, "add `undoes:` with the steps it takes back")


def _undone(draft: Draft) -> set[str]:
    return {name for step in draft.rollback for name in getattr(step, "undoes", ())}


@each(lambda draft: draft.forward)
def ways_back(draft: Draft, step: Step) -> Iterator[Problem]:
    """A way back that is no reason, or that the rollback contradicts."""
    why = _why_none(step)
    if step.way_back and not why:
        what = f"`way_back` of `{step.id}` does not say why there is none"
        mend = "write `none, because …` or `not needed, because …`"
        yield draft.problem(step, what, mend, key="way_back")
    elif why and step.id in _undone(draft) and step.id in draft.steps:
        what = f"`way_back` of `{step.id}` says that there is none, and the rollback undoes it"
        yield draft.problem(step, what, "take one of them out", key="way_back")


def no_way_back(draft: Draft) -> Iterator[Problem]:
    """A step that changes something, without a way back and without a word about it."""
    if not reads(draft.procedure, "rollback"):
        return
    for name in draft.unnamed("StepId", draft.order, "undoes"):
        yield from spoken(_no_way_back(draft, draft.steps[name]))


def _why_none(step: Step) -> str:
    """Why nothing undoes a step, where it says so in proper form."""
    for form in (NONE, NOT_NEEDED):
        if step.way_back.startswith(form) and len(step.way_back) > len(form) + 3:
            return form
    return ""


def _no_way_back(draft: Draft, step: Step) -> Iterator[Problem]:
    why = _why_none(step)
    if step.way_back and not why:
        return
    mend = "add a rollback step with `undoes`, or `way_back: none, because …`"
    if step.irreversible and why != NONE:
        what = f"the irreversible step `{step.id}` does not say that there is no way back"
        yield draft.problem(step, what, mend)
    elif not why and step.action.kind not in CHANGES_NOTHING:
        yield draft.warning(step, f"nothing undoes the step `{step.id}`", mend)


@each(lambda draft: draft.every_step)
def unproved(draft: Draft, step: Step) -> Iterator[Problem]:
    """An irreversible step without proof."""
    if step.irreversible and not step.verify:
        what = f"the irreversible step `{step.id}` has no verification"
        yield draft.problem(step, what, "add `verify:` with a check that proves it")


@each(lambda draft: draft.every_step)
def untyped(draft: Draft, step: Step) -> Iterator[Problem]:
    """An irreversible step without a word to type."""
    if step.irreversible and not step.typed_word:
        what = f"the irreversible step `{step.id}` has no typed word"
        yield draft.problem(step, what, "add `typed_word:`, so that no slip confirms it")


def no_return(draft: Draft) -> Iterator[Problem]:
    """Points of no return: each once, on the way forward, the first write before the end."""
    seen: dict[str, Step] = {}
    for step in draft.rollback:
        if getattr(step, "no_return", None):
            what = f"the rollback step `{step.id}` is a point of no return"
            yield draft.problem(step, what, "mark a step of a phase", key="no_return")
    for step in draft.forward:
        word = getattr(step, "no_return", None)
        if word is None:
            continue
        if word in seen:
            what = f"step `{step.id}` is `no_return: {word}`, as `{seen[word].id}` is"
            yield draft.problem(step, what, "keep the first", key="no_return")
        seen.setdefault(word, step)
        if word == "end" and not getattr(step, "irreversible", True):
            what = f"step `{step.id}` ends the way back and is not irreversible"
            yield draft.problem(step, what, "add `irreversible: true`", key="no_return")


def manual(draft: Draft) -> Iterator[Problem]:
    """A rollback by hand."""
    by_hand = [
        step for step in draft.rollback if isinstance(getattr(step, "action", None), ManualAction)
    ]
    if len(by_hand) > MOST_MANUAL:
        what = f"{len(by_hand)} steps of the rollback are manual"
        mend = f"let the cockpit do some: more than {MOST_MANUAL} take too long at night"
        yield draft.warning(draft.procedure, what, mend, key="rollback")


def call_off(draft: Draft) -> Iterator[Problem]:
    """A step to call off with that is none of the rollback."""
    for index, name in enumerate(draft.part("call_off")):
        if name in draft.order:
            what = f"`call_off` names `{name}`, which is no step of the rollback"
            mend = "name steps of the rollback"
            yield draft.problem(draft.procedure, what, mend, key="call_off", item=index)


RULES = (
    undoes_forward,
    undoes,
    ways_back,
    no_way_back,
    unproved,
    untyped,
    no_return,
    manual,
    call_off,
)
