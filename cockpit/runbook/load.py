"""A folder with runbook.yaml and profiles to a Runbook, with every problem at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, get_args

from cockpit.runbook.bind import Binding, bind
from cockpit.runbook.draft import Draft
from cockpit.runbook.ground import grounded
from cockpit.runbook.lint import lint
from cockpit.runbook.lint_across import shared
from cockpit.runbook.model import Procedure, Profile, Runbook
from cockpit.runbook.nodes import EMPTY, TEXT, TOO_LARGE, Node, ScalarNode, read_nodes
from cockpit.runbook.places import Places
from cockpit.runbook.problems import Problem, in_order, meant
from cockpit.runbook.resolve import Resolution, Resolved, resolve
from cockpit.runbook.sources import Folder
from cockpit.runbook.variables import REHEARSAL_GIVEN, used_names
from cockpit.runbook.words import Environment

RUNBOOK = "runbook.yaml"
ENVIRONMENTS: tuple[Environment, ...] = get_args(Environment)

T = TypeVar("T", Procedure, Profile)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read: a runbook where nothing is wrong, and every problem."""

    runbook: Runbook | None
    """None where there is a mistake; warnings leave it."""
    problems: tuple[Problem, ...]
    profile: Profile | None = None
    """The resolved profile with its paths as written, for the plan's digest."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """The bytes of runbook.yaml, the profile and every named file, by name."""
    given: Mapping[str, str] = field(default_factory=dict)
    directory: Path = Path()
    """The folder that paths of the profile are relative to."""

    @property
    def mistakes(self) -> tuple[Problem, ...]:
        """The problems that keep it from being run."""
        return tuple(one for one in self.problems if one.level == "mistake")


def load(
    directory: Path, environment: str | None, given: Mapping[str, str] | None = None
) -> Loaded:
    """The runbook of a folder for one environment, or with None checked for all its profiles."""
    if environment is not None:
        return _load_one(directory, environment, given or {})[0]
    present = profiles_in(directory)
    read = [_load_one(directory, one, given or {}) for one in present]
    every = [loaded for loaded, _ in read]
    problems = [problem for one in every for problem in one.problems]
    problems += shared(draft for _, draft in read if draft is not None)
    if not present:
        what, mend = "there is no profile", f"write one of {_profile_names()} beside runbook.yaml"
        problems += _load_one(directory, None, {})[0].problems
        problems.append(Problem(str(directory / RUNBOOK), 1, what, mend))
    problems += _misnamed(directory)
    first = every[0] if every and not any(one.mistakes for one in every) else None
    return Loaded(first.runbook if first else None, in_order(problems))


def load_copy(directory: Path, environment: str, given: Mapping[str, str], origin: Path) -> Loaded:
    """The runbook of a plan's copy: it was checked when it was made, so no rule is asked again.

    `origin` is where the runbook lay: the relative paths of its profile begin there.
    """
    return _load_one(directory, environment, given, origin)[0]


def profiles_in(directory: Path) -> tuple[Environment, ...]:
    """The environments for which a folder has a profile."""
    return tuple(one for one in ENVIRONMENTS if (directory / f"{one}.yaml").exists())


def _profile_names() -> str:
    return ", ".join(f"`{one}.yaml`" for one in ENVIRONMENTS)


def _misnamed(directory: Path) -> list[Problem]:
    known = [f"{one}.yaml" for one in ENVIRONMENTS]
    try:
        names = sorted(one.name for one in directory.iterdir() if one.suffix in (".yaml", ".yml"))
    except OSError:
        return []
    return [
        Problem(str(directory / name), 1, "the file is no profile", mend, "warning")
        for name in names
        if name not in known
        and name != RUNBOOK
        and (mend := meant(name, known, "")).startswith("did")
    ]


_MENDS = {
    TOO_LARGE: TEXT,
    "that is a folder": "put the YAML file itself there",
    "that is not an ordinary file": "put the YAML file itself there",
    "the file cannot be read by this user": "let this user read it, or ask whoever owns it",
}
"""How to mend a file that is there and cannot be taken."""


@dataclass
class _Reading:
    """One load under way."""

    folder: Folder
    problems: list[Problem] = field(default_factory=list)
    places: Places = field(default_factory=Places)

    def nodes(self, name: str) -> Node | None:
        """What a file says; None, and reported, where it cannot be read."""
        file = self.folder.shown(name)
        why = self.folder.take(name)
        if why:
            self.problems.append(Problem(file, 1, why, _MENDS.get(why) or self._missing(name)))
            return None
        node, problems = read_nodes(self.folder.read[name], file)
        self.problems += problems
        if isinstance(node, ScalarNode) and not node.text.strip():
            self.problems.append(Problem(file, 1, "the file is empty", EMPTY))
            return None
        return node

    def _missing(self, name: str) -> str:
        if name == RUNBOOK:
            return EMPTY
        return f"write it, or name an environment that is there: {self._present()}"

    def _present(self) -> str:
        return ", ".join(profiles_in(self.folder.path)) or "none is"

    def bound(self, cls: type[T], node: Node | None, name: str) -> tuple[T | None, Binding]:
        """A node as an object, as far as it goes."""
        binding = Binding(self.folder.shown(name), self.folder, self.places)
        if node is None:
            binding.is_whole = False
            return None, binding
        made = bind(cls, node, binding)
        self.problems += binding.problems
        return made, binding


def _load_one(
    directory: Path,
    environment: str | None,
    given: Mapping[str, str],
    copied_from: Path | None = None,
) -> tuple[Loaded, Draft | None]:
    if environment not in (*ENVIRONMENTS, None):
        mend = meant(str(environment), ENVIRONMENTS, f"write one of {', '.join(ENVIRONMENTS)}")
        what = f"`{str(environment)[:40]}` is no environment"
        return Loaded(None, (Problem(str(directory), 1, what, mend),)), None
    if environment == "rehearsal" and not given:
        given = REHEARSAL_GIVEN
    reading = _Reading(Folder(directory))
    name = f"{environment}.yaml"
    steps = reading.nodes(RUNBOOK)
    profile = reading.nodes(name) if environment else None
    elsewhere = None if copied_from else _used_elsewhere(directory, environment)
    facts = Resolution(reading.folder.shown(RUNBOOK), reading.folder.shown(name), given, elsewhere)
    resolved = resolve(facts, steps, profile)
    reading.problems += resolved.problems
    draft = _draft(reading, resolved, (steps, profile), name)
    if copied_from is None:
        reading.problems += lint(draft)
    return _loaded(reading, draft, given, copied_from or directory), draft


def _used_elsewhere(directory: Path, environment: str | None) -> frozenset[str]:
    """The variables that the other profiles use."""
    folder = Folder(directory)
    for one in profiles_in(directory):
        if one != environment:
            folder.take(f"{one}.yaml")
    return frozenset(name for data in folder.read.values() for name in used_names(data))


def _draft(
    reading: _Reading, resolved: Resolved, raw: tuple[Node | None, Node | None], name: str
) -> Draft:
    """Both files bound, as far as they go."""
    procedure, steps = reading.bound(Procedure, resolved.runbook, RUNBOOK)
    profile, values = reading.bound(Profile, resolved.profile, name)
    nodes = zip((steps.file, values.file), raw, strict=True)
    return Draft(
        file=steps.file,
        profile_file=values.file,
        places=reading.places,
        procedure=procedure,
        profile=profile,
        nodes={file: node for file, node in nodes if node is not None},
        ids=tuple(steps.ids),
        nameless=frozenset(steps.nameless),
        losses=(*steps.losses, *values.losses),
        keys=steps.keys,
        profile_keys=values.keys,
        files=reading.folder.read,
        is_whole=steps.is_whole and values.is_whole,
    )


def _loaded(reading: _Reading, draft: Draft, given: Mapping[str, str], origin: Path) -> Loaded:
    problems = in_order(reading.problems)
    sound = draft.is_whole and not any(one.level == "mistake" for one in problems)
    if not sound or draft.procedure is None or draft.profile is None:
        return Loaded(None, problems)
    lines = {name: f"{draft.file}:{line}" for _, name, line in draft.ids}
    profile = grounded(draft.profile, origin)
    runbook = Runbook(draft.procedure, profile, str(reading.folder.path.absolute()), lines)
    return Loaded(
        runbook, problems, draft.profile, dict(reading.folder.read), dict(given), origin.absolute()
    )
