"""Secrets that a program prints over many lines, and whether a part of one is left in a text."""

from __future__ import annotations

import base64
import random

RANDOM = random.Random(7)
TOKEN = "eyJhbGciOiJIUzI1NiJ9." + base64.b64encode(RANDOM.randbytes(155)).decode().rstrip("=")
"""228 characters: their base64 takes more than four lines."""
KEY = "\n".join(
    (
        "-----BEGIN PRIVATE KEY-----",
        *(base64.b64encode(RANDOM.randbytes(48)).decode() for _ in range(60)),
        "-----END PRIVATE KEY-----",
    )
)
SHORTEST = 12
"""Characters of a secret that would be a part of it."""


def folded(text: str, columns: int = 76) -> str:
    """Its base64 over lines, as `base64` writes it."""
    whole = base64.b64encode(text.encode()).decode()
    return "\n".join(whole[at : at + columns] for at in range(0, len(whole), columns))


def halved(text: str) -> str:
    """It over two lines, of which a cut takes the first."""
    return f"{text[: len(text) // 2]}\n{text[len(text) // 2 :]}\n1\n2\n3\n4"


WAYS = {
    "base64 of a token": (TOKEN, folded(TOKEN)),
    "a key": (KEY, KEY),
    "base64 of a key": (KEY, folded(KEY)),
    "base64 of a key in one line of a list": (KEY, f"- {folded(KEY, 64)}"),
    "a token over two lines": (TOKEN, halved(TOKEN)),
}
"""A secret, and what a program prints of it."""


def left(printed: str, shown: str) -> list[str]:
    """The parts of what was printed that can be read in what is shown."""
    whole, seen = "".join(printed.split()), "".join(shown.split())
    parts = (whole[at : at + SHORTEST] for at in range(len(whole) - SHORTEST + 1))
    return [part for part in parts if part in seen]
