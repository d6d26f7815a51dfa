"""What a run acts on is its own from its first confirmation to its end, whatever engine works.

A lock dies with who holds it. So an engine that is started again takes them all anew before
anything is confirmed, and says who has one that it cannot have.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterable

import msgspec

from cockpit.engine import locks
from cockpit.engine.attempt_files import Identity
from cockpit.engine.core import Core
from cockpit.errors import CockpitError, Refused

KEEP_S = 5.0
"""Real seconds between two looks at whether everything is still held."""
_LATER_S = 60.0
"""Real seconds after which a database is asked again that could not be reached."""
_LETS_GO_S = 3.0
"""Real seconds in which the server ends a session whose process is gone."""
_TROUBLE = "claims"
"""Where the engine's troubles say what cannot be had."""


async def claim(core: Core, targets: Iterable[tuple[str, str]]) -> None:
    """Lock the run and a step's targets before it begins; Refused says who has one of them.

    What was locked for a step that is refused is let go of: this run does not act on it.
    """
    files, databases = set(core.world.held_locks), set(core.advisory.held)
    try:
        _lock_run(core)
        for target, identity in targets:
            _lock(core, core.world.scope + identity)
            await _lock_database(core, target, identity)
    except BaseException:
        _let_go(core, set(core.world.held_locks) - files)
        for identity in set(core.advisory.held) - databases:
            await core.advisory.let_go(identity)
        raise


class Claims:
    """Keeps what a run acts on its own while its engine lives."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._later: dict[str, float] = {}
        """When a database is asked again that could not be reached, in real seconds."""

    def resume(self) -> None:
        """At an engine's start: take at once what is locked on this host, then the databases."""
        missing = self._files()
        again = ["its databases are being locked again"] if self._core.state.pinned else []
        self._say(missing or again)

    async def keep(self) -> None:
        """Hold everything that the run acts on; what cannot be had is said, and tried again."""
        core = self._core
        if core.state.ended:
            _let_go(core, set(core.world.held_locks))
            await core.advisory.close()
            self._say([])
            return
        pinned = dict(core.state.pinned)
        found = await asyncio.gather(*(self._database(*one) for one in pinned.items()))
        self._say([*self._files(), *filter(None, found)])

    def _say(self, missing: list[str]) -> None:
        if missing:
            self._core.troubles[_TROUBLE] = "; ".join(dict.fromkeys(missing))
        else:
            self._core.troubles.pop(_TROUBLE, None)

    def _files(self) -> list[str]:
        """Take the locks of this host; which cannot be had, in words."""
        core, missing = self._core, []
        if core.state.ended or not any(step.attempts for step in core.state.steps.values()):
            return []
        try:
            _lock_run(core)
        except Refused as refusal:
            missing.append(str(refusal))
        for identity in core.state.pinned.values():
            try:
                _lock(core, core.world.scope + identity)
            except Refused as refusal:
                missing.append(str(refusal))
        return missing

    async def _database(self, target: str, identity: str) -> str:
        """Lock a database again; why it cannot be had, where another run has it.

        One that cannot be reached closes the steps that name it, and no other: the way back must
        not wait for a side that is gone.
        """
        core = self._core
        if core.ledger.clock.real() < self._later.get(identity, 0.0):
            return ""
        try:
            declared = core.runbook.profile.targets.get(target)
            await core.advisory.hold(identity, declared, core.secrets)
        except Refused as refusal:
            return str(refusal)
        except CockpitError:
            self._later[identity] = core.ledger.clock.real() + _LATER_S
        return ""


def _lock_run(core: Core) -> None:
    """Be the only run of this runbook, environment and targets on this host.

    A step that names no target acts all the same, and another folder's engine knows nothing of it.
    """
    declared = msgspec.json.encode(core.runbook.profile.targets, order="sorted")
    place = hashlib.sha256(declared).hexdigest()[:12]
    name = f"{core.runbook.name} in {core.runbook.environment}, targets {place}"
    _lock(core, core.world.scope + name, "run")


def _lock(core: Core, identity: str, what: locks.What = "target") -> None:
    held, run = core.world.held_locks, core.directory.path
    locks.hold(held, identity, run, runner=_runner(core), what=what)


def _runner(core: Core) -> Identity | None:
    """The runner of the newest attempt, which may share a lock of a former engine.

    One attempt is under way at a time; its runner lives a moment longer than its recorded end.
    """
    begun = [(one.last, one.id) for one in core.state.steps.values() if one.last is not None]
    if not begun:
        return None
    newest, step = max(begun, key=lambda one: one[0].confirmed_at)
    found = core.attempts.told(step, newest.number).identity
    return None if found is None or found.void else found


async def _lock_database(core: Core, target: str, identity: str) -> None:
    declared = core.runbook.target(target)
    deadline = core.ledger.clock.real() + _LETS_GO_S
    while not await core.advisory.hold(identity, declared, core.secrets):
        if core.ledger.clock.real() > deadline:
            raise Refused(
                "a session of this run's former engine still has this database",
                where=identity,
                mend="look again in a minute, when its server has ended it",
            )
        await asyncio.sleep(0.2)


def _let_go(core: Core, identities: Iterable[str]) -> None:
    for identity in identities:
        os.close(core.world.held_locks.pop(identity))
