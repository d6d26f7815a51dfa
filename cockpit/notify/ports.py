"""Who is told, whatever the way."""

from __future__ import annotations

from typing import Protocol


class Notifier(Protocol):
    """One way to tell people."""

    async def send(self, subject: str, body: str) -> None:
        """Tell them; TargetError where the notice was not taken."""
        ...
