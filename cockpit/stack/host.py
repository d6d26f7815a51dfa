"""The host itself, beside room and memory."""

from __future__ import annotations

from collections.abc import Iterator

from cockpit.stack.model import Found, Stack


def clock_unset(stack: Stack) -> Iterator[Found]:
    """A clock that nothing keeps right: certificates, tokens and logs of two hosts disagree."""
    is_set = stack.facts.is_clock_set
    if is_set is None:
        what = "whether the clock is synchronised could not be told"
        yield Found("", what, "look with `timedatectl`", is_unknown=True)
    elif not is_set:
        yield Found("", "the clock is not synchronised", "timedatectl set-ntp true, then wait")
