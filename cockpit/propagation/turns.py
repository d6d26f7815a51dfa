"""When each resolver is asked: seldom as a rule, often where its answer is about to run out.

They belong to others, and limit the rate of those that ask too much. Authorities are asked at
every look, since the bound rests on when each of them turned.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from cockpit.propagation.answers import Row

LEAST_S = 1.0
"""Real seconds between two sweeps of one resolver, whatever else holds."""
NEAR_S = 2.0
"""The same in the minutes after a switch."""
SELDOM_S = 10.0
"""The same otherwise."""
LEFT_OUT_S = 60.0
"""The same for one that does not count."""
SWITCH_S = 600.0
"""Run seconds after a switch that count as near."""


class Turns:
    """Whose turn it is; in a rehearsal, where the resolvers are our own, always everyone's."""

    def __init__(self, *, polite: bool) -> None:
        self._polite = polite
        self._asked: dict[str, float] = {}
        """By the watch, in real seconds."""
        self._beside: dict[str, float] = {}
        """By anybody else of this process: now, or when their turn comes."""

    def reserve(self, names: Collection[str], real: float) -> float:
        """Real seconds until all of these may be asked beside the watch: the turn is taken."""
        if not self._polite:
            return 0.0
        turn = max((self._last(name) + LEAST_S for name in names), default=real)
        self._beside |= dict.fromkeys(names, max(turn, real))
        return max(0.0, turn - real)

    def _last(self, name: str) -> float:
        never = float("-inf")
        return max(self._asked.get(name, never), self._beside.get(name, never))

    def due(self, rows: Iterable[Row], real: float, now: float, switched: float | None) -> set[str]:
        """The names of the resolvers to be asked now, who are taken to be asked then."""
        names = {row.name for row in rows if self._is_due(row, real, now, switched)}
        self._asked |= dict.fromkeys(names, real)
        return names

    def _is_due(self, row: Row, real: float, now: float, switched: float | None) -> bool:
        if not self._polite:
            return True
        if real - self._last(row.name) < LEAST_S:
            return False
        if row.name not in self._asked:
            return True
        since = real - self._asked[row.name]
        if row.left_out:
            return since >= LEFT_OUT_S
        ran_out = any(cell.expires_at and cell.at < cell.expires_at <= now for cell in row.cells)
        is_near = switched is not None and now - switched < SWITCH_S
        return ran_out or since >= (NEAR_S if is_near else SELDOM_S)
