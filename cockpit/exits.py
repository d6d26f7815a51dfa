"""How a command ends: its exit code, and how an error is said on stderr."""

from __future__ import annotations

import os
import sys
from typing import Final, TextIO

from cockpit.called import as_called
from cockpit.errors import CockpitError, Untold, UsageError
from cockpit.redact import SHOWN

GOOD: Final = 0
"""The thing asked about is good, or was done."""
BAD: Final = 1
"""The thing asked about is bad."""
UNKNOWN: Final = 2
"""It could not be told."""
USAGE: Final = 64
"""The command was called wrongly."""


def code_of(error: CockpitError) -> int:
    """The exit code that an error means."""
    if isinstance(error, UsageError):
        return USAGE
    return UNKNOWN if isinstance(error, Untold) else BAD


def said(error: CockpitError) -> str:
    """An error as an operator reads it: what happened, where, what to do."""
    lines = [f"cockpit: {error.what}"]
    if error.where:
        lines.append(f"  where: {error.where}")
    if error.mend:
        lines.append(f"  what to do: {as_called(error.mend)}")
    return "\n".join(lines)


def complain(error: CockpitError, stream: TextIO | None = None) -> int:
    """Say an error on stderr; its exit code."""
    # Whatever an error quotes, no sequence of it reaches the terminal, nor a secret.
    print(SHOWN.clean(said(error)), file=stream or sys.stderr)
    return code_of(error)


def tell(text: str) -> None:
    """Put an answer for people on stdout: the commands that it quotes work as they stand."""
    answer(as_called(text))


def answer(text: str, stream: TextIO | None = None) -> None:
    """Put a command's answer on stdout, without secrets and without orders to a terminal.

    A reader that left early is no error.
    """
    out, text = stream or sys.stdout, SHOWN.clean(text)
    try:
        out.write(text if text.endswith("\n") else text + "\n")
        out.flush()
    except BrokenPipeError:
        # What remains in the buffer would fail again when the interpreter closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
