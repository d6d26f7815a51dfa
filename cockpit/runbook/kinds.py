"""Which class of the model a mapping is of, by its `kind`; by its other keys where that fails."""

from __future__ import annotations

from typing import Any, NamedTuple

from cockpit.runbook.hints import FieldHint, article, family_of, fields_of, kinds_of
from cockpit.runbook.nodes import Entry, MapNode, ScalarNode
from cockpit.runbook.problems import listed, nearest
from cockpit.runbook.single import shown

Complaint = tuple[int, str, str]
"""A line, what is wrong there, how to mend it."""


class Choice(NamedTuple):
    """What was chosen for a mapping."""

    node: MapNode
    """The mapping, its `kind` as it was meant."""
    cls: type | None
    """None where no class is plainly meant."""
    kind: str
    problems: tuple[Complaint, ...] = ()


def chosen(classes: tuple[type, ...], node: MapNode, name: str) -> Choice:
    """The class that a mapping is of, and what is wrong with how it says so."""
    by_kind = {kind: cls for cls in classes for kind in kinds_of(cls)}
    node, problems = _spelt(classes, node, name)
    found = node.get("kind")
    if isinstance(found, ScalarNode) and found.text in by_kind and found.origin == "written":
        return Choice(node, by_kind[found.text], found.text, problems)
    near = nearest(found.text, by_kind) if isinstance(found, ScalarNode) else None
    if near and not _takes(by_kind[near], node):
        near = None
    fitting = near or _by_keys(classes, node)
    problems = (*problems, _wrong(classes, node, name, fitting))
    if fitting is None:
        return Choice(node, None, "", problems)
    line = found.line if found else node.line
    kind = Entry("kind", line, ScalarNode(fitting, line, plain=False))
    rest = tuple(one for one in node.entries if one.key != "kind")
    return Choice(
        MapNode((kind, *rest), node.line, node.twice), by_kind[fitting], fitting, problems
    )


def shared(classes: tuple[type, ...]) -> tuple[FieldHint, ...]:
    """The fields that every one of some classes has alike: they can be read without a kind."""
    every = [{(one.name, one.hint) for one in fields_of(cls)} for cls in classes]
    common = set.intersection(*every)
    return tuple(one for one in fields_of(classes[0]) if (one.name, one.hint) in common)


def named(classes: tuple[Any, ...], name: str) -> str:
    """What a message calls a thing: what it is where it has an id, else its key."""
    family = family_of(classes)
    has_id = any(one.name == "id" for one in fields_of(classes[0]))
    return f"{article(family)} {family}" if has_id else f"`{name}`"


def called(name: str, node: MapNode) -> str:
    """A name for messages, with the id where the node has one."""
    known = node.get("id")
    if isinstance(known, ScalarNode) and known.text:
        return f"{name.removeprefix('a ').removeprefix('an ')} `{known.text[:60]}`"
    return name


def _wrong(classes: tuple[type, ...], node: MapNode, name: str, fitting: str | None) -> Complaint:
    """What is wrong with the `kind` of a mapping."""
    found = node.get("kind")
    kinds = listed(kind for cls in classes for kind in kinds_of(cls))
    by_keys = f"its keys are those of `{fitting}`: write `kind: {fitting}`"
    if found is None:
        mend = by_keys if fitting else f"add one of {kinds}"
        return node.line, f"{called(named(classes, name), node)} lacks `kind`", mend
    if not isinstance(found, ScalarNode):
        what = f"a list or mapping is no kind of {family_of(classes)}"
        return found.line, what, by_keys if fitting else f"known: {kinds}"
    if found.origin != "written":
        mend = "write it out: a profile cannot change steps"
        return found.line, "`kind` comes from a variable", mend
    near = nearest(found.text, [kind for cls in classes for kind in kinds_of(cls)])
    mend = f"did you mean `{near}`?" if near else f"known: {kinds}"
    what = f"{shown(found)} is no kind of {family_of(classes)}"
    return found.line, what, by_keys if fitting and fitting != near else mend


def _spelt(
    classes: tuple[type, ...], node: MapNode, name: str
) -> tuple[MapNode, tuple[Complaint, ...]]:
    """The mapping with a misspelt `kind` as it was meant."""
    known = {one.name for cls in classes for one in fields_of(cls)}
    if node.get("kind") is not None:
        return node, ()
    wrong = [one for one in node.entries if one.key not in known and nearest(one.key, ["kind"])]
    if not wrong:
        return node, ()
    entries = tuple(
        Entry("kind", one.line, one.value) if one is wrong[0] else one for one in node.entries
    )
    what = f"`{wrong[0].key[:60]}` is no key of {called(named(classes, name), node)}"
    spelt = MapNode(entries, node.line, node.twice)
    return spelt, ((wrong[0].line, what, "did you mean `kind`?"),)


def _takes(cls: type, node: MapNode) -> bool:
    """Whether each key of a mapping is one of a class, or misspelt."""
    known = [one.name for one in fields_of(cls)]
    return all(one.key in known or nearest(one.key, known) for one in node.entries)


def _by_keys(classes: tuple[type, ...], node: MapNode) -> str | None:
    """The only kind that has the keys of a mapping and needs no other."""
    keys = {one.key for one in node.entries} | {"kind"}
    fitting = [
        kind
        for cls in classes
        for kind in kinds_of(cls)
        if keys <= {one.name for one in fields_of(cls)}
        and {one.name for one in fields_of(cls) if one.required} <= keys
    ]
    return fitting[0] if len(fitting) == 1 else None
