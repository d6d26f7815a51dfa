"""Questions as bytes: put together once, the same for every server that is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from cockpit.propagation.ask import Server, wire_of
from cockpit.propagation.memo import Memo


class Template(NamedTuple):
    """One question's packet, but for its id and the case of its letters."""

    tail: bytes
    """Flags and counts: what stands between the id and the question."""
    question: bytes
    number: int
    """The question as a number."""
    letters: int
    """Bit 5 of each byte that is a letter of the name."""
    rest: bytes
    memo: Memo
    """What the answers to it say."""


@dataclass(slots=True)
class Asked:
    """One question of a sweep, and how far it is."""

    at: int
    """Its place in the list."""
    template: Template
    question: bytes = b""
    round: int = 0
    """In which round it was sent last; 0 for one that was not."""
    candidates: int = 0
    """Packets of this try that may be its answer, and that only a parser can tell."""
    waiting: int = 0
    """How many are still to be parsed, of the try before too."""
    damaged: int = 0
    """Packets of this try that fit it, and whose records do not fill them."""
    done: bool = False

    @property
    def is_silent(self) -> bool:
        """Whether nothing came that may be its answer, or something that was damaged."""
        return not self.done and (not self.waiting or self.waiting < self.candidates)


class Templates:
    """Those of a sweep's questions."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str, bool], Template] = {}

    def of(self, server: Server, name: str, record_type: str) -> Template:
        """What is sent to a server to ask for these records."""
        key = name, record_type, server.authoritative
        if key not in self._made:
            self._made[key] = _made(*key)
        return self._made[key]


def _made(name: str, record_type: str, authoritative: bool) -> Template:  # noqa: FBT001 - a key's part
    wire = wire_of(name.lower(), record_type, authoritative=authoritative)
    end = wire.index(0, 12) + 5
    question = wire[12:end]
    letters = bytes(0x20 if 97 <= one <= 122 else 0 for one in question[:-4]) + b"\0" * 4
    return Template(
        wire[2:12],
        question,
        int.from_bytes(question),
        int.from_bytes(letters),
        wire[end:],
        Memo(question, authoritative=authoritative),
    )
