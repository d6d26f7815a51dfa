"""Counts as people read them; pure."""

from __future__ import annotations


def many(count: int, noun: str) -> str:
    """A count with its noun: `1 name server`, `2 name servers`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
