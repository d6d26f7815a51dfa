"""What is seen just now as a file: replaced as a whole, so that no reader ever sees half of it."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from cockpit.durable import open_kept
from cockpit.jsonread import read_by
from cockpit.redact import hide_in
from cockpit.telemetry.live import Live
from cockpit.telemetry.look import Look

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Live)
_LOOKS = msgspec.json.Decoder(Look)


def write(path: Path, seen: Live | Look, hide: Callable[[str], str] = str) -> None:
    """Replace the file; it is not synced, since it may be lost. OSError where it cannot be."""
    encoded = _hidden(_ENCODER.encode(seen), hide)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(open_kept(aside, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.write(encoded)
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        if error.errno != errno.ENOSPC:
            raise
        # A full disk still takes what lies where something lay: the screen can say that it is full.
        with path.open("rb+") as file:
            file.write(encoded)
            file.truncate()


def _hidden(encoded: bytes, hide: Callable[[str], str]) -> bytes:
    text = encoded.decode()
    if hide(text) == text:
        return encoded
    # Text by text: what stands between them is the file's own.
    return json.dumps(hide_in(json.loads(text), hide, numbers=False)).encode()


def read(path: Path) -> Live | None:
    """The live view; None where there is none, or another program's."""
    try:
        return read_by(_DECODER.decode, path.read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def read_look(path: Path) -> Look | None:
    """A look into a service; None where there is none, or another program's."""
    try:
        return read_by(_LOOKS.decode, path.read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return None
