"""What a Compose file takes from others: `include`, and a service's `extends`."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from cockpit.stack.layers import Layer

Read = Callable[[str], list[Node | None]]
"""The documents of a file beside the project; none where it is elsewhere."""
DEEPEST = 5
"""Files that name one another in turn."""


def beneath(root: Node | None, file: str, read: Read, depth: int = 0) -> Iterator[Layer]:
    """The files below one, each as a layer: the one that it overrides comes first."""
    if depth >= DEEPEST:
        return
    folder = posixpath.dirname(file)
    for name in _included(root):
        place = posixpath.normpath(posixpath.join(folder, name))
        for one in read(place):
            yield from beneath(one, place, read, depth + 1)
            yield Layer(place, one)
    for key, service in _pairs(_value(root, "services")):
        extended = _value(service, "extends")
        name, other = _text(_value(extended, "file")), _text(_value(extended, "service"))
        if not name or not other:
            continue
        place = posixpath.normpath(posixpath.join(folder, name))
        for one in read(place):
            yield from _as_service(one, other, key, place)


def _as_service(root: Node | None, other: str, key: ScalarNode, file: str) -> Iterator[Layer]:
    """One service of another file, under the name of the one that extends it."""
    for name, service in _pairs(_value(root, "services")):
        if name.value == other:
            tag = "tag:yaml.org,2002:map"
            here = ScalarNode(name.tag, key.value, name.start_mark, name.end_mark)
            services = MappingNode(tag, [(here, service)], name.start_mark, name.end_mark)
            top = ScalarNode(name.tag, "services", name.start_mark, name.end_mark)
            yield Layer(file, MappingNode(tag, [(top, services)], name.start_mark, name.end_mark))


def _included(root: Node | None) -> Iterator[str]:
    included = _value(root, "include")
    for one in included.value if isinstance(included, SequenceNode) else ():
        paths = _value(one, "path") if isinstance(one, MappingNode) else one
        for path in paths.value if isinstance(paths, SequenceNode) else (paths,):
            if name := _text(path):
                yield name


def _pairs(node: Node | None) -> Iterator[tuple[ScalarNode, Node]]:
    if isinstance(node, MappingNode):
        yield from ((key, value) for key, value in node.value if isinstance(key, ScalarNode))


def _value(node: Node | None, name: str) -> Node | None:
    return next((value for key, value in _pairs(node) if key.value == name), None)


def _text(node: Node | None) -> str:
    return str(node.value) if isinstance(node, ScalarNode) else ""
