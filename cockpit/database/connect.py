"""Sessions on a PostgreSQL target: pinned settings, deadlines, and errors that hold no secret."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
from psycopg import IsolationLevel, sql

from cockpit.errors import TargetError
from cockpit.runbook.targets import PostgresTarget
from cockpit.secrets import Secrets

Session = psycopg.AsyncConnection[tuple[Any, ...]]
CONNECT_S = 5
STATEMENT_S = 60.0
LOCK_S = 3.0
COPYING = "cockpit.copying"
"""Set to `on` inside a copying transaction: only then does the guard let the owner's role write."""
_PINNED = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "default_transaction_read_only": "off",
}
"""The text forms of values depend on these; the last is named explicitly by every transaction."""
_MEND = {
    "28P01": "put the role's present password into its secret's file",
    "28000": "is the role allowed to log in from this host?",
    "3D000": "is the database's name right, and was it made?",
    "42P01": "is the schema migrated?",
    "53300": "end other sessions, or raise the plan's connection limit",
    "55P03": "see who holds the lock, and try again",
    "57014": "it took longer than its statement timeout",
}


def place(target: PostgresTarget) -> str:
    """Where a target lies, as an operator reads it."""
    return f"{target.host}:{target.port}/{target.database}"


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turns psycopg's errors into TargetError; no DETAIL, since it may quote rows."""
    try:
        yield
    except psycopg.Error as error:
        raise TargetError(_words(error), where=where, mend=_mend(error)) from None


@asynccontextmanager
async def session(
    target: PostgresTarget,
    secrets: Secrets,
    *,
    role: str | None = None,
    statement_s: float = STATEMENT_S,
    lock_s: float = LOCK_S,
) -> AsyncIterator[Session]:
    """A session in autocommit, as the target's user or as one of the application's roles."""
    secret = target.password if role is None else target.roles[role]
    password = secrets.value(secret)
    with translated(place(target)):
        connection = await _connect(target, role or target.user, password)
        async with connection:
            settings = {
                **_PINNED,
                "statement_timeout": f"{statement_s * 1000:.0f}",
                "lock_timeout": f"{lock_s * 1000:.0f}",
            }
            if role is None:
                # Row-level security would silently filter rows; off, it raises an error instead.
                settings["row_security"] = "off"
            await _set_for_session(connection, settings)
            yield connection


@asynccontextmanager
async def reading(
    target: PostgresTarget, secrets: Secrets, *, statement_s: float = STATEMENT_S
) -> AsyncIterator[Session]:
    """One READ ONLY transaction on one snapshot."""
    async with session(target, secrets, statement_s=statement_s) as connection:
        await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        await connection.set_read_only(True)
        async with connection.transaction():
            yield connection


@asynccontextmanager
async def writing(
    target: PostgresTarget,
    secrets: Secrets,
    *,
    copying: bool = False,
    statement_s: float = STATEMENT_S,
) -> AsyncIterator[Session]:
    """One READ WRITE transaction; `copying` passes the guard of a frozen database."""
    async with session(target, secrets, statement_s=statement_s) as connection:
        await connection.set_read_only(False)
        async with connection.transaction():
            if copying:
                await connection.execute("select set_config(%s, 'on', true)", (COPYING,))
            yield connection


async def _set_for_session(connection: Session, settings: dict[str, str]) -> None:
    """Settings that hold until the session ends."""
    calls = sql.SQL(", ").join(
        sql.SQL("set_config({}, {}, false)").format(sql.Literal(name), sql.Literal(value))
        for name, value in settings.items()
    )
    await connection.execute(sql.SQL("select {}").format(calls))


async def _connect(target: PostgresTarget, user: str, password: str) -> Session:
    verifies = target.sslmode.startswith("verify")
    return await psycopg.AsyncConnection.connect(
        host=target.host,
        port=target.port,
        dbname=target.database,
        user=user,
        password=password,
        sslmode=target.sslmode,
        sslrootcert=target.sslrootcert or ("system" if verifies else ""),
        gssencmode="disable",
        connect_timeout=CONNECT_S,
        client_encoding="UTF8",
        application_name="cockpit",
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        autocommit=True,
        prepare_threshold=None,  # a pooler between would lose prepared statements
    )


def _words(error: psycopg.Error) -> str:
    if primary := error.diag.message_primary:
        return f"{primary} ({error.sqlstate})"
    # Whole: who shows it hides secrets first, and cuts then.
    return " ".join(str(error).split()) or type(error).__name__


def _mend(error: psycopg.Error) -> str:
    if error.sqlstate:
        return _MEND.get(error.sqlstate, "")
    if isinstance(error, psycopg.OperationalError):
        return "is the server up, and may this host reach it?"
    return ""
