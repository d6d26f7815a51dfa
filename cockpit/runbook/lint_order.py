"""Order: what comes before what, by the written order and by the planned times."""

from __future__ import annotations

import graphlib
from collections.abc import Iterator

from cockpit.runbook.actions import DnsAction
from cockpit.runbook.broken import Partial, reads
from cockpit.runbook.checks import ExportCheck, SoakCheck
from cockpit.runbook.draft import Draft
from cockpit.runbook.model import Probe, Step, Watch
from cockpit.runbook.problems import Problem
from cockpit.runbook.rules import each
from cockpit.runbook.scalars import offset_text


def circles(draft: Draft) -> Iterator[Problem]:
    """Steps that need one another."""
    for circle in _circles(draft):
        shown = " → ".join((*circle, circle[0]))
        what = f"the steps need one another in a circle: {shown}"
        yield draft.problem(draft.steps[circle[0]], what, "take one `needs` out", key="needs")


def _circles(draft: Draft) -> list[tuple[str, ...]]:
    """Each circle, from its first step in the written order."""
    # What a step needs unsaid stands before it: only what is written can close a circle.
    needs: dict[str, set[str]] = {step.id: {*_needs(step)} for step in draft.steps.values()}
    order = {name: index for index, name in enumerate(needs)}
    found: list[tuple[str, ...]] = []
    while True:
        try:
            graphlib.TopologicalSorter(needs).prepare()
        except graphlib.CycleError as error:
            ring = error.args[1][:0:-1]
            first = min(range(len(ring)), key=lambda at: order[ring[at]])
            found.append((*ring[first:], *ring[:first]))
            needs[found[-1][-1]].discard(found[-1][0])
        else:
            return found


def _needs(step: Step) -> tuple[str, ...]:
    """The needs that a step names."""
    return getattr(step, "needs", None) or ()


def needed_later(draft: Draft) -> Iterator[Problem]:
    """A step that stands, or is planned, before one that it needs."""
    order = draft.order
    in_circles = {frozenset(circle) for circle in _circles(draft)}
    for step in draft.forward:
        for index, need in enumerate(_needs(step)):
            if not {step.id, need} <= set(order):
                continue
            if any({step.id, need} <= ring for ring in in_circles):
                continue
            if order[need] > order[step.id]:
                what = f"step `{step.id}` needs `{need}`, which stands after it"
                mend = "move it below, or take it out of `needs`"
                yield draft.problem(step, what, mend, key="needs", item=index)
            elif _is_later(draft.offset(draft.steps[need]), draft.offset(step)):
                what = f"step `{step.id}` is planned before `{need}`, which it needs"
                yield draft.problem(step, what, "give it a later offset", key="needs", item=index)


def _is_later(one: float | None, other: float | None) -> bool:
    """Whether one of two planned times is known to be the later."""
    return one is not None and other is not None and one > other


def needs_across(draft: Draft) -> Iterator[Problem]:
    """A forward step that needs a rollback step, or the other way about."""
    forward = set(draft.order)
    back = set(draft.steps) - forward
    for steps, others, word in (
        (draft.forward, back, "a step of the rollback"),
        (draft.rollback, forward, "a step of the way forward"),
    ):
        for step in steps:
            for index, need in enumerate(_needs(step)):
                if need in others:
                    what = f"step `{step.id}` needs `{need}`, {word}"
                    yield draft.problem(step, what, "take it out", key="needs", item=index)


def backwards(draft: Draft) -> Iterator[Problem]:
    """Planned times that go back."""
    last: tuple[str, float] | None = None
    for step in draft.forward:
        offset = draft.offset(step)
        if offset is None:
            continue
        if last and offset < last[1]:
            what = (
                f"step `{step.id}` is planned at {offset_text(offset)}, before"
                f" `{last[0]}` above it at {offset_text(last[1])}"
            )
            key = "offset" if step.offset is not None else ""
            yield draft.problem(step, what, "put the steps in the order of their times", key=key)
        last = (step.id, offset)


def _marked(draft: Draft) -> list[Step]:
    """The steps of the phases that are marked t0."""
    return [step for step in draft.forward if getattr(step, "t0", False)]


def one_t0(draft: Draft) -> Iterator[Problem]:
    """No step marked t0, several, or one that is no switch."""
    marked = _marked(draft)
    knows_all = not isinstance(draft.forward, Partial)
    if not marked and knows_all and all(reads(step, "t0") for step in draft.forward):
        what = "no step is marked `t0: true`"
        yield draft.problem(draft.procedure, what, "mark the step that switches DNS", key="phases")
    for step in marked[1:]:
        what = f"step `{step.id}` is marked t0, as `{marked[0].id}` is"
        yield draft.problem(step, what, "keep one: offsets count from it", key="t0")
    for step in draft.rollback:
        if getattr(step, "t0", False):
            what = f"the rollback step `{step.id}` is marked t0"
            yield draft.problem(step, what, "mark the step that switches DNS", key="t0")
    for step in marked[:1]:
        yield from _switches(draft, step)


def _switches(draft: Draft, step: Step) -> Iterator[Problem]:
    action = step.action
    if not isinstance(action, DnsAction) or action.change != "to_new":
        what = f"step `{step.id}` is marked t0 and does not switch DNS"
        yield draft.problem(step, what, "mark a `dns` step with `change: to_new`", key="t0")


def t0_time(draft: Draft) -> Iterator[Problem]:
    """A T-0 that is planned at another time."""
    for step in _marked(draft)[:1]:
        offset = draft.offset(step)
        if offset:
            what = f"step `{step.id}` is T-0 and is planned at {offset_text(offset)}"
            yield draft.problem(step, what, "give it `offset: T-0`", key="offset")


def around_t0(draft: Draft) -> Iterator[Problem]:
    """Steps on one side of T-0 whose time lies on the other."""
    marked = _marked(draft)[:1]
    if not marked:
        return
    at = next(index for index, step in enumerate(draft.forward) if step is marked[0])
    for index, step in enumerate(draft.forward):
        offset = draft.offset(step)
        if offset is None:
            continue
        key = "offset" if step.offset is not None else ""
        if index > at and offset < 0:
            what = f"step `{step.id}` stands after T-0 and is planned at {offset_text(offset)}"
            yield draft.problem(step, what, "give it an offset of T-0 or later", key=key)
        if index < at and offset > 0:
            what = f"step `{step.id}` stands before T-0 and is planned at {offset_text(offset)}"
            yield draft.problem(step, what, "give it an offset of T-0 or earlier", key=key)


def never_open(draft: Draft) -> Iterator[Problem]:
    """A gate that can only pass after its own step."""
    order = draft.order
    for step in draft.forward:
        for index, gate in enumerate(getattr(step, "gates", ())):
            check = draft.checks.get(gate)
            after = getattr(check, "after", "") if isinstance(check, SoakCheck) else ""
            after = getattr(check, "of", "") if isinstance(check, ExportCheck) else after
            if {after, step.id} <= set(order) and order[after] >= order[step.id]:
                what = f"the gate `{gate}` waits for `{after}`, which is not before `{step.id}`"
                yield draft.problem(step, what, "name an earlier step", key="gates", item=index)


@each(lambda draft: (*draft.part("watches"), *draft.part("probes")))
def spans(draft: Draft, one: Watch | Probe) -> Iterator[Problem]:
    """A watch, or the life of a service, that ends before it begins."""
    order = draft.order
    named = f"the {'watch' if isinstance(one, Watch) else 'probe'} `{one.id}`"
    for key in ("after", "until"):
        name = getattr(one, key, "")
        if name in draft.steps and name not in order:
            what = f"{named} names `{name}`, a step of the rollback"
            yield draft.problem(one, what, "name a step of a phase", key=key)
    if 0 <= order.get(one.until or "", -1) <= order.get(one.after or "", -1):
        what = f"{named} ends with `{one.until}`, not after it begins"
        yield draft.problem(one, what, "name a later step", key="until")


RULES = (
    circles,
    needed_later,
    needs_across,
    backwards,
    one_t0,
    t0_time,
    around_t0,
    never_open,
    spans,
)
