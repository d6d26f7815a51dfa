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
    tag: str = "issue"
    """The tag that decides: `issuewild` where one stands, for a wildcard."""

    @property
    def whom(self) -> str:
        """Who may issue, in words."""
        names = ", ".join(self.issuers or ("any issuer",))
        return names if self.tag == "issue" else f"{names} by {self.tag}"

    def refusal(self, issuer: str) -> str:
        """Why this issuer must not issue; empty where it may."""
        if self.unknown:
            return f"forbids issue by its critical tag {', '.join(self.unknown)}"
        if self.issuers is not None and issuer.lower() not in self.issuers:
            return f"allows {self.whom}, not {issuer}"
        return ""


def allowed(values: Iterable[str], *, wildcard: bool = False) -> Allowed:
    """What the records say together; tags are matched in either case.

    For a wildcard certificate `issue` counts only where there is no `issuewild` (RFC 8659 s4.3).
    """
    split = (value.split(None, 2) for value in values)
    read = [(int(flags), tag.lower(), text) for flags, tag, text in split]
    tag = "issuewild" if wildcard and any(tag == "issuewild" for _, tag, _ in read) else "issue"
    issuers = [_issuer(text) for _, one, text in read if one == tag]
    unknown = [one for flags, one, _ in read if flags & CRITICAL and one not in KNOWN]
    return Allowed(tuple(issuers) or None, tuple(unknown), tag)


def _issuer(text: str) -> str:
    return text.strip('"').partition(";")[0].strip().lower() or "nobody"
