"""`cockpit reconcile`: compare the two databases now; for a timer, and for a worried minute."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from cockpit.commands.world import telling, world
from cockpit.database.reconcile import Comparison, reconcile
from cockpit.errors import CockpitError, UsageError
from cockpit.exits import BAD, GOOD, UNKNOWN, answer
from cockpit.redact import SHOWN
from cockpit.runbook.model import Decision, Runbook
from cockpit.runbook.targets import PostgresTarget
from cockpit.secrets import for_profile


def run(directory: Path, environment: str, *, as_json: bool) -> int:
    """Compare, and say; 1 where rows differ, 2 where it could not be told whether they do."""
    with telling():
        runbook = world(directory, environment).plan.runbook
        decision = runbook.procedure.decision
        if decision is None or decision.carry is None:
            raise UsageError(
                "the runbook names no two databases to compare",
                where=f"{directory}/runbook.yaml",
                mend="add `carry: [NEW, OLD]` under `decision:`",
            )
        found = asyncio.run(_compare(runbook, decision))
    if as_json:
        answer(msgspec.json.encode(found.tables).decode())
    else:
        answer("\n".join(table.words for table in found.tables))
    if not found.compared:
        return UNKNOWN
    return BAD if found.differing else GOOD


async def _compare(runbook: Runbook, decision: Decision) -> Comparison:
    new, old = (runbook.target(one) for one in decision.carry or ())
    if not isinstance(new, PostgresTarget) or not isinstance(old, PostgresTarget):
        raise CockpitError("the targets of `decision.carry` are no databases here")
    secrets = for_profile(runbook, SHOWN)
    return await reconcile(old, new, secrets, decision.tables)
