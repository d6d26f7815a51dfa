"""Takes a shell's line apart: what it does itself, and the lines whose output it puts in."""

from __future__ import annotations

STANDS_IN = "$_"
"""What is written for a substitution: a word that no program is named by."""


def taken_apart(line: str) -> tuple[str, list[str]]:
    """A line with a word for each `$(…)` and backtick of its own, and the lines within those."""
    plain, inner = list[str](), list[str]()
    at, quote = 0, ""
    while at < len(line):
        end = _end(line, at) if quote != "'" else at
        if end > at:
            start = at + (1 if line[at] == "`" else 2)
            if not line.startswith("$((", at):  # a sum starts nothing
                inner.append(line[start : end - 1].replace("\\`", "`"))
            plain.append(STANDS_IN)
            at = end
            continue
        step = 2 if line[at] == "\\" and quote != "'" else 1
        quote = _quote(quote, line[at])
        plain.append(line[at : at + step])
        at += step
    return "".join(plain), inner


def _end(line: str, at: int) -> int:
    """Where a substitution that begins here is over; here where none begins, or none ends."""
    if line[at] == "`":
        return _behind_backtick(line, at + 1) or at
    return (line.startswith("$(", at) and _behind_bracket(line, at + 2)) or at


def _behind_backtick(line: str, at: int) -> int:
    while at < len(line):
        if line[at] == "`":
            return at + 1
        at += 2 if line[at] == "\\" else 1
    return 0


def _behind_bracket(line: str, at: int) -> int:
    depth, quote = 1, ""
    while at < len(line):
        nested = _end(line, at) if quote == '"' else at
        if nested > at:
            at = nested
            continue
        if not quote and line[at] in "()":
            depth += 1 if line[at] == "(" else -1
        if not depth:
            return at + 1
        step = 2 if line[at] == "\\" and quote != "'" else 1
        quote = _quote(quote, line[at])
        at += step
    return 0


def _quote(now: str, character: str) -> str:
    """The quote in which the next character stands."""
    if character not in ("'", '"') or (now and character != now):
        return now
    return "" if now else character
