"""Writes a run's report as Markdown, HTML and JSON, and its record for another host."""

from __future__ import annotations

from pathlib import Path

import msgspec

from cockpit.durable import make_folder, replace_file
from cockpit.errors import CockpitError
from cockpit.journal.events import Json
from cockpit.record import Record
from cockpit.redact import hide_in, printable
from cockpit.report.archive import pack
from cockpit.report.content import Report, report
from cockpit.report.document import document
from cockpit.report.html import html
from cockpit.report.markdown import markdown

FORMAT = 1


def write(record: Record, folder: Path) -> tuple[Path, ...]:
    """Write the files, each enough by itself; each replaces a former one."""
    made = report(record)
    blocks = tuple(document(made))
    title = f"{made.state.title} · {made.state.run}"
    texts = {
        "report.md": markdown(blocks).encode(),
        "report.html": html(blocks, title).encode(),
        "report.json": as_json(made),
    }
    try:
        make_folder(folder)
        written = tuple(_written(folder / name, text) for name, text in texts.items())
        return (*written, pack(record, folder / "record.tar.gz"))
    except OSError as error:
        raise CockpitError(
            f"the report cannot be written: {error.strerror}",
            where=str(folder),
            mend="choose another folder with --out",
        ) from error


def as_json(made: Report) -> bytes:
    """All that a report says, for programs."""
    plain = hide_in({"format": FORMAT, **_fields(made)}, printable, numbers=False)
    return msgspec.json.format(msgspec.json.encode(plain))


def _fields(made: Report) -> dict[str, Json]:
    plain: dict[str, Json] = msgspec.to_builtins(made)
    return {"outcome": made.outcome, **plain}


def _written(path: Path, content: bytes) -> Path:
    replace_file(path, content)
    return path
