"""The files that a resolved Compose project came from: which of them set a value, and where."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from yaml import MappingNode, Node, ScalarNode, SequenceNode

WAIVE = "x-cockpit-waive"
"""In a service, or at the top of a file: `{rule: reason}`."""


@dataclass(frozen=True)
class Layer:
    """One Compose file, as YAML nodes: they know their lines and their tags."""

    file: str
    root: Node | None


@dataclass(frozen=True, slots=True)
class EnvFile:
    """A file of `NAME=value` lines that a service reads."""

    file: str
    lines: Mapping[str, int]
    """Where each name stands."""


_MERGE = "<<"
_CUTS = frozenset(("!override", "!reset"))


class _Reached(NamedTuple):
    depth: int
    line: int
    cuts: bool = False
    """Whether the layer takes away what those before it set there."""


@dataclass(frozen=True)
class Layers:
    """All files of a project, in the order in which Compose merges them."""

    files: tuple[Layer, ...] = ()
    env_files: Mapping[str, EnvFile] = field(default_factory=dict)
    """By the path that a service's `env_file` names."""

    def origin(self, path: tuple[str, ...], like: str = "") -> str:
        """`file:line` of what set a value: of the last file that goes deepest along its path.

        `like` picks the entry of a list that contains this text.
        """
        best, place = _Reached(0, 0), ""
        for layer in self.files:
            reached = _walk(layer.root, path, like)
            if reached.depth and (reached.depth >= best.depth or reached.cuts):
                best, place = reached, f"{layer.file}:{reached.line}"
        return (best.depth <= len(path) - 1 and self._in_env_file(path)) or place

    def _in_env_file(self, path: tuple[str, ...]) -> str:
        if len(path) != 4 or path[2] != "environment":
            return ""
        found = ""
        for layer in self.files:
            for name in _texts(_child(_child(_child(layer.root, "services"), path[1]), "env_file")):
                env = self.env_files.get(name)
                if env and path[3] in env.lines:
                    found = f"{env.file}:{env.lines[path[3]]}"
        return found

    def waivers(self, service: str = "") -> dict[str, str]:
        """The rules that a service, or the whole project, is excused from, each with its reason."""
        found: dict[str, str] = {}
        for layer in self.files:
            at = layer.root if not service else _child(_child(layer.root, "services"), service)
            found |= dict(_pairs(_child(at, WAIVE)))
        return found

    def waived(self, service: str = "") -> tuple[str, ...]:
        """The names that its waivers have, whether they give a reason or not."""
        found: list[str] = []
        for layer in self.files:
            at = layer.root if not service else _child(_child(layer.root, "services"), service)
            node = _child(at, WAIVE)
            found += [name.value for name, _ in node.value] if isinstance(node, MappingNode) else []
        return tuple(dict.fromkeys(found))

    def profiles(self, services: Collection[str]) -> tuple[str, ...]:
        """The profiles of these services."""
        found = (
            profile
            for layer in self.files
            for name in sorted(services)
            for profile in _texts(_child(_child(_child(layer.root, "services"), name), "profiles"))
        )
        return tuple(dict.fromkeys(found))

    def sets(self, key: str) -> str:
        """`file:line` of a key at the top of any file; empty where none has it."""
        found = (
            f"{layer.file}:{node.start_mark.line + 1}"
            for layer in self.files
            if (node := _child(layer.root, key)) is not None
        )
        return next(found, "")

    def named_env_files(self) -> frozenset[str]:
        """Every path that an `env_file` of a service names."""
        return frozenset(
            name
            for layer in self.files
            for service in _children(_child(layer.root, "services"))
            for name in _texts(_child(service, "env_file"))
        )


def _walk(node: Node | None, path: tuple[str, ...], like: str) -> _Reached:
    depth, line, cuts = 0, 0, False
    for key in path:
        child = _child(node, key)
        if child is None:
            break
        node, depth, line = child, depth + 1, _line_of(node, key, child)
        cuts = cuts or node.tag in _CUTS
    if depth == len(path) and like and isinstance(node, SequenceNode):
        for item in node.value:
            if any(like in text for text in _texts(item)):
                return _Reached(depth + 1, item.start_mark.line + 1, cuts)
    return _Reached(depth, line, cuts)


def _line_of(parent: Node | None, key: str, child: Node) -> int:
    if isinstance(parent, MappingNode):
        for name, _ in parent.value:
            if name.value == key:
                return int(name.start_mark.line) + 1
    return int(child.start_mark.line) + 1


def _child(node: Node | None, key: str) -> Node | None:
    """A mapping's value, or in a list the entry `key`, `key=value` or `key:value`."""
    if isinstance(node, MappingNode):
        own = next((value for name, value in node.value if name.value == key), None)
        return own if own is not None or key == _MERGE else _merged(node, key)
    if isinstance(node, SequenceNode):
        scalars = (item for item in node.value if isinstance(item, ScalarNode))
        starts = (key + "=", key + ":")
        found = (one for one in scalars if one.value == key or one.value.startswith(starts))
        return next(found, None)
    return None


def _merged(node: MappingNode, key: str) -> Node | None:
    """A value that comes by YAML's merge key, `<<: *anchor`."""
    merged = _child(node, _MERGE)
    parents = merged.value if isinstance(merged, SequenceNode) else [merged]
    found = (value for parent in parents if (value := _child(parent, key)) is not None)
    return next(found, None)


def _children(node: Node | None) -> Iterator[Node]:
    if isinstance(node, MappingNode):
        yield from (value for _, value in node.value)


def _pairs(node: Node | None) -> Iterator[tuple[str, str]]:
    if isinstance(node, MappingNode):
        for name, value in node.value:
            if isinstance(value, ScalarNode) and value.value.strip():
                yield name.value, value.value.strip()


def _texts(node: Node | None) -> Iterator[str]:
    """Every scalar within a node."""
    if isinstance(node, ScalarNode):
        yield node.value
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _texts(item)
    elif isinstance(node, MappingNode):
        for _, value in node.value:
            yield from _texts(value)
