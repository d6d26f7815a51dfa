"""The line in which an irreversible step's word is typed, key by key."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message

from cockpit.tui.panels.entry import Entry


class Typed(Entry):
    """An input that takes no paste."""

    @dataclass
    class Entered(Message):
        """Enter was pressed."""

        word: str

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()

    def action_paste(self) -> None:
        """Nothing is pasted here."""

    async def action_submit(self) -> None:
        """Hand over what was typed."""
        self.post_message(self.Entered(self.value))
