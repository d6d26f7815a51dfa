"""YAML text to nodes that know their lines: core tags, no aliases, no duplicate keys, bounded.

The events of PyYAML's parser (libyaml's where it is built in) are composed here, so that the
limits hold while the text is read, and both parsers give the same nodes and the same problems.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from cockpit.runbook.problems import Problem

LARGEST = 1024 * 1024
"""Bytes of a YAML file beyond which it is not read."""
DEEPEST = 24
"""How deep lists and mappings may stand in one another."""
LONGEST = 65_536
"""Characters of a single value."""
MOST = 20_000
"""How many values a file may hold."""

TOO_LARGE = "the file is larger than 1 MiB"
TEXT = "a runbook is text that a person reads: is it another file that was meant?"
EMPTY = "`cockpit init DIR` writes a runbook to edit"
"""How to mend a file that says nothing."""

_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff]"
)
_CORE = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A single value, as written."""

    text: str
    line: int
    plain: bool = True
    """Without quotes: it may mean a number, true, false or null."""
    origin: Literal["written", "filled", "open"] = "written"
    """`filled`: made with a variable; `open`: its variable has no value, which was reported."""


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list."""

    items: tuple[Node, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping with its value."""

    key: str
    line: int
    value: Node


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping; its keys differ."""

    entries: tuple[Entry, ...]
    line: int
    twice: tuple[Entry, ...] = ()
    """What stands under a key that stood there before, or that is no word; it was reported."""

    def get(self, key: str) -> Node | None:
        """The value of a key."""
        return next((one.value for one in self.entries if one.key == key), None)


Node = ScalarNode | ListNode | MapNode


def scalars(node: Node, key: str = "") -> Iterator[tuple[str, ScalarNode]]:
    """Every single value below a node, with the key that it stands under."""
    if isinstance(node, ScalarNode):
        yield key, node
    elif isinstance(node, ListNode):
        for item in node.items:
            yield from scalars(item, key)
    else:
        for entry in node.entries:
            yield from scalars(entry.value, entry.key)


def texts(node: Node) -> Iterator[str]:
    """Every text within a node: its keys, its values, and what stood there twice."""
    if isinstance(node, ScalarNode):
        yield node.text
    elif isinstance(node, ListNode):
        for item in node.items:
            yield from texts(item)
    else:
        for entry in (*node.entries, *node.twice):
            yield entry.key
            yield from texts(entry.value)


def read_nodes(data: bytes, file: str) -> tuple[Node | None, list[Problem]]:
    """The document in the bytes of a file, and every problem with its form."""
    text, problem = _decoded(data, file)
    if problem:
        return None, [problem]
    composer = _Composer(text, file)
    try:
        return composer.document(), composer.problems
    except _Refusal as refusal:
        return None, [*composer.problems, refusal.problem]
    except yaml.YAMLError as error:
        return None, [*composer.problems, _syntax(error, text, file)]
    finally:
        composer.close()


def _decoded(data: bytes, file: str) -> tuple[str, Problem | None]:
    def at(position: int, what: str, mend: str) -> tuple[str, Problem]:
        return "", Problem(file, data.count(b"\n", 0, position) + 1, what, mend)

    if len(data) > LARGEST:
        return at(0, TOO_LARGE, TEXT)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return at(0, "the file is UTF-16", "save it as UTF-8")
    if b"\0" in data:
        return at(data.index(b"\0"), "the file is binary, not text", "name a YAML file in UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return at(error.start, "the file is not UTF-8", "save it as UTF-8")
    unseen = _UNSEEN.search(text)
    if unseen:
        before = len(text[: unseen.start()].encode())
        name = f"U+{ord(unseen.group()):04X}"
        return at(before, f"a character that cannot be seen ({name})", "take it out")
    return text, None


class _Refusal(Exception):
    """The text is not read any further."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _Composer:
    """Makes nodes from the parser's events, within the limits."""

    def __init__(self, text: str, file: str) -> None:
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._parser = loader(text)
        self._file = file
        self._values = 0
        self.problems: list[Problem] = []

    def close(self) -> None:
        """Let the parser go."""
        self._parser.dispose()

    def document(self) -> Node:
        """The only document of the text."""
        self._next()
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            raise _Refusal(Problem(self._file, 1, "the file is empty", EMPTY))
        node = self._node(self._next(), 0)
        self._next()
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise self._refusal(event, "a second document begins", "keep one document in a file")
        return node

    def _next(self) -> Any:
        return self._parser.get_event()

    def _problem(self, event: Any, what: str, mend: str) -> Problem:
        return Problem(self._file, event.start_mark.line + 1, what, mend)

    def _refusal(self, event: Any, what: str, mend: str) -> _Refusal:
        return _Refusal(self._problem(event, what, mend))

    def _node(self, event: Any, depth: int) -> Node:
        self._values += 1
        if self._values > MOST:
            raise self._refusal(event, f"more than {MOST} values", "split the runbook")
        if depth > DEEPEST:
            raise self._refusal(
                event, f"values stand more than {DEEPEST} deep", "a runbook needs ten levels"
            )
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            mark = "*" if isinstance(event, yaml.AliasEvent) else "&"
            raise self._refusal(
                event,
                f"`{mark}{event.anchor[:40]}` is an anchor or alias, which a runbook cannot have",
                "write the value out, or put the text in quotes",
            )
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        self._tag(event, ("seq",) if isinstance(event, yaml.SequenceStartEvent) else ("map",))
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(event, depth)
        return self._map(event, depth)

    def _scalar(self, event: Any) -> ScalarNode:
        line = event.start_mark.line + 1
        if len(event.value) > LONGEST:
            what = f"a value has more than {LONGEST} characters"
            raise self._refusal(event, what, "put it into a file of its own")
        if event.tag in (None, "!"):
            return ScalarNode(event.value, line, plain=bool(event.implicit[0]) and not event.style)
        self._tag(event, ("str", "int", "float", "bool", "null"))
        return ScalarNode(event.value, line, plain=event.tag != _CORE + "str")

    def _tag(self, event: Any, allowed: tuple[str, ...]) -> None:
        if event.tag not in (None, "!", *(_CORE + name for name in allowed)):
            shown = event.tag.replace(_CORE, "!!")[:60]
            self.problems.append(
                self._problem(event, f"the tag `{shown}` does not belong here", "take the tag out")
            )

    def _list(self, start: Any, depth: int) -> ListNode:
        items = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return ListNode(tuple(items), start.start_mark.line + 1)

    def _map(self, start: Any, depth: int) -> MapNode:
        entries: dict[str, Entry] = {}
        twice: list[Entry] = []
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(self._next(), depth + 1)
            if not isinstance(key, ScalarNode):
                self.problems.append(
                    self._problem(
                        event,
                        "a key is a list or a mapping",
                        "write a word; put text with brackets in quotes",
                    )
                )
                twice.append(Entry("", event.start_mark.line + 1, value))
            elif key.text in entries:
                first = entries[key.text].line
                self.problems.append(
                    self._problem(
                        event,
                        f"the key `{key.text[:60]}` stands here again, first in line {first}",
                        "keep one of them",
                    )
                )
                twice.append(Entry(key.text, key.line, value))
            else:
                entries[key.text] = Entry(key.text, key.line, value)
        return MapNode(tuple(entries.values()), start.start_mark.line + 1, tuple(twice))


_SYNTAX = (
    ("mapping values are not allowed", "a second `: ` in one value", "put the text in quotes"),
    (
        "could not find expected ':'",
        "a line that is neither a key nor a value",
        "write `key: value`, and indent the lines of a long text",
    ),
    (
        "cannot start any token",
        "a character that cannot begin a value",
        "put the text in quotes",
    ),
    ("unexpected end of stream", "a quote that is never closed", "close it"),
    ("document separator", "a quote that is never closed", "close it"),
    ("expected ',' or", "a list or mapping in brackets that is not closed", "close the bracket"),
    ("flow node", "a bracket that opens or closes in the wrong place", "look at the brackets"),
    ("unknown escape", "an escape that YAML does not know", "use single quotes, or double the \\"),
    (
        "undefined tag handle",
        "a tag that is not known",
        "put the text in quotes; only YAML's core tags are read",
    ),
    ("anchor", "an anchor or alias, which a runbook cannot have", "put the text in quotes"),
    ("alias", "an anchor or alias, which a runbook cannot have", "put the text in quotes"),
    (
        "<document start>",
        "text that belongs to nothing above it",
        "look at the indentation of this line and the one above",
    ),
    (
        "expected",
        "a line that does not fit the one above it",
        "look at the indentation of this line and the one above",
    ),
)


_OPENED = ("end of stream", "document separator", "expected ',' or")
"""What is said at the end of a thing that began in the line that matters."""


def _syntax(error: yaml.YAMLError, text: str, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    said = str(getattr(error, "problem", "") or "")
    at = mark.line if mark else 0
    lines = text.split("\n")
    if re.match(r" *\t", lines[at] if at < len(lines) else ""):
        return Problem(file, at + 1, "not YAML: a tab indents the line", "indent with spaces")
    if mark and lines[at : at + 1] and lines[at][mark.column - 1 : mark.column + 1] == "${":
        what = "not YAML: `${` stands without quotes in a list or mapping in brackets"
        return Problem(file, at + 1, what, 'put the value in quotes, `"${name}"` for one')
    if any(words in said for words in _OPENED):
        mark = getattr(error, "context_mark", None) or mark
    line = mark.line + 1 if mark else 1
    for words, what, mend in _SYNTAX:
        if words in said:
            return Problem(file, line, f"not YAML: {what}", mend)
    return Problem(file, line, "not YAML", "look at this line and the one above")
