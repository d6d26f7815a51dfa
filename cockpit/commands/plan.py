"""`cockpit plan`: what would happen, in words, as JSON, or as a paper to work from by hand."""

from __future__ import annotations

import dataclasses
import itertools
import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

from cockpit.actions.paper import fenced
from cockpit.commands.outline import PlanOutline, StepOutline, outline_of
from cockpit.exits import GOOD, answer, tell
from cockpit.runbook.plan import load_plan
from cockpit.status import ENVIRONMENT
from cockpit.timewords import said_moment

WIDTH = 80
"""Columns of the plan in words; commands are never broken."""


def run(
    directory: Path,
    environment: str,
    t0: str | None = None,
    *,
    as_json: bool = False,
    markdown: bool = False,
) -> int:
    """Print the plan of a runbook in an environment."""
    outline = outline_of(
        load_plan(Path(directory), environment, {}), said_moment(t0) if t0 is not None else None
    )
    if as_json:
        answer(json.dumps(dataclasses.asdict(outline), indent=2, ensure_ascii=False))
    else:
        tell("\n".join(_paper(outline) if markdown else _text(outline)))
    return GOOD


def _text(plan: PlanOutline) -> Iterator[str]:
    yield f"{plan.title}: {ENVIRONMENT[plan.environment]}, {plan.domain}"
    yield f"T-0        {plan.t0 or 'not given: times are offsets'}"
    yield f"procedure  {plan.procedure_digest}"
    yield f"plan       {plan.plan_digest}"
    count = itertools.count(1)
    for phase in plan.phases:
        yield from ("", f"{phase.title.upper()}  {phase.offset}")
        for step in phase.steps:
            yield from _step_text(next(count), step)
    yield from ("", "ROLLBACK  those steps whose work was begun, in this order")
    for number, step in enumerate(plan.rollback, 1):
        yield from _step_text(number, step)
    yield from ("", "ACCEPTED ONCE, WITH THIS PLAN")
    yield from (f"  {line}" for line in plan.accepted_once)


def _step_text(number: int, step: StepOutline) -> Iterator[str]:
    when = "  ".join(filter(None, (step.offset, step.planned)))
    yield ""
    yield f"{number:3} {step.title}  [{step.id}]  {when}".rstrip()
    yield from (f"    ! {mark}" for mark in step.marks)
    yield from (f"    $ {line}" for line in step.lines)
    for word, values in _facts(step):
        yield from textwrap.wrap(
            values,
            WIDTH,
            initial_indent=f"    {word:9} ",
            subsequent_indent=" " * 14,
            break_long_words=False,
            break_on_hyphens=False,
        )


def _facts(step: StepOutline) -> Iterator[tuple[str, str]]:
    facts = (
        ("needs", ", ".join(step.needs)),
        ("undoes", ", ".join(step.undoes)),
        ("gates", "; ".join(step.gates)),
        ("verified", "; ".join(step.verify)),
        ("takes", f"{step.estimate}, killed after {step.timeout}"),
        ("why", step.why),
        ("success", step.success_looks_like),
        ("if not", step.if_it_fails),
        ("ask", step.ask),
        ("way back", step.way_back),
    )
    yield from ((word, text) for word, text in facts if text)


def _paper(plan: PlanOutline) -> Iterator[str]:
    yield from (f"# {plan.title}: {ENVIRONMENT[plan.environment]}", "")
    yield "The paper fallback: each step with its commands, to be done and ticked by hand."
    yield "Paste into bash on the cockpit's host, as who may read the secrets' files, and always in"
    yield "one folder: what a later block needs is left in by_hand/ there. Each block stops at its"
    yield "first error. They want psql, dig, curl, python3, and nsupdate where it is named."
    yield from ("", f"- product: {plan.domain}", f"- T-0: {plan.t0 or 'not given'}")
    yield from (f"- procedure: `{plan.procedure_digest}`", f"- plan: `{plan.plan_digest}`")
    count = itertools.count(1)
    for phase in plan.phases:
        yield from ("", f"## {phase.title} ({phase.offset})")
        for step in phase.steps:
            yield from _step_paper(next(count), step)
    yield from ("", "## Rollback", "", "Those steps whose work was begun, in this order.")
    for number, step in enumerate(plan.rollback, 1):
        yield from _step_paper(number, step)
    yield from ("", "## Accepted once, with this plan", "")
    yield from (f"- {line}" for line in plan.accepted_once)


def _step_paper(number: int, step: StepOutline) -> Iterator[str]:
    when = ", ".join(filter(None, (step.offset, step.planned)))
    yield from ("", f"### {number}. {step.title}", "")
    yield f"`{step.id}`{', ' if when else ''}{when}; takes {step.estimate}"
    yield from ("", step.why)
    if step.marks:
        yield from ("", *(f"**{mark}**" for mark in step.marks))
    if step.gates:
        yield from ("", "Before:", "", *(f"- [ ] {gate}" for gate in step.gates))
    yield from ("", "Do:", "", *fenced(step.paper), "", "- [ ] done at ____ by ____")
    yield from (f"- [ ] {check}" for check in step.verify)
    yield from ("", f"Success: {step.success_looks_like}", "")
    yield f"If it fails: {step.if_it_fails} Ask: {step.ask}."
    if step.undoes:
        yield from ("", f"Undoes: {', '.join(step.undoes)}")
    if step.way_back:
        yield from ("", f"Way back: {step.way_back}")
