"""Why a connection came to nothing, in words and not in those of the libraries beneath."""

from __future__ import annotations

import errno
import os
import ssl
from collections.abc import Iterator

BROKEN = "the connection broke off"
_BROKEN = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)


def silence_words(code: int) -> str:
    """Why nothing came, from an error number."""
    if code == errno.ECONNREFUSED:
        return "nothing listens there"
    return os.strerror(code).lower() if code else ""


def failure_words(error: BaseException) -> str:
    """Why a connection failed: by what lies beneath the error, where its own text is none."""
    chain = list(_beneath(error))
    for one in chain:
        if isinstance(one, ssl.SSLCertVerificationError):
            return f"its certificate does not hold: {one.verify_message.lower()}"
        if isinstance(one, ssl.SSLError):
            why = (getattr(one, "reason", "") or "it broke off").lower().replace("_", " ")
            return f"no TLS could be spoken: {why}"
    if any(isinstance(one, _BROKEN) for one in chain):
        return BROKEN
    code = next((one.errno for one in chain if isinstance(one, OSError) and one.errno), 0)
    if code > 0:
        return silence_words(code)
    if any(isinstance(one, TimeoutError) or "Timeout" in type(one).__name__ for one in chain):
        return "no answer in time"
    own = error.strerror if isinstance(error, OSError) else None
    words = (own or str(error)).strip().rstrip(".") or BROKEN
    return words[0].lower() + words[1:]


def _beneath(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
