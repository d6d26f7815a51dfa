"""The programs that an image holds, read from its layers: nothing of it runs, nothing is made."""

from __future__ import annotations

import json
import posixpath
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where a container looks whose image names no PATH."""
WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
DEEPEST = 40
"""Links that are followed one after another."""


@dataclass(frozen=True)
class Layer:
    """What one layer of an image adds and takes away; names are absolute."""

    links: dict[str, str] = field(default_factory=dict)
    programs: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    """What hides an older link or program of its name."""
    gone: set[str] = field(default_factory=set)
    emptied: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Inventory:
    """The executable files and links of a whole image."""

    links: Mapping[str, str]
    programs: frozenset[str]

    def holds(self, program: str, path: str = PATH) -> bool:
        """Whether a container would find it."""
        if program.startswith("/"):
            return self._real(program) in self.programs
        folders = [folder for folder in path.split(":") if folder.startswith("/")]
        return any(self._real(f"{folder}/{program}") in self.programs for folder in folders)

    def _real(self, name: str) -> str:
        """The file behind a name, links of files and folders followed within the image."""
        for _ in range(DEEPEST):
            resolved = self._step(posixpath.normpath(name))
            if resolved == name:
                return name
            name = resolved
        return ""

    def _step(self, name: str) -> str:
        parts = name.split("/")
        for end in range(2, len(parts) + 1):
            head = "/".join(parts[:end])
            if head in self.links:
                beneath = posixpath.join(posixpath.dirname(head), self.links[head])
                return posixpath.normpath("/".join((beneath, *parts[end:])))
        return name


def read(stream: IO[bytes]) -> Inventory:
    """The inventory of what `docker save` writes, of any version since 1.10."""
    layers: dict[str, Layer] = {}
    same: dict[str, str] = {}
    order: Sequence[str] = ()
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            if member.issym():
                folder = posixpath.dirname(member.name)
                same[member.name] = posixpath.normpath(posixpath.join(folder, member.linkname))
            elif member.isfile() and (content := archive.extractfile(member)):
                if member.name == "manifest.json":
                    order = json.load(content)[0]["Layers"]
                elif (layer := _layer(content)) is not None:
                    layers[member.name] = layer
    return _merged(layers[same.get(name, name)] for name in order)


def _layer(content: IO[bytes]) -> Layer | None:
    """A layer; None where a blob is something else."""
    layer = Layer()
    try:
        with tarfile.open(fileobj=content, mode="r|*") as archive:
            for member in archive:
                _add(layer, member)
    except tarfile.ReadError:
        return None
    return layer


def _add(layer: Layer, member: tarfile.TarInfo) -> None:
    name = posixpath.normpath("/" + member.name.lstrip("./"))
    folder, base = posixpath.split(name)
    if base == OPAQUE:
        layer.emptied.add(folder)
    elif base.startswith(WHITEOUT):
        layer.gone.add(posixpath.join(folder, base.removeprefix(WHITEOUT)))
    elif member.issym():
        layer.links[name] = member.linkname
    elif (member.isfile() or member.islnk()) and member.mode & 0o111:
        layer.programs.add(name)
    else:
        layer.others.add(name)


def _merged(layers: Iterator[Layer]) -> Inventory:
    links: dict[str, str] = {}
    programs: set[str] = set()
    for layer in layers:
        below = tuple(f"{folder}/" for folder in (*layer.gone, *layer.emptied))
        hidden = layer.gone | layer.others | layer.programs
        programs = {
            one for one in programs - hidden - layer.links.keys() if not one.startswith(below)
        }
        links = {
            one: to for one, to in links.items() if one not in hidden and not one.startswith(below)
        }
        programs |= layer.programs
        links |= layer.links
    return Inventory(links, frozenset(programs))
