"""How many rows a rollback would have to carry from the new side to the old."""

from __future__ import annotations

from collections.abc import Iterable

from cockpit.database.reconcile import reconcile
from cockpit.runbook.targets import PostgresTarget
from cockpit.secrets import Secrets


async def rows_to_carry(
    new: PostgresTarget, old: PostgresTarget, secrets: Secrets, tables: Iterable[str]
) -> int:
    """Rows of the new side that the old one lacks or holds otherwise."""
    found = await reconcile(new, old, secrets, tables)
    return sum(len(table.missing) + len(table.changed) for table in found.tables)
