"""Profiles beside one another: a staging that is production by another name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cockpit.runbook.broken import Unread
from cockpit.runbook.draft import Draft
from cockpit.runbook.problems import Problem
from cockpit.runbook.targets import ComposeTarget, DnsTarget, PostgresTarget, Target


def shared(drafts: Iterable[Draft]) -> Iterator[Problem]:
    """Targets of staging that a production run acts on too: practising there is no practice."""
    by_name = {draft.environment: draft for draft in drafts}
    production, staging = by_name.get("production"), by_name.get("staging")
    if production is None or staging is None:
        return
    owned = {what: name for name, target in _targets(production) for what in _acted_on(target)}
    for name, target in _targets(staging):
        both = [what for what in _acted_on(target) if what in owned]
        if both:
            known = f"{both[0]}, as `{owned[both[0]]}` of production does"
            what = f"the target `{name}` of staging leads to {known}"
            mend = "give staging a place of its own: a staging run freezes, copies and switches it"
            yield staging.warning(target, what, mend)


def _targets(draft: Draft) -> Iterator[tuple[str, Target]]:
    yield from getattr(draft.profile, "targets", {}).items()


def _acted_on(target: Target) -> list[str]:
    """What steps would change behind a target, each in words that tell it from any other."""
    try:
        if isinstance(target, PostgresTarget):
            return [f"the database {target.host}:{target.port}/{target.database}"]
        if isinstance(target, DnsTarget):
            return [f"the name {name.rstrip('.').lower()}" for name in target.names]
        if isinstance(target, ComposeTarget):
            engine = f" at {target.context}" if target.context else ""
            return [f"the Compose project {target.project}{engine}"]
    except Unread:
        pass
    return []
