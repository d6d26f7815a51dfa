"""Watches the attempt under way: one that takes long or falls silent is said, never ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from cockpit.clock import NS, boot_ns, wall_s
from cockpit.engine.core import Core
from cockpit.engine.layout import every_run
from cockpit.engine.start import read_state
from cockpit.engine.supervisor import GRACE_S, LINGER_S
from cockpit.errors import CockpitError
from cockpit.journal.events import AttemptLong, LongWhat
from cockpit.journal.state import AttemptState, RunState
from cockpit.patience import usual_silence, usual_time
from cockpit.runbook.model import Step
from cockpit.telemetry.live import Silence

_LOG = logging.getLogger(__name__)
OVERDUE_S = GRACE_S + LINGER_S + 5.0
"""Real seconds after the hard timeout in which a runner that works has recorded the end."""
_ALIKE: Mapping[str, tuple[str, ...]] = {
    "production": ("production", "staging"),
    "staging": ("staging",),
    "rehearsal": ("rehearsal",),
}
"""Whose runs say what is usual: the lab only plays most steps, and is soon done with them."""
Silences = Mapping[str, tuple[float, ...]]


class Patience:
    """What one engine knows of the attempt under way, and of its kind."""

    def __init__(self) -> None:
        self._of: tuple[str, int] = ("", 0)
        self._size = -1
        self._since_ns = 0
        self._told = False
        self._known: Silences | None = None

    async def look(self, core: Core) -> None:
        """Say what is new about how long the attempt under way takes."""
        active = core.ledger.state.active
        attempt = active.last if active else None
        if active is None or attempt is None or active.status not in ("running", "stopping"):
            core.silence = None
            return
        step = core.runbook.step(active.id)
        self._time(core, step, attempt)
        self._output(core.attempts.folder(step.id, attempt.number).output, step, attempt)
        if active.status == "running":
            await self._silence(core, step, attempt)
        else:
            core.silence = None

    # -- time -----------------------------------------------------------------------------------

    def _time(self, core: Core, step: Step, attempt: AttemptState) -> None:
        took = (boot_ns() - attempt.started_boot_ns) / NS
        usual = usual_time(step)
        if took > usual.limit_s:
            _tell(core, step, attempt, "takes_long", took, usual.words)
        if took > step.timeout + OVERDUE_S:
            words = f"look at its runner, pid {attempt.pid}, and at what it started"
            _tell(core, step, attempt, "not_ended", took, words)

    # -- silence --------------------------------------------------------------------------------

    def _output(self, path: Path, step: Step, attempt: AttemptState) -> None:
        """Notice output; after an engine's start, when the last of it came."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return
        now = boot_ns()
        if self._of != (step.id, attempt.number):
            self._of, self._size, self._told = (step.id, attempt.number), found.st_size, False
            ago = max(0.0, wall_s() - found.st_mtime)
            # A wall clock that jumped says nothing: it cannot be before the attempt began.
            self._since_ns = max(attempt.started_boot_ns, now - int(ago * NS))
        elif self._size != found.st_size:
            self._size, self._since_ns, self._told = found.st_size, now, False

    async def _silence(self, core: Core, step: Step, attempt: AttemptState) -> None:
        if self._of != (step.id, attempt.number):
            return
        if self._known is None:
            state = core.ledger.state
            self._known = await asyncio.to_thread(_recorded, state, core.directory.path)
        own = (one.silent_s for one in core.ledger.state.step(step.id).attempts if one.exit == 0)
        usual = usual_silence(step, (*own, *self._known.get(step.id, ())))
        silent = (boot_ns() - self._since_ns) / NS
        if silent <= usual.limit_s:
            core.silence = None
            return
        core.silence = Silence(step.id, attempt.number, self._since_ns, usual.words)
        if not self._told:
            self._told = True
            told = AttemptLong(step.id, attempt.number, "silent", silent, usual.words)
            core.ledger.tell(told)


def _tell(
    core: Core, step: Step, attempt: AttemptState, what: LongWhat, took: float, usual: str
) -> None:
    """Journal it once an attempt."""
    if what not in attempt.long:
        core.ledger.tell(AttemptLong(step.id, attempt.number, what, took, usual))


def _recorded(state: RunState, own: Path) -> Silences:
    """The longest silences of each step in the other runs of this procedure on this host."""
    found: dict[str, tuple[float, ...]] = {}
    for directory in every_run():
        if directory.path.parent.name not in _ALIKE.get(state.environment, ()):
            continue
        if directory.path == own:
            continue
        try:
            other = read_state(directory)
        except (CockpitError, OSError):
            # A folder that is no readable run says nothing about what is usual.
            continue
        except Exception:  # noqa: BLE001  another run may break nothing here: logged, and no measure
            _LOG.exception("%s tells nothing of what is usual", directory.path)
            continue
        if other.procedure == state.procedure:
            for step in other.steps.values():
                ended = (one.silent_s for one in step.attempts if one.exit == 0)
                found[step.id] = (*found.get(step.id, ()), *ended)
    return found
