"""What could be read of a runbook, mistakes or not: what the rules look at."""

from __future__ import annotations

import itertools
import re
import typing
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePath
from typing import Any, NamedTuple

from cockpit.runbook.broken import Loss, Partial, class_of, reads
from cockpit.runbook.checks import Check
from cockpit.runbook.hints import alternatives, fields_of, is_record
from cockpit.runbook.model import Procedure, Profile, Step, TargetDeclaration
from cockpit.runbook.nodes import Node
from cockpit.runbook.places import Places
from cockpit.runbook.problems import Level, Problem, nearest
from cockpit.runbook.scalars import ID
from cockpit.runbook.single import REFERENCES
from cockpit.runbook.targets import Notifier, Target

FAMILIES = {
    "StepId": ("Step", "step"),
    "CheckId": ("CheckBase", "check"),
    "SignalId": ("Signal", "signal"),
    "ProbeId": ("Probe", "probe"),
}
"""For each word that names a thing with an id: its class, and what messages call it."""


class Reference(NamedTuple):
    """One word that names something else of the runbook."""

    word: str
    """`StepId`, `CheckId` …"""
    value: str
    owner: Any
    field: str
    item: int | str | None


@dataclass(frozen=True)
class Draft:
    """What could be read, broken parts and all, where it stands, and every name there is."""

    file: str
    """runbook.yaml, as shown."""
    profile_file: str
    places: Places
    procedure: Procedure | None
    profile: Profile | None
    nodes: Mapping[str, Node]
    """What each file says, before its variables were filled in."""
    ids: tuple[tuple[str, str, int], ...]
    """Class, id and line, of broken things too."""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The keys of runbook.yaml's mappings, of those that are mappings."""
    profile_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    nameless: frozenset[str] = frozenset()
    """The classes of which something may be there whose id could not be read."""
    losses: tuple[Loss, ...] = ()
    """What could not be read."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What was read of the runbook's folder, by name."""
    is_whole: bool = True
    """Whether nothing is broken."""

    @property
    def environment(self) -> str:
        """The environment whose profile is looked at."""
        return PurePath(self.profile_file).stem

    def names(self, family: str) -> frozenset[str]:
        """The ids of a class of things: `Step`, `CheckBase`, `Probe`, `Signal`, `Watch`."""
        return frozenset(name for cls, name, _ in self.ids if cls == family)

    def is_twin(self, family: str, name: str) -> bool:
        """Whether two things of a class share an id: then the name leads to neither."""
        return (family, name) in self._twins

    @cached_property
    def _twins(self) -> frozenset[tuple[str, str]]:
        counts = Counter((family, name) for family, name, _ in self.ids)
        return frozenset(one for one, count in counts.items() if count > 1)

    @cached_property
    def forward(self) -> tuple[Step, ...]:
        """The steps of all phases, in order; `Partial` where one may lack."""
        phases = _part(self.procedure, "phases")
        steps = [step for phase in phases for step in _part(phase, "steps")]
        whole = reads(self.procedure, "phases") and all(reads(one, "steps") for one in phases)
        return tuple(steps) if whole else Partial(steps)

    @cached_property
    def rollback(self) -> tuple[Step, ...]:
        """The steps of the rollback; `Partial` where one may lack."""
        return _part(self.procedure, "rollback")

    @cached_property
    def every_step(self) -> tuple[Step, ...]:
        """The steps of all phases, then the rollback's."""
        return tuple(itertools.chain(self.forward, self.rollback))

    @cached_property
    def steps(self) -> Mapping[str, Step]:
        """Every step by its id, where that leads to one alone."""
        return {step.id: step for step in self.every_step if not self.is_twin("Step", step.id)}

    def part(self, name: str) -> tuple[Any, ...]:
        """The things of a list of runbook.yaml, such as `probes`, as far as they could be read."""
        return _part(self.procedure, name)

    @property
    def declared(self) -> Mapping[str, TargetDeclaration]:
        """The targets that runbook.yaml declares, as far as they could be read."""
        return getattr(self.procedure, "targets", {})

    @property
    def targets(self) -> tuple[Target, ...]:
        """The profile's targets, as far as they could be read."""
        return tuple(getattr(self.profile, "targets", {}).values())

    @property
    def notifiers(self) -> tuple[Notifier, ...]:
        """The profile's notifiers, as far as they could be read."""
        return tuple(getattr(self.profile, "notifiers", {}).values())

    @cached_property
    def records(self) -> tuple[Any, ...]:
        """Everything that runbook.yaml is made of, broken or not."""
        return tuple(records(self.procedure))

    @cached_property
    def named(self) -> tuple[Reference, ...]:
        """Every word of runbook.yaml that names something."""
        return tuple(references(self.procedure))

    @cached_property
    def named_by_profile(self) -> tuple[Reference, ...]:
        """Every word of the profile that names something."""
        return tuple(references(self.profile))

    def is_there(self, family: str, name: str) -> bool:
        """Whether a thing of a class has a name, be it wrongly written."""
        known = self.names(family)
        wrong = (one for one in known if not re.fullmatch(ID, one))
        return name in known or _plain(name) in map(_plain, wrong)

    def lacks(self, family: str, name: str) -> bool:
        """Whether it is certain that no thing of a class has a name."""
        if self.is_there(family, name):
            return False
        return family not in self.nameless or nearest(name, self.names(family), 0.8) is not None

    def unnamed(self, word: str, names: Iterable[str], field: str = "") -> list[str]:
        """Those of some names that nothing names, neither a misspelt word nor a broken part.

        None at all where the words that lead to nothing may be meant for every one of them.
        """
        known = [one for one in names if not one.startswith("(")]
        named = {
            one.value
            for one in (*self.named, *self.named_by_profile)
            if one.word == word and field in ("", one.field)
        }
        near = {one: nearest(one, known) for one in named.difference(self._known(word))}
        lost = [{*map(_plain, _words(one))} for one in self.losses]
        used = set(map(_plain, named)).union(*lost)
        left = [one for one in known if _plain(one) not in used and one not in near.values()]
        dumb = [
            one
            for one, words in zip(self.losses, lost, strict=True)
            if (field in one.keys if field else word in one.words)
            and words.isdisjoint(map(_plain, self._known(word)))
        ]
        astray = sum(one is None for one in near.values()) + len(dumb)
        return left if len(left) > astray and all(one.is_one for one in dumb) else []

    def _known(self, word: str) -> Iterable[str]:
        """Every name that a word may be."""
        if word == "TargetId":
            return self.keys.get("targets", ())
        if word == "SecretId":
            return self.profile_keys.get("secrets", ())
        return self.names(FAMILIES[word][0])

    @cached_property
    def order(self) -> Mapping[str, int]:
        """The place of each step of the phases in the written order."""
        forward = enumerate(self.forward)
        return {step.id: index for index, step in forward if not self.is_twin("Step", step.id)}

    @cached_property
    def checks(self) -> Mapping[str, Check]:
        """Every check by its id, where that leads to one alone."""
        return {one.id: one for one in self.part("checks") if not self.is_twin("CheckBase", one.id)}

    def offset(self, step: Step) -> float | None:
        """Seconds from T-0 at which a step is planned; None where that could not be read."""
        if not reads(step, "offset"):
            return None
        for phase in self.part("phases"):
            if step.offset is None and any(one is step for one in _part(phase, "steps")):
                return getattr(phase, "offset", None)
        return step.offset

    def needs(self, step: Step) -> tuple[str, ...]:
        """The steps that must be done before one of the phases' steps, as far as it is known."""
        if not hasattr(step, "needs"):
            return ()
        if step.needs is not None:
            return step.needs
        at = self.order.get(step.id, 0)
        return tuple(one.id for one in itertools.islice(self.forward, at - 1, at)) if at else ()

    def has(self, made: object, key: str) -> bool:
        """Whether an object's key was written."""
        return self.places.has(made, key)

    def problem(
        self, at: object, what: str, mend: str, *, key: str = "", item: int | str | None = None
    ) -> Problem:
        """A mistake at an object, at one of its keys, or at an item there."""
        return Problem(*self.places.of(at, key, item), what, mend)

    def warning(self, at: object, what: str, mend: str, *, key: str = "") -> Problem:
        """A warning at an object or at one of its keys."""
        level: Level = "warning"
        return Problem(*self.places.of(at, key), what, mend, level)


def _part(made: object, name: str) -> tuple[Any, ...]:
    """The items of a list of a record, as far as they could be read."""
    found: tuple[Any, ...] = getattr(made, name, Partial())
    return found


def _words(loss: Loss) -> Iterator[str]:
    """Every word of what could not be read."""
    return (word for text in loss.texts for word in re.findall(r"[\w-]+", text))


def _plain(name: str) -> str:
    """A name as it sounds: an id that is written wrongly is reported where it stands."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def records(made: Any) -> Iterator[Any]:
    """An object of the model and every one below it."""
    cls = class_of(made)
    if is_record(cls):
        yield made
        for one in fields_of(cls):
            yield from records(getattr(made, one.name, None))
    elif isinstance(made, tuple):
        for item in made:
            yield from records(item)
    elif isinstance(made, Mapping):
        for item in made.values():
            yield from records(item)


def references(made: Any) -> Iterator[Reference]:
    """Every word below an object that names something else."""
    for owner in records(made):
        for one in fields_of(class_of(owner)):
            yield from _in_field(owner, one.name, one.hint)


def _in_field(owner: Any, name: str, hint: Any) -> Iterator[Reference]:
    value = getattr(owner, name, None)
    for choice in alternatives(hint):
        word = getattr(choice, "__name__", "")
        inner = [getattr(one, "__name__", "") for one in typing.get_args(choice)]
        if word in REFERENCES and isinstance(value, str):
            yield Reference(word, value, owner, name, None)
        elif isinstance(value, tuple) and inner and inner[0] in REFERENCES:
            for index, item in enumerate(value):
                yield Reference(inner[0], item, owner, name, index)
        elif isinstance(value, Mapping) and inner and inner[-1] in REFERENCES:
            for key, item in value.items():
                yield Reference(inner[-1], item, owner, name, key)
