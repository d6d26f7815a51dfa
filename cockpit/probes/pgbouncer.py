"""A PgBouncer, by its own console: who waits for a connection, and for how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cockpit.errors import TargetError
from cockpit.probes.sample import ProbeContext, Sample, paced
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import PostgresTarget

CONSOLE = "pgbouncer"
"""The database that is the console; who asks stands in `stats_users`."""
OWN = frozenset((CONSOLE,))


async def sample(probe: Probe, context: ProbeContext) -> Sample:
    """Ask SHOW POOLS once."""
    target = context.target(probe, PostgresTarget)
    try:
        pools = await _pools(target, context)
    except TargetError as error:
        return Sample("down", "no answer", detail=(str(error),))
    return judged(pools, probe.slow_over)


def judged(pools: Sequence[Mapping[str, Any]], slow_over: float) -> Sample:
    """One tile from all pools but the console's own."""
    real = [pool for pool in pools if pool["database"] not in OWN]
    waiting = sum(int(pool["cl_waiting"]) for pool in real)
    longest = max((float(pool["maxwait"]) for pool in real), default=0.0)
    busy = sum(int(pool["sv_active"]) for pool in real)
    idle = sum(int(pool["sv_idle"]) for pool in real)
    told = (
        f"{pool['database']} as {pool['user']}: {pool['cl_active']} clients,"
        f" {pool['cl_waiting']} waiting, {pool['sv_active']} of"
        f" {int(pool['sv_active']) + int(pool['sv_idle'])} server connections busy"
        for pool in real
    )
    figure = f"{waiting} waiting" if waiting else f"{busy}/{busy + idle} conn"
    short = f"connections of PgBouncer, {waiting} waiting" if longest > slow_over else ""
    state = paced(is_slow=longest > slow_over)
    return Sample(state, figure, float(waiting), tuple(told), short)


async def _pools(target: PostgresTarget, context: ProbeContext) -> list[dict[str, Any]]:
    import psycopg
    from psycopg.rows import dict_row

    from cockpit.database.connect import CONNECT_S, place, translated

    password = context.secrets.value(target.password)
    with translated(place(target)):
        # The console knows the simple protocol alone, and no transaction.
        connection = await psycopg.AsyncConnection.connect(
            host=target.host,
            port=target.port,
            dbname=CONSOLE,
            user=target.user,
            password=password,
            sslmode=target.sslmode,
            sslrootcert=target.sslrootcert or "",
            gssencmode="disable",
            connect_timeout=CONNECT_S,
            autocommit=True,
            cursor_factory=psycopg.AsyncClientCursor,
            row_factory=dict_row,
        )
        async with connection:
            return await (await connection.execute("show pools")).fetchall()
