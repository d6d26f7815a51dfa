"""COPY at libpq's own level, in a worker thread: a message a row is too dear for an event loop.

While one of these runs it alone uses the session; nothing else may touch it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn

from cockpit.database.connect import Session

BATCH: Final = 256 * 1024
CANCEL_S: Final = 5.0
Sink = Callable[[bytes], object]


async def copy_out(connection: Session, query: sql.Composed, sink: Sink) -> int:
    """`COPY (query) TO STDOUT` in text form, handed over in batches; gives back the rows."""
    command = sql.SQL("copy ({}) to stdout").format(query).as_bytes(connection)
    return await _in_thread(lambda: _out(connection.pgconn, command, sink), connection)


async def copy_csv(connection: Session, query: sql.Composed, path: Path) -> None:
    """The same rows as CSV with a header, in a file that only its owner reads."""
    command = sql.SQL("copy ({}) to stdout (format csv, header)").format(query)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        await _in_thread(
            lambda: _out(connection.pgconn, command.as_bytes(connection), file.write), connection
        )


async def copy_in(connection: Session, into: sql.Composed, chunks: Iterable[bytes]) -> int:
    """`COPY table (columns) FROM STDIN` in text form; gives back the rows."""
    command = sql.SQL("copy {} from stdin").format(into).as_bytes(connection)
    return await _in_thread(lambda: _in(connection.pgconn, command, chunks), connection)


async def relay(source: Session, query: sql.Composed, target: Session, into: sql.Composed) -> int:
    """Rows from one session straight into another; gives back how many arrived."""
    out = sql.SQL("copy ({}) to stdout").format(query).as_bytes(source)
    within = sql.SQL("copy {} from stdin").format(into).as_bytes(target)
    return await _in_thread(
        lambda: _in(target.pgconn, within, _batches(source.pgconn, out)), source, target
    )


async def _in_thread(work: Callable[[], int], *connections: Session) -> int:
    """Wait for blocking work; stopped, end it at the servers first, since it holds the sessions."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        for connection in connections:
            await connection.cancel_safe(timeout=CANCEL_S)
        with suppress(psycopg.Error):
            await task
        raise


def _out(pgconn: PGconn, command: bytes, sink: Sink) -> int:
    rows = 0
    for batch in _batches(pgconn, command):
        # A line feed inside a value is written as backslash and n: each is the end of a row.
        rows += batch.count(b"\n")
        sink(batch)
    return rows


def _batches(pgconn: PGconn, command: bytes) -> Iterator[bytes]:
    _begin(pgconn, command, ExecStatus.COPY_OUT)
    held: list[bytes] = []
    size = 0
    while True:
        length, row = pgconn.get_copy_data(0)
        if length < 0:
            break
        held.append(bytes(row))
        size += length
        if size >= BATCH:
            yield b"".join(held)
            held.clear()
            size = 0
    _end(pgconn)
    if held:
        yield b"".join(held)


def _in(pgconn: PGconn, command: bytes, chunks: Iterable[bytes]) -> int:
    _begin(pgconn, command, ExecStatus.COPY_IN)
    was, pgconn.nonblocking = pgconn.nonblocking, 0
    try:
        for chunk in chunks:
            pgconn.put_copy_data(chunk)
    except BaseException:
        pgconn.put_copy_end(b"the source of the rows failed")
        _drain(pgconn)
        raise
    else:
        pgconn.put_copy_end()
        return _end(pgconn)
    finally:
        pgconn.nonblocking = was


def _begin(pgconn: PGconn, command: bytes, wanted: ExecStatus) -> None:
    result = pgconn.exec_(command)
    if result.status != wanted:
        raise error_from_result(result)


def _end(pgconn: PGconn) -> int:
    """Read a COPY's result; the rows that the server counted."""
    rows = 0
    failure = None
    while result := pgconn.get_result():
        if result.status != ExecStatus.COMMAND_OK:
            failure = failure or error_from_result(result)
        rows = result.command_tuples or rows
    if failure:
        raise failure
    return rows


def _drain(pgconn: PGconn) -> None:
    while pgconn.get_result():
        pass
