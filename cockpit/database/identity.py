"""Which database this is: read again before every step that acts on it."""

from __future__ import annotations

from psycopg import errors

from cockpit.database.connect import Session, reading
from cockpit.runbook.targets import PostgresTarget
from cockpit.secrets import Secrets


async def identity(target: PostgresTarget, secrets: Secrets) -> str:
    """`system identifier/database`; where that is not readable, the database's own number."""
    async with reading(target, secrets, statement_s=5) as connection:
        return await read_identity(connection)


async def read_identity(connection: Session) -> str:
    """The identity of the database behind a session that is in a transaction."""
    try:
        async with connection.transaction():
            row = await (
                await connection.execute(
                    "select system_identifier || '/' || current_database() from pg_control_system()"
                )
            ).fetchone()
    except errors.InsufficientPrivilege:
        row = await (
            await connection.execute(
                "select 'database ' || oid || '/' || datname from pg_database"
                " where datname = current_database()"
            )
        ).fetchone()
    return str(row[0]) if row else ""
