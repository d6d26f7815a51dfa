"""State to glyph, word and colour token: the one place, so that no two screens disagree.

A state is trusted in this order: word, glyph, colour. The ASCII glyphs serve terminals without
UTF-8; within a family no two states share glyph and word, in either set.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Token = Literal["fine", "bad", "needs", "unknown", "plain", "dim"]
"""The few colours: fine, bad, needs you, unknown, and two without meaning."""


class Mark(NamedTuple):
    """How a state is shown."""

    glyph: str
    ascii: str
    word: str
    token: Token

    def shown(self, *, ascii_only: bool = False) -> str:
        """Glyph and word."""
        return f"{self.ascii if ascii_only else self.glyph} {self.word}"


STEP: dict[str, Mark] = {
    "later": Mark("○", "o", "later", "dim"),
    "next": Mark("▸", ">", "next", "needs"),
    "waits": Mark("◌", ".", "waits", "unknown"),
    "running": Mark("▶", "=", "running", "plain"),
    "stopping": Mark("■", "#", "stopping", "needs"),
    "unverified": Mark("◔", "%", "unverified", "needs"),
    "done": Mark("✓", "+", "done", "fine"),
    "failed": Mark("✗", "X", "FAILED", "bad"),
    "in_doubt": Mark("‽", "?", "IN DOUBT", "bad"),
    "skipped": Mark("↷", "/", "skipped", "needs"),
    "undone": Mark("↶", "<", "undone", "dim"),
    "not_needed": Mark("·", "-", "not needed", "dim"),
}
"""The states of a step, as the timeline shows them."""

SETTLED: dict[str, str] = {
    "done": "done",
    "failed": "failed",
    "not_happened": "not having happened",
}
"""As what an operator settled an attempt."""

CHECK: dict[str, Mark] = {
    "pass": Mark("✓", "+", "pass", "fine"),
    "fail": Mark("✗", "X", "FAIL", "bad"),
    "unknown": Mark("?", "?", "unknown", "unknown"),
    "stale": Mark("~", "~", "stale", "unknown"),
    "not_rehearsed": Mark("∅", "0", "not rehearsed here", "dim"),
}
"""The answers of a check; `stale` is an answer grown too old."""

TILE: dict[str, Mark] = {
    "fine": Mark("✓", "+", "fine", "fine"),
    "slow": Mark("!", "!", "slow", "needs"),
    "down": Mark("✗", "X", "DOWN", "bad"),
    "silent": Mark("?", "?", "no data", "unknown"),
    "stale": Mark("~", "~", "stale", "unknown"),
    "off": Mark("○", "o", "off, as planned", "dim"),
    "not_rehearsed": Mark("∅", "0", "not rehearsed here", "dim"),
}
"""The states of a service; `off` is one that the plan has not begun yet, or has ended."""

CELL: dict[str, Mark] = {
    "new": Mark("✓", "+", "new", "fine"),
    "old": Mark("·", ".", "old", "plain"),
    "holds": Mark("!", "!", "old, holds on", "needs"),
    "mixed": Mark("~", "~", "mixed", "needs"),
    "kept": Mark("=", "=", "as declared", "fine"),
    "other": Mark("≠", "#", "other", "bad"),
    "no_name": Mark("∅", "0", "no such name", "bad"),
    "no_data": Mark("□", "_", "no data", "bad"),
    "servfail": Mark("✗", "X", "SERVFAIL", "bad"),
    "error": Mark("⊗", "E", "error", "bad"),
    "refused": Mark("⊘", "/", "refused", "bad"),
    "timeout": Mark("?", "?", "no answer", "unknown"),
    "unasked": Mark("…", ":", "not asked yet", "unknown"),
}
"""What a resolver answered."""

CELL_BACK: dict[str, Mark] = CELL | {
    "new": Mark("·", ".", "new", "plain"),
    "old": Mark("✓", "+", "old", "fine"),
    "holds": Mark("!", "!", "new, holds on", "needs"),
}
"""The same once the name leads back: the old answer is the one that is waited for."""

BEHAVIOUR: dict[str, str] = {
    "honest": "",
    "clamps": "raises small TTLs",
    "violates": "keeps answers too long",
    "fails": "is known to fail",
}
"""What is known of a resolver beforehand; empty where it keeps to what TTLs say."""

TTL_MARK: dict[str, str] = {
    "": "",
    "constant": "TTL constant, caches not countable",
    "rising": "TTL rising, caches not countable",
    "raised": "TTL raised by itself",
    "capped": "TTL cut by itself",
}
"""What is seen of its TTLs; empty where nothing is odd."""

VERDICT: dict[str, Mark] = {
    "stay": Mark("✓", "+", "STAY", "fine"),
    "watch": Mark("!", "!", "WATCH", "needs"),
    "fix_forward": Mark("»", ">", "FIX FORWARD", "needs"),
    "scale_up": Mark("▲", "^", "SCALE UP", "needs"),
    "roll_back": Mark("✗", "X", "ROLL BACK", "bad"),
    "not_enough_data": Mark("?", "?", "NOT ENOUGH DATA", "unknown"),
    "not_yet": Mark("○", "o", "NOT YET SWITCHED", "dim"),
    "not_weighed": Mark("○", "o", "NOT WEIGHED", "dim"),
    "decided": Mark("·", "-", "DECIDED", "dim"),
}
"""What the evidence says about going back.

`not_weighed` is a run that may have switched, and whose runbook weighs nothing, or nothing so far.
"""

RUN: dict[str, Mark] = {
    "running": Mark("▶", "=", "running", "plain"),
    "held": Mark("‖", "H", "HELD", "needs"),
    "rolling_back": Mark("↶", "<", "ROLLING BACK", "bad"),
    "calling_off": Mark("↶", "<", "CALLING OFF", "needs"),
    "completed": Mark("✓", "+", "completed", "fine"),
    "rolled_back": Mark("✓", "+", "rolled back", "fine"),
    "called_off": Mark("✓", "+", "called off", "fine"),
    "damaged": Mark("✗", "X", "JOURNAL DAMAGED", "bad"),
    "let_go": Mark("■", "#", "ended by its key", "dim"),
}
"""The state of a run; `let_go` is a rehearsal that an operator ended before its last step."""

ENVIRONMENT: dict[str, str] = {
    "production": "PRODUCTION",
    "staging": "STAGING",
    "rehearsal": "REHEARSAL",
}
"""The word for an environment."""
