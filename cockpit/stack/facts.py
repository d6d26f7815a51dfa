"""What the rules must know of the world around a stack; None where nobody could look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SecretProblem = Literal["missing", "empty", "placeholder", "readable", "tracked"]


@dataclass(frozen=True, slots=True)
class SecretFile:
    """What is wrong with a secret's file, and a digest that tells equal ones."""

    problems: Mapping[SecretProblem, str] = field(default_factory=dict)
    """Each with its evidence."""
    digest: str = ""
    """Keyed anew in every process: good for comparing, for nothing else; none of what is public."""
    untold: str = ""
    """Why nobody could say whether git keeps it; empty where it was told."""


@dataclass(frozen=True, slots=True)
class Image:
    """What an image on the engine holds."""

    programs: Mapping[str, bool]
    """Whether each program that a health check calls can be found in it."""
    has_health_check: bool = False
    node_env: str = ""
    """What it sets NODE_ENV to by itself."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A port of the host that somebody has."""

    address: str
    port: int
    protocol: str
    holder: str


@dataclass(frozen=True, slots=True)
class Other:
    """The other environment, as far as this one must keep away from it."""

    name: str
    hosts: Mapping[str, str] = field(default_factory=dict)
    """Names and addresses that are its own, each with where it is named."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """Digests of its secrets and values, each with its name."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything looked up outside; a rule that lacks its fact answers unknown."""

    memory: int | None = None
    """Bytes of the engine's host."""
    disk_free: int | None = None
    """Bytes free where the engine keeps images."""
    ports: tuple[Bound, ...] | None = None
    """Ports that others than this project have."""
    is_elsewhere: bool = False
    """Whether the engine runs on another host: its ports, disk and clock cannot be told here."""
    is_clock_set: bool | None = None
    """Whether the kernel knows its clock as synchronised."""
    images: Mapping[str, Image] | None = None
    """By service; a service without one has no image on the engine yet."""
    secrets: Mapping[str, SecretFile] = field(default_factory=dict)
    """By the secret's name in the project."""
    mounted: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    """By service, and by the file of this host that it mounts: the hosts that the file names."""
    peaks: Mapping[str, int] = field(default_factory=dict)
    """Bytes that services used at most, now and in the newest rehearsals, by service."""
    other: Other | None = None
    unset: tuple[str, ...] = ()
    """Variables that Compose found no value for."""
