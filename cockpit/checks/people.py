"""Whether staging's tables hold anybody's address or phone of production."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING

from cockpit.checks.base import CheckContext, Finding
from cockpit.database.named import database
from cockpit.errors import CockpitError, TargetError
from cockpit.redact import Redactor
from cockpit.runbook.checks import AnonymousCheck
from cockpit.runbook.model import Runbook
from cockpit.secrets import for_profile

if TYPE_CHECKING:
    from cockpit.database.connect import Session

_NOT_STAGING = {
    "production": "this is production: its people are real",
    "rehearsal": "this run is a rehearsal: the lab makes its people up",
}


async def anonymous(check: AnonymousCheck, context: CheckContext) -> Finding:
    """No value that production's columns hold is in any text of the target's tables."""
    environment = context.runbook.environment
    if environment != "staging":
        return Finding("pass", _NOT_STAGING[environment])
    salt = secrets.token_hex(16)
    real = await _of_production(check, context.runbook, salt)
    if not real:
        words = f"production's {', '.join(check.columns)} hold no address and no phone to compare"
        return Finding("unknown", words)
    here = await _of_staging(check, context, salt)
    known = {name: len(hashes & real) for name, hashes in here.items() if hashes & real}
    looked = f"{len(real):,} addresses and phones of production"
    if known:
        places = ", ".join(f"{count:,} in {name}" for name, count in known.items())
        return Finding("fail", f"of {looked}: {places}; anonymise them before anything is sent")
    count = len(set().union(*here.values()))
    return Finding("pass", f"none of {looked}; {count:,} of its own in {len(here)} columns")


async def _of_production(check: AnonymousCheck, runbook: Runbook, salt: str) -> set[bytes]:
    from cockpit.database.connect import reading
    from cockpit.stack.compare import counterpart

    other = await counterpart(runbook)
    if other is None:
        raise TargetError(
            "production's people cannot be compared: its profile is not here",
            mend="keep a sound production.yaml beside the runbook",
        )
    theirs = for_profile(other, Redactor())
    try:
        target = database(other, check.source)
        async with reading(target, theirs, statement_s=check.timeout) as connection:
            found = await _hashes(connection, target.schema, _split(check.columns), salt)
    except CockpitError as error:
        words = f"production's people cannot be compared: {theirs.hide(str(error))}"
        raise TargetError(words) from None
    return set().union(*found.values())


async def _of_staging(
    check: AnonymousCheck, context: CheckContext, salt: str
) -> dict[str, set[bytes]]:
    from cockpit.database.connect import reading
    from cockpit.database.people import texts

    target = database(context.runbook, check.target)
    async with reading(target, context.secrets, statement_s=check.timeout) as connection:
        columns = [
            (table, column)
            for table in check.tables
            for column in await texts(connection, target.schema, table)
        ]
        return await _hashes(connection, target.schema, columns, salt)


async def _hashes(
    connection: Session, schema: str, columns: Iterable[tuple[str, str]], salt: str
) -> dict[str, set[bytes]]:
    from cockpit.database.people import hashes

    return {
        f"{table}.{column}": await hashes(connection, schema, table, column, salt)
        for table, column in columns
    }


def _split(columns: Iterable[str]) -> list[tuple[str, str]]:
    return [(table, column) for table, _, column in (one.rpartition(".") for one in columns)]
