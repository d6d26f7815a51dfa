"""A look into one service: its log as it comes, and what its engine says of it. Never journaled.

The engine writes it while a viewer looks on, and takes it away afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LookState = Literal["opening", "follows", "waits", "refused"]
LOG_LINES = 1000
"""Lines of a log that are kept, the newest."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of one service's container, for its own page."""

    probe: str
    state: LookState = "opening"
    words: str = ""
    """Why no line comes; empty where lines come."""
    container: str = ""
    """Whose log it is."""
    about: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """What the engine says of the container: names, each with its values."""
    past: tuple[tuple[float, str], ...] = ()
    """What happened to the service's containers while the engine listened, oldest first."""
    log: tuple[tuple[float, str], ...] = ()
    """Its newest lines with the moment of each; 0 where a line names none."""
