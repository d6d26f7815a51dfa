"""Actions: keys that belong together, by kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from cockpit.runbook.actions import (
    ComposeAction,
    CopyAction,
    DnsAction,
    ExportAction,
    HttpAction,
    ManualAction,
    NotifyAction,
    ReadOnlyAction,
    ReconcileAction,
    RestoreAction,
    ShellAction,
    SqlAction,
)
from cockpit.runbook.checks import (
    AnonymousCheck,
    ExportCheck,
    HttpCheck,
    ReconciledCheck,
    SaysEnvironmentCheck,
    SequencesCheck,
)
from cockpit.runbook.draft import Draft
from cockpit.runbook.problems import Problem
from cockpit.runbook.rules import each, spoken

Complaint = tuple[str, str, str]
"""The key, what is wrong, how to mend it."""


def _dns(one: DnsAction, draft: Draft) -> Iterator[Complaint]:
    if one.change == "ttl" and one.ttl is None:
        yield "change", "`change: ttl` lacks `ttl`", "add `ttl: 60s`, for one"
    if one.change == "restore_ttl" and one.of is None:
        yield "change", "`change: restore_ttl` lacks `of`", "name the step that lowered the TTL"
    if one.change == "restore_ttl" and one.ttl is not None:
        yield "ttl", "`restore_ttl` puts back what was recorded", "take `ttl` out"
    if one.change not in ("restore_ttl", "to_old") and one.of is not None:
        yield "of", f"`change: {one.change}` does not look at `of`", "take it out"
    of = draft.steps.get(one.of) if one.of else None
    if of and not _recorded_ttl(of.action, one):
        what = f"`{one.of}` records no TTL of `{one.target}`"
        change = "to_new" if one.change == "to_old" else "ttl"
        yield "of", what, f"name a step with `kind: dns`, `change: {change}` and the same target"


def _recorded_ttl(recorded: object, one: DnsAction) -> bool:
    return (
        isinstance(recorded, DnsAction)
        and recorded.change in (("ttl", "to_new") if one.change == "to_old" else ("ttl",))
        and recorded.target == one.target
    )


def _compose(one: ComposeAction, _: Draft) -> Iterator[Complaint]:
    if one.operation == "run" and (len(one.services) != 1 or not one.command):
        yield "operation", "`run` needs one service and a command", "add `services:` and `command:`"
    if one.operation != "run" and one.command:
        yield "command", f"`{one.operation}` runs no command", "take `command` out"


def _sql(one: SqlAction, _: Draft) -> Iterator[Complaint]:
    if bool(one.statements) == (one.file is not None):
        many = "both `statements` and `file`" if one.statements else "nothing to run"
        yield "statements", f"the sql action has {many}", "write `statements:` or `file:`"


def _read_only(one: ReadOnlyAction, draft: Draft) -> Iterator[Complaint]:
    if one.mode == "freeze" and one.other is not None:
        yield "other", "`freeze` does not look at `other`", "take it out"
    if one.other == one.target:
        yield "other", "`other` is the side that is opened", "name the side that refuses writes"
    sides = sum(getattr(one, "kind", "") == "postgres" for one in draft.declared.values())
    if one.mode == "open" and one.other is None and sides > 1:
        what = "`open` names no `other` side whose refusal of writes is proved first"
        yield "mode", what, "add `other:`, so that two sides are never open at once"


def _copy(one: CopyAction, _: Draft) -> Iterator[Complaint]:
    if one.what == "sequences" and one.tables:
        yield "tables", "`what: sequences` copies no tables", "take `tables` out"
    if one.what != "sequences" and not one.tables:
        mend = "list the tables in an order that foreign keys allow"
        yield "what", f"`what: {one.what}` lacks `tables`", mend


def _restore(one: RestoreAction, draft: Draft) -> Iterator[Complaint]:
    of = draft.steps.get(one.of)
    if of is None:
        return
    if not isinstance(of.action, ExportAction):
        yield "of", f"`{one.of}` exports nothing", "name a step with `kind: export`"
        return
    missing = [table for table in one.tables if table not in of.action.tables]
    if missing:
        what = f"`{one.of}` does not export the table `{missing[0]}`"
        yield "tables", what, "export it, or take it out"


def _export_check(one: ExportCheck, draft: Draft) -> Iterator[Complaint]:
    of = draft.steps.get(one.of)
    if of and not isinstance(of.action, ExportAction):
        yield "of", f"`{one.of}` exports nothing", "name a step with `kind: export`"


def _shell(one: ShellAction, _: Draft) -> Iterator[Complaint]:
    if one.argv and not one.argv[0].strip():
        yield "argv", "the program's name is empty", "write the program and its arguments"


def _path(one: HttpAction | HttpCheck | SaysEnvironmentCheck, _: Draft) -> Iterator[Complaint]:
    if not one.path.startswith("/"):
        yield "path", "the path does not begin with `/`", "write `/health`, for one"


def _mark(one: SaysEnvironmentCheck, _: Draft) -> Iterator[Complaint]:
    if not one.mark.strip():
        yield "mark", "the mark is empty, and every page would hold it", "write `staging`, for one"


def _columns(one: AnonymousCheck, _: Draft) -> Iterator[Complaint]:
    for name in one.columns:
        table, _dot, column = name.rpartition(".")
        if not table or not column:
            yield "columns", f"`{name}` is no column of a table", "write `users.email`, for one"


def _status(one: HttpAction | HttpCheck, _: Draft) -> Iterator[Complaint]:
    if not 100 <= one.expect_status <= 599:
        yield "expect_status", f"{one.expect_status} is no HTTP status", "write 200, for one"


def _json(one: HttpCheck, _: Draft) -> Iterator[Complaint]:
    if bool(one.json) != (one.expect is not None):
        key, other = ("json", "expect") if one.json else ("expect", "json")
        yield key, f"`{key}` stands without `{other}`", f"add `{other}:` or take `{key}` out"


def _notify(one: NotifyAction, _: Draft) -> Iterator[Complaint]:
    if not one.subject.strip():
        yield "subject", "the notice has no subject", "write one"


def _manual(one: ManualAction, _: Draft) -> Iterator[Complaint]:
    if not all(line.strip() for line in one.do):
        yield "do", "a line of `do` is empty", "write what to do"


def _two_sides(
    one: CopyAction | ReconcileAction | SequencesCheck | ReconciledCheck, _: Draft
) -> Iterator[Complaint]:
    if one.source == one.target:
        yield "target", "source and target are the same", "name the two sides"


def _margin(one: CopyAction | SequencesCheck, _: Draft) -> Iterator[Complaint]:
    if one.margin < 0:
        yield "margin", "the margin is negative", "write a number of zero or more"


_RULES: tuple[tuple[tuple[type, ...], Callable[[Any, Draft], Iterator[Complaint]]], ...] = (
    ((DnsAction,), _dns),
    ((ComposeAction,), _compose),
    ((SqlAction,), _sql),
    ((ReadOnlyAction,), _read_only),
    ((CopyAction,), _copy),
    ((RestoreAction,), _restore),
    ((ExportCheck,), _export_check),
    ((ShellAction,), _shell),
    ((HttpAction, HttpCheck, SaysEnvironmentCheck), _path),
    ((SaysEnvironmentCheck,), _mark),
    ((AnonymousCheck,), _columns),
    ((HttpAction, HttpCheck), _status),
    ((HttpCheck,), _json),
    ((NotifyAction,), _notify),
    ((ManualAction,), _manual),
    ((CopyAction, ReconcileAction, SequencesCheck, ReconciledCheck), _two_sides),
    ((CopyAction, SequencesCheck), _margin),
)


def keys(draft: Draft) -> Iterator[Problem]:
    """Keys of an action or check that do not fit together."""
    for one in draft.records:
        for classes, rule in _RULES:
            if isinstance(one, classes):
                yield from spoken(_located(one, draft, rule(one, draft)))


def _located(one: Any, draft: Draft, complaints: Iterator[Complaint]) -> Iterator[Problem]:
    for key, what, mend in complaints:
        yield draft.problem(one, what, mend, key=key)


@each(lambda draft: draft.records)
def repeated_tables(draft: Draft, one: Any) -> Iterator[Problem]:
    """A table that is listed twice."""
    tables: tuple[str, ...] = getattr(one, "tables", ())
    for index, table in enumerate(tables):
        if table in tables[:index]:
            what = f"the table `{table[:60]}` is listed twice"
            yield draft.problem(one, what, "take one out", key="tables", item=index)


RULES = (keys, repeated_tables)
