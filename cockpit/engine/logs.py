"""Logs: with tracebacks, and without secrets."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType

from cockpit.durable import open_kept
from cockpit.redact import Redactor


class CleanFormatter(logging.Formatter):
    """Formats a record, its traceback included, and hides every known secret in it."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """The record as it may lie on a disk."""
        return self._redactor.clean(super().format(record))


class _File(logging.FileHandler):
    """A file that may not take a line: whoever writes it goes on all the same."""

    def _open(self) -> TextIOWrapper:
        kept = open_kept(Path(self.baseFilename), os.O_WRONLY | os.O_APPEND)
        return TextIOWrapper(os.fdopen(kept, "ab"), encoding="utf-8", errors="backslashreplace")

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, where the host lets it."""
        with suppress(OSError):
            super().emit(record)


def log_to(path: Path, redactor: Redactor) -> None:
    """Let this process log to a file, whatever ends it included."""
    # One that is there is opened now: later there may be no descriptor left for it.
    handler = _File(path, delay=not path.exists())
    handler.setFormatter(CleanFormatter(redactor))
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    # Each request would be a line, again and again.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # What Python itself would write to stderr passes no redactor.
    logging.raiseExceptions = False
    sys.excepthook = _logged


def _logged(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("cockpit").critical("it ended", exc_info=(kind, error, trace))
