"""The intents that wait: each is answered in the journal once, and only then is its file deleted.

An engine that is killed in between finds the file and the answer: it follows nothing twice. One
that was killed before finds the file alone: it follows it, if it is not too old.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

from cockpit.engine import handlers, intents
from cockpit.engine.core import Core
from cockpit.engine.intents import EXPIRES_S, Intent, Kind, NotAnIntent
from cockpit.engine.mend import Examined
from cockpit.errors import CockpitError, JournalDamaged, Refused
from cockpit.journal.events import IntentRefused

AGAIN_S = 1.0
"""Real seconds after which an intent is tried again that the host did not take."""
AT_ONCE = 100
"""Intents that are taken in one look: whoever writes thousands does not stop the engine."""
LEFT_S = 600.0
"""Real seconds after which half a file of a viewer that was killed is cleared away."""
_ASKS: frozenset[Kind] = frozenset({"propose", "look", "withdraw", "note", "hold", "stop"})
"""Asking gates takes seconds: what only looks must not keep a hold or a stop waiting."""
_AGAIN: frozenset[Kind] = frozenset({"hold", "stop", "note", "leave"})
"""Followed late rather than never; anything else that the host did not take is refused."""


class Inbox:
    """The folder of intents, as its engine works through it."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._folder = core.directory.intents
        self._turn = asyncio.Lock()
        self._busy: set[str] = set()
        self._not_before: dict[str, float] = {}
        self._untaken: dict[str, Exception] = {}
        """Why an intent could not be followed: that is journaled as soon as the host takes it."""

    def coming(self) -> list[Path]:
        """The intents to be followed now, oldest first."""
        now = time.monotonic()
        found = [
            path
            for path in intents.waiting(self._folder)
            if path.stem not in self._busy and self._not_before.get(path.stem, 0.0) <= now
        ]
        self._busy.update(path.stem for path in found[:AT_ONCE])
        return found[:AT_ONCE]

    async def follow(self, path: Path) -> None:
        """Answer one intent, and delete its file; one that the host does not take is kept."""
        name = path.stem
        try:
            await self._answer(path, intents.id_of(path))
            self._clear(path, name)
        except FileNotFoundError:
            self._forget(name)  # whoever wrote it took it back
        except JournalDamaged:
            raise  # the engine begins again, and this intent with it
        except Exception as error:
            self._not_before[name] = time.monotonic() + AGAIN_S
            self._untaken[name] = error
            raise
        finally:
            self._busy.discard(name)

    async def _answer(self, path: Path, name: str) -> None:
        if self._core.damage is not None:
            self._answer_unrecorded(path, self._core.damage)
            return
        ledger = self._core.ledger
        try:
            intent, by = intents.read(path)
        except NotAnIntent as error:
            if name not in ledger.answered:
                ledger.tell(IntentRefused(name, "unreadable", str(error)), intent=name)
            return
        if name in ledger.answered:
            await handlers.complete(self._core, intent)
            return
        try:
            if self._is_given_up(name, intent):
                raise Refused(f"it could not be followed when it was read: {self._untaken[name]}")
            await self._in_turn(intent, by)
        except JournalDamaged:
            raise
        except CockpitError as refusal:
            ledger.tell(IntentRefused(name, intent.kind, str(refusal)), by, name)

    def _answer_unrecorded(self, path: Path, damage: Examined) -> None:
        """While nothing can be recorded, nothing is followed but the acceptance of the damage."""
        try:
            intent, by = intents.read(path)
            if intent.kind != "accept_damage":
                raise Refused("nothing is recorded while the journal is damaged")
            accept_damage(self._core, damage, intent, by)
        except (NotAnIntent, CockpitError) as refusal:
            what = getattr(refusal, "what", str(refusal))
            self._core.troubles["intents"] = f"the newest wish was not followed: {what}"

    def _is_given_up(self, name: str, intent: Intent) -> bool:
        """Whether it is only refused now: no key acts by itself when the disk is free again."""
        error = self._untaken.get(name)
        return error is not None and not (isinstance(error, OSError) and intent.kind in _AGAIN)

    async def _in_turn(self, intent: Intent, by: str) -> None:
        if intent.kind in _ASKS:
            await handlers.follow(self._core, intent, by)
            return
        async with self._turn:
            await handlers.follow(self._core, intent, by)

    def _clear(self, path: Path, name: str) -> None:
        """Delete an intent's file; what cannot be deleted is left, and not looked at again."""
        try:
            path.unlink(missing_ok=True)
        except (IsADirectoryError, PermissionError):
            try:
                path.rmdir()
            except OSError:
                self._not_before[name] = float("inf")
                return
        self._forget(name)

    def _forget(self, name: str) -> None:
        self._not_before.pop(name, None)
        self._untaken.pop(name, None)

    def sweep(self) -> None:
        """Clear away the halves of intents whose viewers were killed while they wrote."""
        oldest = time.time() - LEFT_S
        for path in self._folder.glob(".*"):
            with suppress(OSError):
                if path.lstat().st_mtime < oldest:
                    path.unlink()


def accept_damage(core: Core, damage: Examined, intent: Intent, by: str) -> None:
    """Go on with what of the journal can be kept; Refused where that was not accepted in words."""
    if intent.age_s() > EXPIRES_S:
        raise Refused("it was written more than a minute ago")
    if intent.digest != damage.sha256:
        raise Refused("the journal is not what was shown: look again")
    if not " ".join(intent.text.split()).startswith(damage.sentence):
        raise Refused(f"it must begin with: {damage.sentence}")
    core.ledger.accept_damage(core.directory, by, intent.text.strip(), intent.id)
    core.again = "the damage was accepted"
