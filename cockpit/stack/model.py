"""What a rule reads, and what it finds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from cockpit.runbook.words import Environment
from cockpit.stack.facts import Facts
from cockpit.stack.layers import Layers

Level = Literal["fail", "warn", "hint", "unknown"]
_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


class Found(NamedTuple):
    """One place at which a rule does not hold."""

    service: str
    """Empty where it is the project as a whole."""
    what: str
    mend: str
    path: tuple[str, ...] = ()
    """The value within the service, else within the project."""
    like: str = ""
    """Text of the list entry that is meant."""
    is_unknown: bool = False
    """Nobody could look: neither good nor bad."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that does not hold, where, and how to mend it."""

    rule: str
    level: Level
    service: str
    what: str
    mend: str
    place: str
    """`file:line` of what set the value; empty where no file did."""
    waived: str = ""
    """The reason for which it is accepted; empty where it is not."""

    def __str__(self) -> str:
        where = " ".join(part for part in (self.place, self.service) if part)
        waived = f"; waived: {self.waived}" if self.waived else f" ({self.mend})"
        return f"{where}: {self.what} [{self.rule}]{waived}" if where else f"{self.what}{waived}"


@dataclass(frozen=True)
class Service:
    """One service of a resolved project."""

    name: str
    config: Mapping[str, Any]

    def found(self, what: str, mend: str, *path: str, like: str = "") -> Found:
        """A finding at a value of this service."""
        return Found(self.name, what, mend, path, like)

    def unknown(self, what: str, mend: str, *path: str) -> Found:
        """Something that could not be told of this service."""
        return Found(self.name, what, mend, path, is_unknown=True)

    def at(self, *path: str) -> Any:
        """A value deep within; None where any part of the way is missing."""
        value: Any = self.config
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def image(self, project: str) -> str:
        """The name of the image that it runs; Compose names what it builds by itself."""
        return str(self.at("image") or f"{project}-{self.name}")

    @property
    def environment(self) -> dict[str, str]:
        """Its variables that have a value."""
        pairs: Mapping[str, str | None] = self.at("environment") or {}
        return {name: str(value) for name, value in pairs.items() if value is not None}

    @property
    def health_test(self) -> tuple[str, ...]:
        """Its health check's words; empty where it has none of its own."""
        test: Sequence[str] | str = self.at("healthcheck", "test") or ()
        words = ("CMD-SHELL", test) if isinstance(test, str) else tuple(test)
        # Compose writes `$$` for the `$` that the container sees.
        return tuple(word.replace("$$", "$") for word in words)

    @property
    def disables_health(self) -> bool:
        """Whether it switches off the health check of its image too."""
        return self.at("healthcheck", "disable") is True or self.health_test[:1] == ("NONE",)

    @property
    def memory_limit(self) -> int:
        """Bytes; 0 where there is none."""
        return size(self.at("deploy", "resources", "limits", "memory") or self.at("mem_limit"))

    @property
    def replicas(self) -> int:
        """How many containers of it run at once."""
        count = self.at("deploy", "replicas")
        return int(self.at("scale") or 1 if count is None else count)

    @property
    def memory_reservation(self) -> int:
        """Bytes; 0 where there is none."""
        reserved = self.at("deploy", "resources", "reservations", "memory")
        return size(reserved or self.at("mem_reservation"))


@dataclass(frozen=True)
class Stack:
    """A resolved project, the files that it came from, and the facts around it."""

    config: Mapping[str, Any]
    layers: Layers = field(default_factory=Layers)
    facts: Facts = field(default_factory=Facts)
    environment: Environment = "production"
    one_offs: frozenset[str] = frozenset()
    """Services that no `up` starts: a step runs each to its end."""

    @property
    def lasting(self) -> Iterator[Service]:
        """The services that are to stay up."""
        once = self.one_offs | self.awaited
        return (one for one in self.services if one.name not in once)

    @property
    def awaited(self) -> frozenset[str]:
        """Services that another one lets run to their end before it starts."""
        return frozenset(
            name
            for one in self.services
            for name, how in (one.at("depends_on") or {}).items()
            if how.get("condition") == "service_completed_successfully"
        )

    @property
    def services(self) -> Iterator[Service]:
        """Every service of the profiles that are on."""
        for name, config in (self.config.get("services") or {}).items():
            yield Service(name, config)

    @property
    def project(self) -> str:
        """The project's name."""
        return str(self.config.get("name", ""))


def size(text: object) -> int:
    """Bytes of `1073741824`, `512m` or `1GiB`; 0 where it is no size."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", str(text or "").strip().lower())
    return int(float(match[1]) * _UNITS[match[2]]) if match else 0


def shown(size_: float) -> str:
    """Bytes as a person reads them."""
    for unit in ("B", "KiB", "MiB"):
        if size_ < 1024:
            return f"{size_:.0f} {unit}"
        size_ /= 1024
    return f"{size_:.1f} GiB"
