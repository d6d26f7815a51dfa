"""Nodes to the model's frozen classes by their type hints, with every problem at once.

A value that does not fit becomes BAD. What holds it is made all the same, broken: a list without
the item, a record without the field, so that every rule can still look at the rest. A misspelt key
is taken for the one that was meant.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, TypeVar

from cockpit.runbook.broken import Loss, Partial, broken
from cockpit.runbook.hints import (
    FieldHint,
    alternatives,
    family,
    fields_of,
    held,
    is_record,
    noun,
)
from cockpit.runbook.kinds import called, chosen, named, shared
from cockpit.runbook.literals import looks_secret
from cockpit.runbook.model import Phase, Procedure, Profile, Step
from cockpit.runbook.nodes import Entry, ListNode, MapNode, Node, ScalarNode, texts
from cockpit.runbook.places import Place, Places, Spot
from cockpit.runbook.problems import Problem, listed, meant, nearest
from cockpit.runbook.single import bind_single, expected, guessed, is_empty, shown, suits
from cockpit.runbook.sources import Folder

T = TypeVar("T")


class Bad(Enum):
    """What stands for a value that does not fit."""

    BAD = "bad"


BAD = Bad.BAD


@dataclass
class Binding:
    """One file being bound."""

    file: str
    folder: Folder
    places: Places
    problems: list[Problem] = field(default_factory=list)
    ids: list[tuple[str, str, int]] = field(default_factory=list)
    """Class, id and line of everything that has an id, the broken ones too."""
    nameless: set[str] = field(default_factory=set)
    """The classes of which something may be there whose id could not be read."""
    losses: list[Loss] = field(default_factory=list)
    """What could not be read."""
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The keys of the file's own mappings, such as `targets`, the BAD ones too."""
    is_whole: bool = True
    """Whether nothing was BAD."""

    def report(self, line: int, what: str, mend: str) -> None:
        """Add a mistake."""
        self.is_whole = False
        self.problems.append(Problem(self.file, line, what, mend))

    def lose(self, node: Node | None, hint: Any = None, name: str = "") -> None:
        """Note what may have been said where a node lacks, or does not fit."""
        self.is_whole = False
        lost = held(hint)
        choices = [one for one in alternatives(hint) if one is not type(None)]
        is_one = all(isinstance(one, typing.NewType) for one in choices)
        said = frozenset(texts(node)) if node else frozenset[str]()
        self.losses.append(Loss(lost.keys | {name}, lost.words, said, is_one))
        if not isinstance(node, MapNode) or not any(map(is_record, choices)):
            # The id of a mapping was noted where it was looked at.
            self.nameless |= lost.families


def bind(cls: type[T], node: Node, binding: Binding) -> T | None:
    """One object of a class of the model, broken or not; None where the node is no mapping."""
    made = _record(cls, node, binding, noun(cls))
    return None if made is BAD else typing.cast("T", made)


def _value(hint: Any, node: Node, binding: Binding, name: str) -> Any:
    """The value of any type; BAD, and reported, where the node does not fit."""
    if isinstance(node, ScalarNode) and node.origin == "open":
        value: Any = BAD
    else:
        value = _bound(hint, node, binding, name)
    if value is BAD:
        binding.lose(node, hint, name)
    return value


def _bound(hint: Any, node: Node, binding: Binding, name: str) -> Any:
    choices = tuple(one for one in alternatives(hint) if one is not type(None))
    if is_record(choices[0]):
        return _one_of(choices, node, binding, name)
    whole = choices[0] if len(choices) == 1 and not _is_none(hint, node) else hint
    origin = typing.get_origin(whole)
    if origin is tuple:
        return _items(whole, node, binding, name)
    if origin is Mapping:
        return _mapping(typing.get_args(whole)[1], node, binding, name)
    return _single(hint, node, binding, name)


def _is_none(hint: Any, node: Node) -> bool:
    """Whether a value was left empty where it may be."""
    empty = isinstance(node, ScalarNode) and node.plain and not node.text
    return empty and type(None) in alternatives(hint)


def _single(hint: Any, node: Node, binding: Binding, name: str) -> Any:
    if not isinstance(node, ScalarNode):
        form = "a list" if isinstance(node, ListNode) else "a mapping"
        binding.report(node.line, f"`{name}` is {form}", f"write {expected(hint)}")
        return BAD
    value = bind_single(hint, node, name, binding.folder)
    if isinstance(value, tuple):
        binding.report(node.line, *value)
        return guessed(hint, node) or BAD
    return value


def _items(hint: Any, node: Node, binding: Binding, name: str) -> Any:
    if not isinstance(node, ListNode):
        found = shown(node) if isinstance(node, ScalarNode) else "a mapping"
        binding.report(
            node.line, f"`{name}` is {found}", "write a list: one `- ` line for each, or `[a, b]`"
        )
        return BAD
    types = typing.get_args(hint)
    if types[-1] is not Ellipsis:
        return _pair(types, node, binding, name)
    bound = [(_value(types[0], item, binding, name), item.line) for item in node.items]
    values = [(value, line) for value, line in bound if value is not BAD]
    if len(values) < len(bound):
        return Partial((one for one, _ in values), (line for _, line in values))
    return tuple(value for value, _ in values)


def _pair(types: tuple[Any, ...], node: ListNode, binding: Binding, name: str) -> Any:
    if len(types) != len(node.items):
        what = f"`{name}` has {len(node.items)} items"
        binding.report(node.line, what, f"it takes {len(types)}")
        return BAD
    values = tuple(
        _value(one, item, binding, name) for one, item in zip(types, node.items, strict=True)
    )
    return BAD if BAD in values else values


def _mapping(hint: Any, node: Node, binding: Binding, name: str) -> Any:
    if not isinstance(node, MapNode):
        found = shown(node) if isinstance(node, ScalarNode) else "a list"
        binding.report(node.line, f"`{name}` is {found}", "write `key: value` lines beneath it")
        return BAD
    values = {one.key: _value(hint, one.value, binding, one.key) for one in node.entries}
    return {key: value for key, value in values.items() if value is not BAD}


def _one_of(classes: tuple[Any, ...], node: Node, binding: Binding, name: str) -> Any:
    """One of several classes, chosen by `kind`; with a single one there is nothing to choose."""
    if isinstance(node, ScalarNode) and node.plain and node.text == "":
        binding.report(
            node.line, f"`{name}` is empty", "write its keys beneath it, or leave it out"
        )
        return BAD
    if not isinstance(node, MapNode):
        return _record(classes[0], node, binding, named(classes, name))
    if len(classes) == 1:
        return _record(classes[0], node, binding, named(classes, name))
    choice = chosen(classes, node, name)
    for problem in choice.problems:
        binding.report(*problem)
    if choice.cls:
        return _record(choice.cls, choice.node, binding, noun(choice.cls, choice.kind))
    _note_id(classes[0], node, binding)
    return _base(classes, node, binding)


def _base(classes: tuple[type, ...], node: MapNode, binding: Binding) -> Any:
    """What can be read of a mapping whose kind is not known: what every kind has."""
    hints = {one.name: one for one in shared(classes)}
    entries = [one for one in node.entries if one.key in hints]
    values = {one.key: _field(classes[0], hints[one.key], one, binding) for one in entries}
    base = next((one for one in classes[0].__mro__ if is_record(one) and one not in classes), None)
    if base is None:
        return BAD
    for cls in classes:
        binding.lose(node, cls)
    lacking = {name: BAD for name, one in hints.items() if one.required}
    made = _made(base, {**lacking, **values, "kind": BAD}, node)
    binding.places.keep(made, _place(MapNode(tuple(entries), node.line), values, binding.file))
    return made


def _record(cls: type, node: Node, binding: Binding, name: str) -> Any:
    if not isinstance(node, MapNode):
        found = shown(node) if isinstance(node, ScalarNode) else "a list"
        binding.report(node.line, f"{name} is {found}", "write `key: value` lines")
        return BAD
    node = _spelt(cls, node, binding, name)
    _note_id(cls, node, binding)
    hints = {one.name: one for one in fields_of(cls)}
    values = {one.key: _field(cls, hints[one.key], one, binding) for one in node.entries}
    for one in hints.values():
        if one.required and one.name not in values:
            mend = f"add `{one.name}:` with {expected(one.hint)}"
            binding.report(node.line, f"{called(name, node)} lacks `{one.name}`", mend)
            binding.lose(None, one.hint, one.name)
            values[one.name] = BAD
    for entry in node.twice:
        is_field = entry.key in hints
        binding.lose(entry.value, hints[entry.key].hint if is_field else None, entry.key)
        if is_field and type(values[entry.key]) is tuple:
            values[entry.key] = Partial(values[entry.key], _lines(node, entry.key))
    made = _made(cls, values, node)
    binding.places.keep(made, _place(node, values, binding.file))
    return made


def _made(cls: type, values: Mapping[str, Any], node: MapNode) -> Any:
    if all(value is not BAD for value in values.values()):
        return cls(**values)
    every = {one.name: one.default for one in fields_of(cls)} | dict(values)
    if every.get("id") is BAD:
        known = node.get("id")
        text = known.text if isinstance(known, ScalarNode) and not is_empty(known) else ""
        every["id"] = text[:60] if text and not looks_secret(text) else f"(line {node.line})"
    return broken(cls, {name: value for name, value in every.items() if value is not BAD})


def _field(cls: type, hint: FieldHint, entry: Entry, binding: Binding) -> Any:
    node = entry.value
    fixed = isinstance(node, ScalarNode) and node.origin != "written"
    if fixed and (hint.name in ("kind", "id") or (cls in (Step, Phase) and _is_switch(hint.hint))):
        what = f"`{hint.name}` comes from a variable"
        binding.report(node.line, what, "write it out: a profile cannot change steps")
        binding.lose(node, hint.hint, hint.name)
        return BAD
    if cls in (Procedure, Profile) and isinstance(node, MapNode):
        binding.keys[hint.name] = tuple(one.key for one in node.entries)
    value = _value(hint.hint, node, binding, hint.name)
    if hint.required and value == () and isinstance(node, ListNode) and not node.items:
        binding.report(node.line, f"`{hint.name}` is an empty list", "write at least one item")
        binding.lose(node, hint.hint, hint.name)
        return Partial()
    return value


def _is_switch(hint: Any) -> bool:
    return hint is bool or any(typing.get_origin(one) is Literal for one in alternatives(hint))


def _spelt(cls: type, node: MapNode, binding: Binding, name: str) -> MapNode:
    """The mapping with its misspelt keys as they were meant, without those that nothing is like."""
    known = [one.name for one in fields_of(cls)]
    wrong = [one for one in node.entries if one.key not in known]
    if not wrong:
        return node
    hints = {one.name: one.hint for one in fields_of(cls)}
    entries = {one.key: one for one in node.entries if one.key in known}
    for one in wrong:
        near = None if _elsewhere(cls, one) else nearest(one.key, set(known) - set(entries))
        if near and suits(hints[near], one.value, binding.folder):
            entries[near] = Entry(near, one.line, one.value)
        else:
            binding.lose(one.value)
    spelt = MapNode(tuple(entries.values()), node.line, node.twice)
    for one in wrong:
        _unknown(cls, one, binding, called(name, spelt))
    return spelt


def _unknown(cls: type, entry: Entry, binding: Binding, name: str) -> None:
    home = _elsewhere(cls, entry)
    if home:
        mend = "move it there"
        if cls is Profile:
            mend += ": a profile gives values and cannot change what is done"
        binding.report(entry.line, f"`{entry.key}` belongs to {home}", mend)
        return
    known = [one.name for one in fields_of(cls)]
    mend = meant(entry.key, known, f"known: {listed(known)}")
    binding.report(entry.line, f"`{entry.key[:60]}` is no key of {name}", mend)


def _elsewhere(cls: type, entry: Entry) -> str:
    """Where a key belongs that stands in the wrong one of the two files."""
    other = {Procedure: Profile, Profile: Procedure}.get(cls)
    if other and entry.key in {one.name for one in fields_of(other)} | {"steps"}:
        return "runbook.yaml" if other is Procedure else "a profile"
    return ""


def _note_id(cls: type, node: MapNode, binding: Binding) -> None:
    if all(one.name != "id" for one in fields_of(cls)):
        return
    known = node.get("id")
    if isinstance(known, ScalarNode) and not is_empty(known) and known.origin == "written":
        binding.ids.append((family(cls), known.text, known.line))
    else:
        binding.nameless.add(family(cls))


def _lines(node: MapNode, name: str) -> tuple[int, ...]:
    """Where each item of a list stands."""
    value = node.get(name)
    return tuple(one.line for one in value.items) if isinstance(value, ListNode) else ()


def _place(node: MapNode, values: Mapping[str, Any], file: str) -> Place:
    return Place(file, node.line, {one.key: _spot(one, values[one.key]) for one in node.entries})


def _spot(entry: Entry, made: Any) -> Spot:
    value = entry.value
    if isinstance(made, Partial):
        return Spot(entry.line, items=made.lines)
    if isinstance(value, ListNode):
        return Spot(entry.line, items=tuple(item.line for item in value.items))
    if isinstance(value, MapNode):
        return Spot(entry.line, keys=tuple((one.key, one.line) for one in value.entries))
    return Spot(entry.line)
