"""The scheduled jobs of one side: they run inside its web service, only while enabled there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import psycopg

from cockpit.rehearsal.clock import JournalClock
from cockpit.rehearsal.pool import Pool

LOG = logging.getLogger(__name__)
TURN_S = 60.0
"""Run seconds between two turns."""
TURN_REAL_S = 0.5
"""Real seconds between two turns at least."""
EVERY_S: Mapping[str, float] = {
    "raise_alerts": TURN_S,
    "send_digests": 86400.0,
    "purge_sessions": 3600.0,
}
"""Run seconds between two runs of a job."""
QUIET_S = 3600.0
"""Run seconds for which a sensor that raised an alert raises no other."""
_RAISE = """
INSERT INTO alerts (sensor_id, raised_at, kind, state, note)
SELECT DISTINCT ON (r.sensor_id) r.sensor_id, r.ts,
       CASE WHEN r.celsius > s.max_celsius THEN 'too_warm' ELSE 'too_cold' END, 'open',
       'measured ' || r.celsius
FROM sensor_readings r JOIN sensors s ON s.id = r.sensor_id
WHERE r.ts > coalesce(
          (SELECT last_run FROM scheduler.jobs WHERE name = 'raise_alerts'), to_timestamp(0))
  AND r.ts <= to_timestamp(%(now)s)
  AND r.ts > to_timestamp(%(now)s - %(quiet)s)
  AND r.celsius NOT BETWEEN s.min_celsius AND s.max_celsius
  AND NOT EXISTS (SELECT FROM alerts a WHERE a.sensor_id = r.sensor_id
                  AND a.raised_at > r.ts - make_interval(secs => %(quiet)s))
ORDER BY r.sensor_id, r.ts
RETURNING id
"""


class Jobs:
    """The jobs of one side, worked on in turns of the run clock."""

    def __init__(self, database: Pool, clock: JournalClock) -> None:
        self._database = database
        self._clock = clock

    async def work(self, raised: Callable[[float], None]) -> None:
        """Run what is due, turn by turn, until cancelled; `raised` is told how many alerts."""
        while True:
            try:
                await self._turn(raised)
            except psycopg.Error as error:
                # Before the migration, or while this side is closed: the next turn tries again.
                LOG.debug("jobs did not run: %s", type(error).__name__)
            finally:
                await self._database.close()  # a scheduler opens a session for each turn
            await self._clock.sleep(TURN_S, TURN_REAL_S)

    async def close(self) -> None:
        """End the jobs' database session."""
        await self._database.close()

    async def _turn(self, raised: Callable[[float], None]) -> None:
        now = self._clock.now()
        rows = await self._database.run(
            "SELECT name, coalesce(extract(epoch FROM last_run)::float8, 0)"
            " FROM scheduler.jobs WHERE enabled"
        )
        for name, last_run in rows:
            if now - last_run < EVERY_S.get(name, TURN_S) * 0.9:
                continue
            if name == "raise_alerts":
                raised(len(await self._raise_alerts(now)))
            await self._database.run(
                "UPDATE scheduler.jobs SET last_run = to_timestamp(%s) WHERE name = %s",
                (now, name),
            )

    async def _raise_alerts(self, now: float) -> list[tuple[object, ...]]:
        return await self._database.run(_RAISE, {"now": now, "quiet": QUIET_S})
