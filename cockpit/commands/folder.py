"""The runbook that a command names: its folder, or the runbook.yaml in it."""

from __future__ import annotations

import difflib
from pathlib import Path

from cockpit.errors import UsageError

RUNBOOK = "runbook.yaml"
PROFILES = ("production", "staging", "rehearsal")


def runbook_folder(text: str) -> Path:
    """The folder of the runbook that was named; UsageError says what to name instead."""
    path = Path(text)
    try:
        if path.is_dir():
            return _with_runbook(path)
        if path.is_file():
            return _of_file(path)
        near = _near(path)
    except OSError as error:
        raise UsageError(
            f"the runbook cannot be looked at: {error.strerror}",
            where=text,
            mend="let this user read the folder, or name another",
        ) from error
    mend = f"did you mean `{near}`?" if near else "name a folder; `cockpit init DIR` writes one"
    raise UsageError("there is no such runbook", where=text, mend=mend)


def _with_runbook(folder: Path) -> Path:
    if (folder / RUNBOOK).exists():
        return folder
    beneath = sorted(one.parent for one in folder.glob(f"*/{RUNBOOK}"))
    if (folder / "runbook.yml").exists():
        mend = f"rename runbook.yml to {RUNBOOK}"
    elif beneath:
        mend = f"name one of those in it: {', '.join(map(str, beneath))}"
    else:
        mend = "name a runbook's folder; `cockpit init DIR` writes one"
    raise UsageError(f"this folder holds no {RUNBOOK}", where=str(folder), mend=mend)


def _of_file(path: Path) -> Path:
    if path.name == RUNBOOK:
        return path.parent
    mend = f"name the folder of a {RUNBOOK}"
    what = f"a runbook is a folder with a {RUNBOOK}, and this is another file"
    if path.stem in PROFILES and (path.parent / RUNBOOK).exists():
        what = f"this file is the profile for {path.stem}, a part of a runbook"
        mend = f"name the folder, and the environment beside: {path.parent} --env {path.stem}"
    elif (path.parent / RUNBOOK).exists():
        mend = f"name its folder: {path.parent}"
    raise UsageError(what, where=str(path), mend=mend)


def _near(path: Path) -> str:
    """A runbook whose name is like one that is not there; empty where none is."""
    from cockpit.resources import shipped

    places = [path.parent, *([] if len(path.parts) > 1 else [shipped("runbooks")])]
    for place in places:
        known = {one.parent.name: one.parent for one in place.glob(f"*/{RUNBOOK}")}
        close = difflib.get_close_matches(path.name, sorted(known), n=1)
        if close:
            return str(known[close[0]])
    return ""
