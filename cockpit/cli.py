"""The commands: the words of the line are parsed, and one function is called.

A command that opens the screen paints its first frame before anything else: what is heavy, and
that is nearly everything, loads behind it.
"""

from __future__ import annotations

import errno
import sys

from cockpit.errors import CockpitError, Untold
from cockpit.tui.first import Frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with Frame(given):
            return _run(given)
    except CockpitError as error:
        return _complain(error)
    except PermissionError as error:
        return _complain(_not_allowed(error))
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        return _complain(_too_few_files(error) or _unforeseen(error))
    except Exception as error:  # noqa: BLE001  the last boundary: kept whole, told in words
        return _complain(_unforeseen(error))


def _complain(error: CockpitError) -> int:
    from cockpit.exits import complain

    return complain(error)


def _run(given: list[str]) -> int:
    import importlib

    from cockpit.arguments import parser
    from cockpit.exits import USAGE
    from cockpit.redact import SHOWN

    SHOWN.forget()
    every = parser()
    asked = vars(every.parse_args(given))
    where = asked.pop("function", None)
    if where is None:
        every.print_help(sys.stderr)
        return USAGE
    module, _, function = where.partition(":")
    work = getattr(importlib.import_module(f"cockpit.commands.{module}"), function)
    return int(work(**asked))


def _not_allowed(error: PermissionError) -> CockpitError:
    """What belongs to somebody else is no mistake of the program."""
    return CockpitError(
        "this user may not read or write it",
        where=str(error.filename or ""),
        mend="call the command as its owner, or let the owner share it",
    )


def _too_few_files(error: OSError) -> CockpitError | None:
    """A limit of this process is no mistake of the program either; None where it is another."""
    if error.errno not in (errno.EMFILE, errno.ENFILE):
        return None
    return Untold(
        "too many open files: this process may not open another one",
        where=str(error.filename or ""),
        mend="raise its limit (ulimit -n 1024), and call the command again",
    )


def _unforeseen(error: Exception) -> CockpitError:
    """An error that nobody foresaw: its trace goes to a file, and its name to the operator."""
    import tempfile
    import traceback
    from pathlib import Path

    from cockpit.redact import SHOWN

    kept = Path(tempfile.mkstemp(prefix="cockpit-", suffix=".trace")[1])
    trace = "".join(traceback.format_exception(error))
    kept.write_text(SHOWN.clean(trace), encoding="utf-8")
    return CockpitError(f"an unforeseen error: {error}", where=str(kept), mend="tell its authors")
