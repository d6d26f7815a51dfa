"""Dangers: what can be run, and should not be run like that on the night."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cockpit.runbook.actions import (
    ComposeAction,
    CopyAction,
    DnsAction,
    ReadOnlyAction,
    ShellAction,
    SqlAction,
)
from cockpit.runbook.checks import DnsTtlCheck, NotBeforeCheck, SoakCheck
from cockpit.runbook.draft import Draft
from cockpit.runbook.model import Step
from cockpit.runbook.problems import Problem
from cockpit.runbook.rules import each
from cockpit.runbook.scalars import duration_text, offset_text

_DESTROYS = re.compile(
    r"(?i)\b(?:"
    r"drop\s+(?:database|schema|table|owned)|truncate\s+(?:table\s+|only\s+)?[a-z\"]|dropdb\b"
    r"|delete\s+from\s+[\w.\"]+\s*(?:;|\Z)"
    r"|rm\s+-[a-z]*r|mkfs|wipefs|shred\b|dd\s[^\n]*\bof=/dev/"
    r"|docker\s+(?:system|volume)\s+(?:prune|rm)|down\s(?:[^\n]*\s)?(?:-v|--volumes)\b"
    r"|rclone\s+(?:purge|delete)|terraform\s+destroy|kubectl\s+delete"
    r")"
)
"""Words of programs and statements after which data is gone."""
_DOWN = re.compile(r"\bdocker[ -]compose\b.*\bdown\b", re.DOTALL)
_COMMENT = re.compile(r"(?m)--.*$|/\*.*?\*/", re.DOTALL)


def _texts(draft: Draft, step: Step) -> Iterator[str]:
    """Everything of a step's action that a shell, Docker or a database would run."""
    action = step.action
    if isinstance(action, ShellAction):
        yield " ".join(iter(action.argv))
        yield from (_file(draft, name) for name in action.files)
    elif isinstance(action, ComposeAction):
        yield " ".join(iter(action.command))
    elif isinstance(action, SqlAction):
        yield from (_COMMENT.sub("", one) for one in action.statements)
        yield _COMMENT.sub("", _file(draft, action.file or ""))


def _file(draft: Draft, name: str) -> str:
    return draft.files.get(name, b"").decode("utf-8", "replace")


def _t0(draft: Draft) -> Step | None:
    return next((step for step in draft.forward if getattr(step, "t0", False)), None)


def _is_after_t0(draft: Draft, step: Step) -> bool:
    """Whether a step of the phases stands after T-0."""
    t0 = _t0(draft)
    order = [id(one) for one in draft.forward]
    return t0 is not None and id(step) in order and order.index(id(step)) > order.index(id(t0))


@each(lambda draft: draft.every_step)
def down(draft: Draft, step: Step) -> Iterator[Problem]:
    """A stack that is taken down while users may be on it."""
    action = step.action
    is_compose = isinstance(action, ComposeAction) and action.operation == "down"
    is_shell = isinstance(action, ShellAction) and _DOWN.search(" ".join(iter(action.argv)))
    if not (is_compose or is_shell) or step.irreversible:
        return
    mend = "write `operation: stop`: it keeps the containers and their logs"
    if _is_after_t0(draft, step):
        what = f"step `{step.id}` takes a stack down after T-0, when users are on it"
        yield draft.warning(step, what, mend, key="action")
    elif is_compose and not any(step is one for one in draft.forward):
        what = f"the rollback step `{step.id}` takes a stack down, which is refused from T-0 on"
        yield draft.warning(step, what, mend, key="action")


@each(lambda draft: draft.every_step)
def destroys(draft: Draft, step: Step) -> Iterator[Problem]:
    """Data that is gone for good after a step that does not say so."""
    if step.irreversible:
        return
    for text in _texts(draft, step):
        if found := _DESTROYS.search(text):
            words = " ".join(found.group().split()).rstrip(";\"'")
            what = f"step `{step.id}` runs `{words}`, and is not marked irreversible"
            mend = "add `irreversible: true`, `typed_word:` and `way_back:`, or keep the data"
            yield draft.warning(step, what, mend, key="action")
            return


def switch(draft: Draft) -> Iterator[Problem]:
    """A T-0 that nothing proves, or before which caches were never told to forget."""
    step = _t0(draft)
    if step is None or not isinstance(step.action, DnsAction):
        return
    if not step.verify:
        what = f"nothing proves that `{step.id}` switched DNS"
        mend = "add `verify:` with a check of kind `dns_answer`"
        yield draft.warning(step, what, mend)
    before = (one for one in draft.forward if not _is_after_t0(draft, one))
    actions = [getattr(one, "action", None) for one in before]
    if all(_leaves_ttl(one, step.action) for one in actions):
        what = f"nothing lowers the TTL of `{step.action.target}` before T-0"
        mend = "add a `dns` step with `change: ttl` two days before: caches forget sooner"
        yield draft.warning(step, what, mend)


def _leaves_ttl(action: object, switched: DnsAction) -> bool:
    """Whether it is certain that an action does not set the TTL of what is switched."""
    if action is None:
        return False
    if not isinstance(action, DnsAction):
        return True
    return action.target != switched.target or action.change != "ttl"


@each(lambda draft: draft.every_step)
def unproved_ttl(draft: Draft, step: Step) -> Iterator[Problem]:
    """A TTL whose own verification it cannot pass."""
    action = step.action
    if not isinstance(action, DnsAction) or action.ttl is None:
        return
    for index, name in enumerate(step.verify):
        check = draft.checks.get(name)
        if not isinstance(check, DnsTtlCheck) or check.target != action.target:
            continue
        if check.at_most < action.ttl:
            what = (
                f"step `{step.id}` sets a TTL of {duration_text(action.ttl)}, and `{name}` takes"
                f" {duration_text(check.at_most)} at most"
            )
            mend = "let them agree"
            yield draft.problem(step, what, mend, key="verify", item=index)


@each(lambda draft: draft.forward)
def gated_late(draft: Draft, step: Step) -> Iterator[Problem]:
    """A gate that opens only after the time for which its step is planned."""
    planned = draft.offset(step)
    for name in step.gates:
        opens = _opens(draft, name, planned)
        if opens is not None and planned is not None and opens > planned:
            what = (
                f"step `{step.id}` is planned at {offset_text(planned)}, and its gate `{name}`"
                f" opens at {offset_text(opens)} at the earliest"
            )
            yield draft.warning(step, what, "plan it later, or let the gate open sooner")


def _opens(draft: Draft, name: str, planned: float | None) -> float | None:
    """The offset before which a gate cannot pass; None where it waits for a later step."""
    check = draft.checks.get(name)
    if isinstance(check, NotBeforeCheck):
        return check.offset
    if isinstance(check, SoakCheck) and check.after in draft.order:
        begins = draft.offset(draft.steps[check.after])
        if begins is not None and planned is not None and begins <= planned:
            return begins + check.duration
    return None


@each(lambda draft: draft.forward)
def ungated(draft: Draft, step: Step) -> Iterator[Problem]:
    """A step that cannot be taken back, and that nothing keeps from being taken too early."""
    if step.irreversible and not step.gates:
        what = f"the irreversible step `{step.id}` has no gate"
        mend = "add `gates:` with what must hold before it, a `soak` for one"
        yield draft.warning(step, what, mend)


@each(lambda draft: draft.forward)
def sides(draft: Draft, step: Step) -> Iterator[Problem]:
    """A side that is opened while the other is, or written over once users write to it."""
    place = next(index for index, one in enumerate(draft.forward) if one is step)
    before = [getattr(one, "action", None) for one in draft.forward][:place]
    action = step.action
    other = action.other if isinstance(action, ReadOnlyAction) else None
    if isinstance(action, ReadOnlyAction) and action.mode == "open" and other:
        if other != action.target and all(_leaves_open(draft, one, other) for one in before):
            what = f"step `{step.id}` opens `{action.target}`, and nothing before it freezes"
            mend = "add a `read_only` step with `mode: freeze`: two sides are never open at once"
            yield draft.warning(step, f"{what} `{other}`", mend, key="action")
    elif (
        isinstance(action, CopyAction)
        and action.what != "sequences"
        and any(_opened(one, action.target) for one in before)
    ):
        what = f"step `{step.id}` copies rows into `{action.target}`, which is open by then"
        mend = "copy before it is opened: what users write there would be written over"
        yield draft.warning(step, what, mend, key="action")


def _leaves_open(draft: Draft, action: object, target: str) -> bool:
    """Whether it is certain that an action does not freeze a database."""
    if action is None:
        return False
    if not isinstance(action, ReadOnlyAction) or action.mode != "freeze":
        return True
    meant = draft.declared.get(action.target)
    return meant is not None and meant.kind == "postgres" and action.target != target


def _opened(action: object, target: str) -> bool:
    is_open = isinstance(action, ReadOnlyAction) and getattr(action, "mode", "") == "open"
    return is_open and getattr(action, "target", "") == target


RULES = (down, destroys, switch, unproved_ttl, gated_late, ungated, sides)
