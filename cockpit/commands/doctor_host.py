"""Whether this host is one that the new side's stack was planned for."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import replace

from cockpit.checks.host import sized
from cockpit.commands.diagnosis import Diagnosis

STACK = "the new side's stack"
PLANNED = ("ubuntu", "24.04")
"""The release of the droplet that the stack was planned and measured for."""
LEAST = 1_800_000_000
"""Bytes that a host of 2 GB has for programs."""
TAGS = (2, 24, 4)
"""The first Compose that knows `!override`; an older one merges what was to be replaced."""


def release() -> Diagnosis:
    """The system that the stack was planned for."""
    try:
        found = platform.freedesktop_os_release()
    except OSError:
        return Diagnosis("release", "/etc/os-release cannot be read", _plan(), STACK)
    name = found.get("PRETTY_NAME") or found.get("NAME", "unknown")
    is_planned = (found.get("ID"), found.get("VERSION_ID")) == PLANNED
    return Diagnosis("release", name, "" if is_planned else _plan(), STACK)


def _plan() -> str:
    return "the stack is planned for Ubuntu 24.04: rehearse on this system, or take that one"


def memory() -> Diagnosis:
    """2 GB or more."""
    has = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    mend = "" if has >= LEAST else "take a host of 2 GB or more; the limits of all add up to 3 GB"
    return Diagnosis("memory", sized(has), mend, STACK)


def knows_tags(compose: Diagnosis) -> Diagnosis:
    """The same, lacking where that Compose does not know `!override`."""
    version = re.match(r"v?(\d+)\.(\d+)\.(\d+)", compose.found)
    if compose.mend or version is None or tuple(map(int, version.groups())) >= TAGS:
        return compose
    needed = ".".join(map(str, TAGS))
    mend = f"update it to {needed} or newer: before, `!override` and `!reset` replace nothing"
    return replace(compose, mend=mend)
