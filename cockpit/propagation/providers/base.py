"""What changes records: small, so that every provider is one thin module.

A change compares before it sets: it states the values that must still be there, and refuses where
they are not. Nothing is ever deleted first, since the absence of a name is cached as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cockpit.clock import NS, boot_ns
from cockpit.errors import ActionFailed, Refused, TargetError
from cockpit.propagation.classify import canonical
from cockpit.runbook.targets import DnsTarget
from cockpit.runbook.words import SecretId

REQUEST_S = 10.0
TRIES = 4
PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class RecordSet:
    """All records of one name and type."""

    name: str
    type: str
    values: tuple[str, ...]
    """Canonical, sorted."""
    ttl: int
    """As it is kept; a provider may have a number that stands for a TTL of its own choosing."""
    marks: tuple[str, ...] = field(default=(), compare=False)
    """By which another writer's change is told even where it left the values: ids, versions."""
    odd: str = field(default="", compare=False)
    """Why name servers do not give what is kept here, as in "proxied"; empty where they do."""

    def __str__(self) -> str:
        return f"{self.name} {self.type} {', '.join(self.values) or 'nothing'}, TTL {self.ttl}"


def as_kept(name: str, kind: str, values: Sequence[str], ttl: int) -> RecordSet:
    """A record set of any type, its values as they are kept."""
    return RecordSet(canonical(name), kind, tuple(sorted(values)), ttl)


def record_set(name: str, kind: str, values: Sequence[str], ttl: int) -> RecordSet:
    """A record set in the one form in which it is compared."""
    return RecordSet(canonical(name), kind, tuple(sorted(map(canonical, values))), ttl)


class Unheard(TargetError):
    """A change was sent and nobody answered: it may have happened, or may yet happen."""


class Changed(ActionFailed):
    """The records are no longer what the change was shown to replace."""


def _unsaid(_line: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class Effort:
    """How long a provider is tried, and who hears of it meanwhile. In real seconds."""

    until: float = field(default_factory=lambda: boot_ns() / NS + 30.0)
    """On the boot clock: when to give up."""
    say: Callable[[str], None] = _unsaid
    request_s: float = field(default_factory=lambda: REQUEST_S)
    """For one request."""
    tries: int = field(default_factory=lambda: TRIES)
    """How often one request is made before its failure counts."""
    pause_s: float = field(default_factory=lambda: PAUSE_S)
    """Before the second try; twice that before the third, and so on."""

    @property
    def left_s(self) -> float:
        """What is left of the time."""
        return max(0.0, self.until - boot_ns() / NS)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a provider allows, as far as it can be told without a change."""

    least_ttl: int | None
    """The lowest TTL that it keeps; None where only a try tells."""
    refuses: str = ""
    """Why no change is possible; empty where nothing speaks against it."""


class RecordReader(Protocol):
    """Reads records where they are kept."""

    async def read(self, names: Sequence[str]) -> tuple[RecordSet, ...]:
        """The record sets of these names as they are kept; a missing one has no values."""
        ...

    async def all(self) -> tuple[RecordSet, ...]:
        """Every record set of the zone; TargetError where it may not be seen."""
        ...

    async def terms(self) -> Terms:
        """What is allowed."""
        ...

    def given_ttl(self, ttl: int) -> int:
        """The TTL that name servers give for a record that is kept with this one."""
        ...


class RecordChanger(RecordReader, Protocol):
    """Reads and changes records where they are kept."""

    async def change(self, before: Sequence[RecordSet], after: Sequence[RecordSet]) -> None:
        """Replace each set by the one of the same place, where all are still as before.

        Changed where one is not; Unheard where it cannot be told whether it happened. Whatever it
        raises, some of the sets may have been replaced.
        """
        ...


def refuse_impossible(
    before: Sequence[RecordSet], after: Sequence[RecordSet], least_ttl: int
) -> None:
    """ActionFailed for a change that could not be made in place, before anything is asked."""
    for old, new in zip(before, after, strict=True):
        if not new.values:
            raise ActionFailed(f"{new.name} would be left without a record")
        if (old.name, old.type) != (new.name, new.type):
            raise ActionFailed(
                f"{old.name} {old.type} would become {new.name} {new.type}",
                mend="a change of type deletes first: make it days before, by hand",
            )
        if new.ttl < least_ttl and new.ttl != old.ttl:
            raise ActionFailed(f"a TTL below {least_ttl} is not accepted there")


def secret_of(target: DnsTarget) -> SecretId:
    """The secret by which a provider knows its customer; Refused where the profile names none."""
    if target.secret is None:
        raise Refused(
            f"the provider {target.provider} needs a secret and the profile names none",
            where=target.zone,
            mend="declare the file of its token or key under `secrets:`, and name it as `secret:`",
        )
    return target.secret
