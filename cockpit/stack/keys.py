"""Keys that Compose ignores, that have a better form, or that give a container the host."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from cockpit.stack.model import Found, Stack

SOCKETS = frozenset(("/var/run/docker.sock", "/run/docker.sock", "/var/run", "/run"))
"""The engine's socket, and the folders in which it lies."""
OLD_LIMITS = ("mem_limit", "mem_reservation", "cpus", "memswap_limit")


def version(stack: Stack) -> Iterator[Found]:
    """The key `version`, which Compose ignores."""
    if place := stack.layers.sets("version"):
        what = f"`version` is obsolete and ignored ({place})"
        yield Found("", what, "take it out", ("version",))


def links(stack: Stack) -> Iterator[Found]:
    """The key `links`, which every network of a project makes needless."""
    for one in stack.services:
        if one.at("links"):
            what = "`links` still works, and services of a network find each other without it"
            yield one.found(what, "take it out, and use `depends_on` for the order", "links")


def old_limits(stack: Stack) -> Iterator[Found]:
    """Limits in the older form; they count."""
    for one in stack.services:
        for key in OLD_LIMITS:
            if one.at(key):
                what = f"`{key}` is the older form of a limit; it counts"
                yield one.found(what, "write it under deploy.resources", key)


def container_name(stack: Stack) -> Iterator[Found]:
    """A name that only one project of a host can have."""
    for one in stack.services:
        if name := one.at("container_name"):
            what = f"is named {name}: a second project on this host cannot start it"
            yield one.found(what, "let Compose name it", "container_name")


def docker_socket(stack: Stack) -> Iterator[Found]:
    """The engine's socket, which is root on the host, read-only or not."""
    for one in stack.services:
        for volume in one.at("volumes") or ():
            source = posixpath.normpath(volume.get("source") or ".")
            if volume.get("type") == "bind" and source in SOCKETS:
                what = "gets the Docker socket, which is root on the host"
                mend = "read logs from files or by the engine's log driver"
                yield one.found(what, mend, "volumes", like=str(volume["source"]))


def host_root(stack: Stack) -> Iterator[Found]:
    """The whole file system of the host."""
    for one in stack.services:
        for volume in one.at("volumes") or ():
            if volume.get("type") == "bind" and volume.get("source") == "/":
                how = "read-only" if volume.get("read_only") else "writable"
                mend = "mount the folders that it needs"
                yield one.found(f"gets all of the host's files, {how}", mend, "volumes", like="/:")


def privileged(stack: Stack) -> Iterator[Found]:
    """A container without walls."""
    for one in stack.services:
        if one.at("privileged"):
            yield one.found("is privileged", "add the one capability that it needs", "privileged")
