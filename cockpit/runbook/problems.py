"""What is wrong in a runbook, where, and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["mistake", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong at one place."""

    file: str
    """The file as the operator named it."""
    line: int
    """From 1; 1 where the whole file is meant."""
    what: str
    mend: str
    level: Level = "mistake"
    """A mistake keeps the runbook from being run, a warning does not."""

    def __str__(self) -> str:
        word = "warning: " if self.level == "warning" else ""
        text = f"{self.file}:{self.line}: {word}{self.what}; {self.mend}"
        return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def nearest(word: str, known: Iterable[str], least: float = 0.6) -> str | None:
    """The known word that a misspelt one most likely means, at least so alike, from 0 to 1."""
    close = difflib.get_close_matches(word[:80], sorted(known), n=1, cutoff=least)
    return close[0] if close else None


def meant(word: str, known: Iterable[str], otherwise: str) -> str:
    """How to mend a word that is not known: the nearest one, else what is said otherwise."""
    near = nearest(word, known)
    return f"did you mean `{near}`?" if near else otherwise


def listed(words: Iterable[str]) -> str:
    """Words for a sentence: `a`, `b`, `c`."""
    return ", ".join(f"`{word}`" for word in words)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each problem once, by file and line, mistakes before warnings."""
    return tuple(
        sorted(
            set(problems),
            key=lambda one: (one.file, one.line, one.level, one.what, one.mend),
        )
    )
