"""A frozen plan's runbook as JSON beside its YAML, so that a viewer need not load a YAML parser.

The YAML copy stays the only truth: the engine and the runners read that. This is what it said
when it was frozen, and it is only believed while every file beside it has the bytes of then.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from cockpit import __version__
from cockpit.runbook import actions, checks, model, targets
from cockpit.runbook.model import Runbook

QUICK = "runbook.json"
"""The file's name in a plan's folder."""
_CLASSES = {
    name: one
    for module in (model, actions, checks, targets)
    for name, one in vars(module).items()
    if isinstance(one, type) and is_dataclass(one)
}


def quickened(runbook: Runbook, files: Mapping[str, bytes]) -> bytes:
    """The runbook of a plan as JSON, with the digests of the files that it was read from."""
    body = {
        "program": __version__,
        "files": {name: _digest(data) for name, data in files.items()},
        "runbook": _plain(replace(runbook, directory="", lines=_numbers(runbook))),
    }
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return text + f"\t{_digest(text)}\n".encode()


def quick(folder: Path) -> Runbook | None:
    """The runbook of a frozen plan; None where only its YAML can tell."""
    try:
        text, _, digest = (folder / QUICK).read_bytes().rpartition(b"\t")
        body = json.loads(text)
        if digest.decode().strip() != _digest(text) or body["program"] != __version__:
            return None
        if any(_digest((folder / name).read_bytes()) != one for name, one in body["files"].items()):
            return None
        made = _made(body["runbook"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if not isinstance(made, Runbook):
        return None
    here = folder.absolute()
    lines = {name: f"{here / file}" for name, file in made.lines.items()}
    return replace(made, directory=str(here), lines=lines)


def _numbers(runbook: Runbook) -> dict[str, str]:
    """Where each id stands, the folder left out: the copy lies elsewhere."""
    return {name: Path(place).name for name, place in runbook.lines.items()}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _plain(value: Any) -> Any:
    """A value in JSON's words: an object and a mapping under `of`, an object with its class."""
    if is_dataclass(value):
        said = {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
        return {"is": type(value).__name__, "of": said}
    if isinstance(value, Mapping):
        return {"of": {name: _plain(one) for name, one in value.items()}}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value


def _made(value: Any) -> Any:
    """The value again: every list of a runbook is a tuple."""
    if isinstance(value, list):
        return tuple(map(_made, value))
    if not isinstance(value, dict):
        return value
    said = {name: _made(one) for name, one in value["of"].items()}
    return _CLASSES[value["is"]](**said) if "is" in value else said
