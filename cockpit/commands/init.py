"""`cockpit init`: a small, sound runbook to edit."""

from __future__ import annotations

from pathlib import Path

from cockpit.errors import Refused
from cockpit.exits import GOOD, tell
from cockpit.resources import shipped


def run(directory: Path) -> int:
    """Write the template's files into a folder that holds none yet."""
    folder = Path(directory)
    template = shipped("runbooks") / "template"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Refused("the folder is not empty", where=str(folder), mend="name a new one")
        for source in sorted(template.iterdir()):
            text = (
                source.read_text(encoding="utf-8")
                .replace("../runbook.schema.json", str(shipped("runbooks") / "runbook.schema.json"))
                .replace("../profile.schema.json", str(shipped("runbooks") / "profile.schema.json"))
            )
            (folder / source.name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused(
            f"the folder cannot be written: {error.strerror}",
            where=str(folder),
            mend="name one that you may write to",
        ) from error
    names = ", ".join(sorted(one.name for one in folder.iterdir()))
    tell(f"wrote {names} into {folder}\nedit them, then: `cockpit check {folder}`")
    return GOOD
