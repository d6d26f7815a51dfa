"""Which variable has which value in one environment, and both files with the values filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cockpit.runbook.hints import fields_of
from cockpit.runbook.model import Procedure, Profile, Variable
from cockpit.runbook.nodes import Entry, MapNode, Node, ScalarNode, scalars
from cockpit.runbook.problems import Problem, nearest
from cockpit.runbook.single import is_empty
from cockpit.runbook.variables import Values, fill

_VARIABLES = "variables"
_DECLARE = "declare it under `variables:` in runbook.yaml"


@dataclass(frozen=True, slots=True)
class Resolution:
    """What is known before the two files are looked at together."""

    runbook_file: str
    profile_file: str
    given: Mapping[str, str]
    """Values that the cockpit gives to a profile: those of the lab."""
    used_elsewhere: frozenset[str] | None
    """Names that other profiles use: a variable that only they need is no mistake here.

    None for a plan's copy, beside which no other profile lies."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """Both files with their variables filled in."""

    runbook: Node | None
    profile: Node | None
    problems: list[Problem] = field(default_factory=list)


def resolve(facts: Resolution, runbook: Node | None, profile: Node | None) -> Resolved:
    """Fill every `${name}` of both files; report what is undeclared, without value, or unused."""
    declared = _section(runbook, _VARIABLES, Procedure)
    problems = _literal_defaults(facts, declared)
    chosen, more = _chosen(facts, profile, declared)
    problems += more
    known = _values(declared, chosen, is_there=profile is not None)
    secrets = frozenset(_section(profile, "secrets", Profile))
    is_whole = _is_declared(runbook)
    mine = Values(known, secrets, is_whole)
    theirs = Values({**known, **facts.given}, secrets, is_whole)
    filled, more = _filled(runbook, mine, facts.runbook_file, Procedure)
    filled_profile, others = _filled(profile, theirs, facts.profile_file, Profile)
    if is_whole and isinstance(profile, MapNode):
        problems += _checked(facts, declared, profile, known)
        if facts.used_elsewhere is not None:
            used = mine.used | theirs.used | facts.used_elsewhere
            problems += _unused(facts, declared, used, mine.astray | theirs.astray)
    return Resolved(filled, filled_profile, problems + more + others)


def _is_declared(runbook: Node | None) -> bool:
    """Whether it can be told which variables there are."""
    if not isinstance(runbook, MapNode):
        return False
    section = _entry(runbook, _VARIABLES, Procedure)
    return section is None or isinstance(section.value, MapNode)


def _entry(node: Node | None, key: str, cls: type) -> Entry | None:
    """The entry of a key of a class of the model, be the key misspelt, which is reported later."""
    if not isinstance(node, MapNode):
        return None
    present = {one.key: one for one in node.entries}
    if key in present:
        return present[key]
    known = {one.name for one in fields_of(cls)}
    absent = known - set(present)
    wrong = (one for one in node.entries if one.key not in known)
    return next((one for one in wrong if nearest(one.key, absent) == key), None)


def _section(node: Node | None, key: str, cls: type) -> Mapping[str, Entry]:
    """The entries of a mapping at the top of a file."""
    section = _entry(node, key, cls)
    if section is None or not isinstance(section.value, MapNode):
        return {}
    return {one.key: one for one in section.value.entries}


def _literal_defaults(facts: Resolution, declared: Mapping[str, Entry]) -> list[Problem]:
    return [
        Problem(
            facts.runbook_file,
            node.line,
            f"the variable `{name}` is made of another one",
            "write its value out",
        )
        for name, entry in declared.items()
        for _, node in scalars(entry.value)
        if "${" in node.text
    ]


def _chosen(
    facts: Resolution, profile: Node | None, declared: Mapping[str, Entry]
) -> tuple[dict[str, str | None], list[Problem]]:
    """The profile's values for variables; they may use what the cockpit gives, nothing else."""
    chosen: dict[str, str | None] = {}
    problems: list[Problem] = []
    for name, entry in _section(profile, _VARIABLES, Profile).items():
        if any(f"${{{one}}}" in text.text for one in declared for _, text in scalars(entry.value)):
            what = f"the variable `{name[:60]}` is made of another one"
            problems.append(Problem(facts.profile_file, entry.line, what, "write its value out"))
            continue
        node, more = fill(entry.value, Values(dict(facts.given)), facts.profile_file)
        problems += more
        said = node if isinstance(node, ScalarNode) and node.origin != "open" else None
        chosen[name] = None if said is None or is_empty(said) else said.text
    return chosen, problems


def _values(
    declared: Mapping[str, Entry], chosen: Mapping[str, str | None], *, is_there: bool
) -> dict[str, str | None]:
    known: dict[str, str | None] = {}
    for name, entry in declared.items():
        default = _entry(entry.value, "default", Variable)
        value = default.value if default else None
        text = value.text if isinstance(value, ScalarNode) else None
        text = None if text and "${" in text else text
        known[name] = chosen.get(name, text) if is_there else None
    return known


def _filled(
    node: Node | None, values: Values, file: str, cls: type
) -> tuple[Node | None, list[Problem]]:
    """A file with its variables filled in, its own `variables` as they are."""
    if not isinstance(node, MapNode):
        return node, []
    own = _entry(node, _VARIABLES, cls)
    entries: list[Entry] = []
    problems: list[Problem] = []
    for one in node.entries:
        if one is own:
            entries.append(one)
            continue
        value, more = fill(one.value, values, file)
        entries.append(Entry(one.key, one.line, value))
        problems += more
    return MapNode(tuple(entries), node.line, node.twice), problems


def _checked(
    facts: Resolution,
    declared: Mapping[str, Entry],
    profile: MapNode,
    known: Mapping[str, str | None],
) -> list[Problem]:
    """Variables that the profile gives and nobody declares, and the other way about."""
    section = _entry(profile, _VARIABLES, Profile)
    given = _section(profile, _VARIABLES, Profile)
    problems: list[Problem] = []
    lacking = [
        name
        for name, value in known.items()
        if value is None and name not in given and not _has_default(declared[name])
    ]
    for name, entry in given.items():
        if name not in declared:
            what = f"the variable `{name[:60]}` is not declared"
            near = nearest(name, set(declared) - set(given))
            mend = f"did you mean `{near}`?" if near else _DECLARE
            problems.append(Problem(facts.profile_file, entry.line, what, mend))
            lacking = [one for one in lacking if one != near]
    if section and not isinstance(section.value, MapNode):
        return problems
    line = section.value.line if section else profile.line
    return problems + [
        Problem(
            facts.profile_file,
            line,
            f"the variable `{name}` has no value",
            f"add `{name}:` under `variables:`, or a default in runbook.yaml",
        )
        for name in lacking
    ]


def _has_default(entry: Entry) -> bool:
    """Whether a variable has a default, or one that could not be read."""
    if not isinstance(entry.value, MapNode):
        return True
    return _entry(entry.value, "default", Variable) is not None


def _unused(
    facts: Resolution, declared: Mapping[str, Entry], used: set[str], astray: set[str]
) -> list[Problem]:
    """Variables that nothing uses, where no misspelt name may mean them."""
    near = {name: nearest(name, declared) for name in astray}
    left = [name for name in declared if name not in used and name not in near.values()]
    if len(left) <= sum(one is None for one in near.values()):
        return []
    return [
        Problem(
            facts.runbook_file,
            declared[name].line,
            f"nothing uses the variable `{name}`",
            f"write `${{{name}}}` where it is meant, or take it out",
        )
        for name in left
    ]
