"""An export's manifest: written last, read first, and held against every byte it speaks of."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

import msgspec

from cockpit.errors import TargetError
from cockpit.jsonread import read_json

NAME: Final = "manifest.json"
_CHUNK: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """One table's file: rows in the text form of COPY, gzipped."""

    table: str
    file: str
    columns: tuple[tuple[str, str], ...]
    """Name and type, in the order of the file."""
    key: tuple[str, ...]
    rows: int
    bytes: int
    """Before compression, as the digest."""
    sha256: str
    left_out: int = 0
    """Rows that differ, but were not written since the copy: the other side changed them."""
    only_there: int = 0
    """Rows that only the other side has; they are left alone."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export holds."""

    format: Literal[1]
    identity: str
    """The database that it was taken from."""
    taken_at: str
    snapshot: str
    against: str
    """The database that it was compared with; empty for whole tables."""
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        """All rows of all tables."""
        return sum(part.rows for part in self.parts)


class PartFile:
    """One table's file while it is written: 0600, counted and digested on its way."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._raw = os.fdopen(descriptor, "wb")
        self._packed = gzip.GzipFile("", "wb", 6, self._raw, mtime=0)
        self._digest = hashlib.sha256()
        self.rows = 0
        self.bytes = 0

    def write(self, batch: bytes) -> None:
        """Whole rows."""
        self._digest.update(batch)
        self._packed.write(batch)
        self.rows += batch.count(b"\n")
        self.bytes += len(batch)

    @property
    def sha256(self) -> str:
        """The digest of all that was written."""
        return self._digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._raw:
            self._packed.close()
            self._raw.flush()
            os.fsync(self._raw.fileno())


def save(manifest: Manifest, folder: Path) -> str:
    """Put the manifest beside its files, durably; gives back its SHA-256."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
    aside = folder / f".{NAME}"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(folder / NAME)
    above = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(above)
    finally:
        os.close(above)
    return hashlib.sha256(text).hexdigest()


def verified(folder: Path, sha256: str) -> Manifest:
    """The manifest, after every file was read back; TargetError where anything does not fit."""
    path = folder / NAME
    try:
        text = path.read_bytes()
        manifest = read_json(text, Manifest)
    except FileNotFoundError as error:
        raise TargetError("the export has no manifest", where=str(folder)) from error
    except msgspec.MsgspecError as error:
        raise TargetError(f"the manifest does not read: {error}", where=str(path)) from error
    if hashlib.sha256(text).hexdigest() != sha256:
        raise TargetError("the manifest is not the one that the export recorded", where=str(path))
    for part in manifest.parts:
        _verify(folder, part)
    return manifest


def chunks(folder: Path, part: Part) -> Iterator[bytes]:
    """A part's rows, unpacked."""
    path = folder / part.file
    if path.parent != folder:
        raise TargetError("the manifest names a file outside its folder", where=part.file)
    try:
        with gzip.open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except (OSError, EOFError, zlib.error) as error:
        raise TargetError(f"{part.file} does not unpack: {error}", where=str(folder)) from error


def _verify(folder: Path, part: Part) -> None:
    digest = hashlib.sha256()
    rows = 0
    for chunk in chunks(folder, part):
        digest.update(chunk)
        rows += chunk.count(b"\n")
    if rows != part.rows:
        raise TargetError(
            f"{part.file} holds {rows:,} rows, its manifest says {part.rows:,}", where=str(folder)
        )
    if digest.hexdigest() != part.sha256:
        raise TargetError(f"{part.file} is not what was exported", where=str(folder))
