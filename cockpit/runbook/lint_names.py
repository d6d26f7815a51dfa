"""Names: each once, and none that leads to nothing or to a thing of the wrong kind."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from cockpit.runbook.actions import (
    ComposeAction,
    CopyAction,
    DnsAction,
    ExportAction,
    HttpAction,
    NotifyAction,
    ReadOnlyAction,
    ReconcileAction,
    RestoreAction,
    SqlAction,
)
from cockpit.runbook.broken import class_of, reads
from cockpit.runbook.checks import (
    AnonymousCheck,
    ConvergedCheck,
    DatabaseCheck,
    DiskCheck,
    DnsAnswerCheck,
    DnsCaaCheck,
    DnsCertificateCheck,
    DnsProviderCheck,
    DnsServesCheck,
    DnsSignedCheck,
    DnsTtlCheck,
    DnsZoneCheck,
    DockerCheck,
    HttpCheck,
    ReconciledCheck,
    SaysEnvironmentCheck,
    SequencesCheck,
    SqlCheck,
    StackLintCheck,
    WritesCheck,
)
from cockpit.runbook.draft import FAMILIES, Draft, Reference
from cockpit.runbook.model import Decision, Probe, Signal
from cockpit.runbook.problems import Problem, listed, meant
from cockpit.runbook.rules import each
from cockpit.runbook.scalars import ID

_NOUNS = {
    "Step": "step",
    "Phase": "phase",
    "CheckBase": "check",
    "Probe": "probe",
    "Signal": "signal",
    "Watch": "watch",
}
_POSTGRES = (
    SqlAction,
    ReadOnlyAction,
    CopyAction,
    ReconcileAction,
    ExportAction,
    RestoreAction,
    SqlCheck,
    DatabaseCheck,
    WritesCheck,
    SequencesCheck,
    ReconciledCheck,
    AnonymousCheck,
    Decision,
)
_DNS = (
    DnsAction,
    DnsTtlCheck,
    DnsAnswerCheck,
    ConvergedCheck,
    DnsZoneCheck,
    DnsProviderCheck,
    DnsCaaCheck,
    DnsSignedCheck,
    DnsCertificateCheck,
    DnsServesCheck,
)
_KINDS: dict[type, str] = {
    **dict.fromkeys(_POSTGRES, "postgres"),
    **dict.fromkeys(_DNS, "dns"),
    ComposeAction: "compose",
    DockerCheck: "compose",
    StackLintCheck: "compose",
    DiskCheck: "host",
    HttpAction: "http",
    HttpCheck: "http",
    SaysEnvironmentCheck: "http",
    Signal: "http",
}
_PROBES = {
    "http": "http",
    "postgres": "postgres",
    "metric": "http",
    "host": "host",
    "container": "compose",
    "redis": "redis",
    **dict.fromkeys(("s3", "tls", "prometheus", "loki"), "http"),
    **dict.fromkeys(("grafana", "uptime_kuma", "traefik", "nginx"), "http"),
    "pgbouncer": "postgres",
}


def duplicates(draft: Draft) -> Iterator[Problem]:
    """Two things of a sort with one id."""
    first: dict[tuple[str, str], int] = {}
    for family, name, line in draft.ids:
        if (family, name) in first:
            what = f"a second {_NOUNS[family]} is called `{name}`, the first in line"
            what = f"{what} {first[family, name]}"
            yield Problem(draft.file, line, what, "give each an id of its own")
        first.setdefault((family, name), line)


@each(lambda draft: draft.named)
def unknown_names(draft: Draft, one: Reference) -> Iterator[Problem]:
    """A word that names nothing."""
    if one.word == "TargetId":
        yield from _target(draft, one)
    elif one.word in FAMILIES:
        family, word = FAMILIES[one.word]
        if draft.lacks(family, one.value):
            known, sort = _fitting(draft, one) if family == "Step" else (None, word)
            known = draft.names(family) if known is None else known
            mend = meant(one.value, known, f"write the id of a {sort} that is there")
            yield _at(draft, one, f"no {word} is called `{one.value}`", mend)


def _fitting(draft: Draft, one: Reference) -> tuple[Collection[str] | None, str]:
    """The steps that may stand there, and what they are called; None where any may."""
    if one.field == "of":
        return None, "step"
    back = draft.names("Step") - set(draft.order)
    is_back = any(one.owner is step for step in draft.rollback)
    if one.field == "call_off" or (one.field == "needs" and is_back):
        return back, "step of the rollback"
    return draft.order, "step of a phase"


def _target(draft: Draft, one: Reference) -> Iterator[Problem]:
    names = draft.keys.get("targets")
    if names is None:
        return
    kind = _kind_for(one)
    if one.value not in names:
        may_be = [name for name in names if _is_of(draft, name, kind)]
        otherwise = f"declare it under `targets:`; known: {listed(may_be or names)}"
        what = f"no target is called `{one.value}`"
        yield _at(draft, one, what, meant(one.value, may_be, otherwise))
        return
    declared = draft.declared.get(one.value)
    if declared and kind and declared.kind != kind:
        fitting = [
            name for name, other in draft.declared.items() if getattr(other, "kind", "") == kind
        ]
        mend = f"name one of kind `{kind}`" + (f": {listed(fitting)}" if fitting else "")
        what = f"the target `{one.value}` is of kind `{declared.kind}`, not `{kind}`"
        yield _at(draft, one, what, mend)


def _is_of(draft: Draft, name: str, kind: str) -> bool:
    """Whether a target may be of a kind: one that could not be read may be of any."""
    declared = draft.declared.get(name)
    return declared is None or not kind or getattr(declared, "kind", kind) == kind


def _kind_for(one: Reference) -> str:
    if isinstance(one.owner, Probe):
        return _PROBES.get(one.owner.kind, "")
    if isinstance(one.owner, Signal) and one.field == "database":
        return "postgres"
    return _KINDS.get(class_of(one.owner), "")


def _at(draft: Draft, one: Reference, what: str, mend: str) -> Problem:
    return draft.problem(one.owner, what, mend, key=one.field, item=one.item)


@each(lambda draft: draft.records)
def notifiers(draft: Draft, one: Any) -> Iterator[Problem]:
    """A notice to nobody."""
    if not isinstance(one, NotifyAction) or not reads(draft.profile, "notifiers"):
        return
    known = draft.profile_keys.get("notifiers", ())
    if one.to not in known:
        otherwise = f"declare it under `notifiers:` in {draft.environment}.yaml"
        what = f"no notifier is called `{one.to}`"
        yield draft.problem(one, what, meant(one.to, known, otherwise), key="to")


def unused(draft: Draft) -> Iterator[Problem]:
    """A check or target that nothing names."""
    for name in draft.unnamed("CheckId", draft.checks):
        what = f"nothing asks the check `{name}`"
        mend = "name it in `gates:` or `verify:`, or take it out"
        yield draft.warning(draft.checks[name], what, mend)
    for name in draft.unnamed("TargetId", draft.declared):
        what = f"nothing acts on or looks at the target `{name}`"
        mend = "take it out, or name it where it is meant"
        yield draft.warning(draft.declared[name], what, mend)


def spelling(draft: Draft) -> Iterator[Problem]:
    """A key that is a name of its own and cannot be one."""
    for file, keys, made in (
        (draft.file, draft.keys, draft.procedure),
        (draft.profile_file, draft.profile_keys, draft.profile),
    ):
        for section in ("variables", "targets", "secrets", "notifiers"):
            for key in keys.get(section, ()):
                if not re.fullmatch(ID, key):
                    line = draft.places.of(made, section, key)[1] if made else 1
                    what = f"`{key[:60]}` is not a name"
                    mend = "write lower-case letters, digits and `_`, a letter first"
                    yield Problem(file, line, what, mend)


RULES = (duplicates, unknown_names, notifiers, unused, spelling)
