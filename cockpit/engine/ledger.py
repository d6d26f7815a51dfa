"""The engine's journal and the state folded from it: told first, then known, then acted upon."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from cockpit.clock import RunClock, boot_ns
from cockpit.engine import heads
from cockpit.engine.layout import RunDirectory
from cockpit.engine.mend import accept
from cockpit.journal.events import NAME, ClockSet, ClockWhy, Event, LineSetAside
from cockpit.journal.file import JournalFile, set_aside
from cockpit.journal.fold import apply, fold
from cockpit.journal.state import RunState
from cockpit.redact import Redactor


class Ledger:
    """What the engine knows of its run, always as the journal has it."""

    def __init__(
        self,
        journal: JournalFile,
        name: str,
        redactor: Redactor | None = None,
        wanted: Mapping[str, str] | None = None,
    ) -> None:
        self._journal = journal
        self._redactor = redactor or Redactor()
        self.last: Event | None = None
        """The newest event that another process recorded."""
        self.answered: set[str] = set()
        """The ids of the intents that the journal answers: none of them is followed again."""
        self.unsaid: list[Path] = []
        """Torn lines that were set aside, and that no event names yet."""
        self._named: set[str] = set()
        missing = heads.Missing(wanted or {})
        state = fold(RunState(run=name), self._noted(missing.among(journal.follow())))
        if missing.words and not journal.damage:
            journal.close_for(missing.words)
        self.state = replace(state, damage=journal.damage)
        self.clock = RunClock(self.state.clock)

    def _noted(self, told: Iterable[tuple[Event, str]]) -> Iterator[tuple[Event, str]]:
        for event, digest in told:
            self.last = event
            if event.intent:
                self.answered.add(event.intent)
            if event.type == NAME[LineSetAside]:
                self._named.add(str(event.plain["file"]))
            yield event, digest

    @classmethod
    def opened(cls, directory: RunDirectory, redactor: Redactor) -> Ledger:
        """The ledger of a run; where its journal does not hold, or was cut short, it says so."""
        wanted = heads.carried(directory)
        journal = JournalFile(directory.journal, directory.about().plan)
        try:
            ledger = cls(journal, directory.name, redactor, wanted)
        except BaseException:
            journal.close()
            raise
        aside = set_aside(directory.path)
        ledger.unsaid = [one for one in aside if one.name not in ledger._named]
        return ledger

    @property
    def head(self) -> str:
        """The newest event's hash."""
        return self._journal.head

    def tell(self, data: object, by: str = "engine", intent: str = "") -> None:
        """Record an event and fold it; `intent` is the one that it answers.

        OSError where the disk does not take it, JournalDamaged where the journal takes no more.
        """
        event = self._journal.append(by, self.clock.now(), self._hidden(data), intent)
        self.state = apply(self.state, event, self._journal.head)
        self.clock.map = self.state.clock
        if intent:
            self.answered.add(intent)

    def tell_all(self, told: Iterable[object], by: str = "engine") -> None:
        """Record what happens at once, and fold it."""
        hidden = list(told)
        if self._redactor.is_in([msgspec.to_builtins(data) for data in hidden]):
            hidden = [self._hidden(data) for data in hidden]
        if hidden:
            recorded = self._journal.append_all(by, self.clock.now(), hidden)
            self.state = fold(self.state, recorded)
            self.clock.map = self.state.clock

    def hide(self, text: str) -> str:
        """Text without any secret that is known."""
        return self._redactor.hide(text)

    def _hidden(self, data: Any) -> object:
        """The data without secrets: evidence, messages and notes may quote anything."""
        plain = msgspec.to_builtins(data)
        if not self._redactor.is_in(plain):
            return data
        hidden = self._redactor.hide_in(plain)
        if not isinstance(hidden, dict) or hidden == plain:
            return data
        for name, value in hidden.items():
            # A secret that is a number or one of the journal's own words says nothing there.
            with suppress(msgspec.ValidationError):
                data = msgspec.convert({**msgspec.to_builtins(data), name: value}, type(data))
        return data

    def set_clock(
        self, run_s: float, speed: float, why: ClockWhy, by: str = "engine", intent: str = ""
    ) -> None:
        """Let the run clock read `run_s` now, and go at `speed`."""
        anchor = ClockSet(boot_ns(), run_s, speed, why)
        self.tell(anchor, by, intent)

    def accept_damage(self, directory: RunDirectory, by: str, words: str, intent: str) -> None:
        """Put a journal that holds in the damaged one's place; the engine then begins again."""
        accept(directory, self._journal, by, words, intent)

    async def must_hold(self) -> None:
        """JournalDamaged where what was recorded is not on the disk any more as it was."""
        await asyncio.to_thread(self._journal.must_hold, *self._journal.mark)

    def close(self) -> None:
        """Let go of the journal."""
        self._journal.close()
