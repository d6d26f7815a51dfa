"""A database: whether it answers, takes writes, and has connections left."""

from __future__ import annotations

from cockpit.errors import TargetError
from cockpit.probes.http import milliseconds
from cockpit.probes.sample import ProbeContext, Sample, figures, paced
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import PostgresTarget

STATEMENT_S = 5.0
CROWDED = 0.7
"""The share of connections from which they are short."""
_LOOK = """
select (select count(*) from pg_stat_activity where backend_type = 'client backend'),
       current_setting('max_connections')::int
         - current_setting('superuser_reserved_connections')::int,
       coalesce((select bool_or(setting = 'default_transaction_read_only=on')
                   from pg_db_role_setting, unnest(setconfig) setting
                  where setrole = 0 and setdatabase = (
                        select oid from pg_database where datname = current_database())), false),
       pg_size_pretty(pg_database_size(current_database())),
       current_setting('server_version')
"""


async def sample(probe: Probe, context: ProbeContext) -> Sample:
    """Connect as the owner, and look once; `read-only` is the database's default for sessions."""
    from cockpit.database.connect import reading

    target = context.target(probe, PostgresTarget)
    began = context.clock.real()
    try:
        async with reading(target, context.secrets, statement_s=STATEMENT_S) as session:
            row = await (await session.execute(_LOOK)).fetchone()
    except TargetError as error:
        return Sample("down", "no answer", detail=(str(error),))
    if row is None:
        raise TargetError("gave no row", where=probe.target)
    took = context.clock.real() - began
    used, most, frozen, size, version = row
    crowded = used >= CROWDED * most
    detail = figures(
        {
            "writes": "read-only" if frozen else "writable",
            "connections": f"{used} of {most} used",
            "looked in": milliseconds(took),
            "size": size,
            "PostgreSQL": version,
        }
    )
    figure = "read-only" if frozen else f"{used}/{most} conn"
    state = paced(is_slow=crowded or took > probe.slow_over)
    short = f"connections {used} of {most}" if crowded else ""
    return Sample(state, figure, float(used), detail, short)
