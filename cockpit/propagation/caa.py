"""What a set of CAA records allows (RFC 8659 s4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

CRITICAL = 128
KNOWN = frozenset(("issue", "issuewild", "iodef"))
"""The tags that every issuer understands; what else is critical stops those that do not."""


class Allowed(NamedTuple):
    """Whom a set of CAA records lets issue."""

    issuers: tuple[str, ...] | None
    """By domain, `nobody` for an empty one; None where any issuer may."""
    unknown: tuple[str, ...]
    """Critical tags that an issuer need not know: who does not know one must not issue."""

    def refusal(self, issuer: str) -> str:
        """Why this issuer must not issue; empty where it may."""
        if self.unknown:
            return f"forbids issue by its critical tag {', '.join(self.unknown)}"
        if self.issuers is not None and issuer.lower() not in self.issuers:
            return f"allows {', '.join(self.issuers)}, not {issuer}"
        return ""


def allowed(values: Iterable[str]) -> Allowed:
    """What the records say together; tags are matched in either case."""
    read = [value.split(None, 2) for value in values]
    issuers = [_issuer(text) for _, tag, text in read if tag.lower() == "issue"]
    unknown = [
        tag.lower() for flags, tag, _ in read if int(flags) & CRITICAL and tag.lower() not in KNOWN
    ]
    return Allowed(tuple(issuers) or None, tuple(unknown))


def _issuer(text: str) -> str:
    return text.strip('"').partition(";")[0].strip().lower() or "nobody"
