"""What the screen needs of an engine's client, so that a test can hand in its own."""

from __future__ import annotations

from typing import Protocol

from cockpit.engine.client import View
from cockpit.engine.intents import Kind


class Client(Protocol):
    """One viewer's connection to one run."""

    def view(self) -> View:
        """What is, just now."""
        ...

    def look_at(self, probe: str) -> None:
        """Ask the engine to follow a service, or none."""
        ...

    def send(self, kind: Kind, **details: str | float) -> str:
        """Ask something of the engine."""
        ...
