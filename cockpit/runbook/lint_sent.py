"""Profiles: what an engine sends out by itself, its heartbeat and its mirror."""

from __future__ import annotations

from collections.abc import Iterator

from cockpit.runbook.draft import Draft
from cockpit.runbook.lint_profile import host_of, is_loopback, is_url
from cockpit.runbook.problems import Problem
from cockpit.runbook.rules import each
from cockpit.runbook.targets import Heartbeat, Mirror, RcloneMirror

BEAT_S = 5.0
"""Real seconds between two signs of life, at the least."""
COPY_S = 10.0
"""Real seconds between two copies, at the least."""


def _heartbeat(draft: Draft) -> Iterator[Heartbeat]:
    one: Heartbeat | None = getattr(draft.profile, "heartbeat", None)
    if one is not None:
        yield one


def _mirror(draft: Draft) -> Iterator[Mirror]:
    one: Mirror | None = getattr(draft.profile, "mirror", None)
    if one is not None:
        yield one


@each(_heartbeat)
def beats(draft: Draft, one: Heartbeat) -> Iterator[Problem]:
    """A sign of life that goes out too often."""
    if one.every < BEAT_S:
        what, mend = f"{one.every:g} s is too often", f"write `every: {BEAT_S:g}s` or more"
        yield draft.problem(one, what, mend, key="every")


@each(_heartbeat)
def beat_file(draft: Draft, one: Heartbeat) -> Iterator[Problem]:
    """A sign of life without a file."""
    if not one.file.strip():
        yield draft.problem(one, "the heartbeat has no file", "write its name", key="file")


@each(_heartbeat)
def beat_address(draft: Draft, one: Heartbeat) -> Iterator[Problem]:
    """A sign of life that cannot go out."""
    if not one.url:
        for key in ("key", "bearer"):
            if getattr(one, key, None):
                yield draft.problem(one, f"`{key}` stands without `url`", "add `url:`", key=key)
    elif not is_url(one.url, bare=False):
        mend = "write scheme, host and path, `https://host/path`"
        yield draft.problem(one, "`url` is not the address of a service", mend, key="url")
    elif draft.environment == "rehearsal" and not is_loopback(host_of(one.url)):
        mend = "write an address on loopback, or take it out"
        yield draft.problem(one, "`url` of a rehearsal leads off loopback", mend, key="url")


@each(_mirror)
def copies(draft: Draft, one: Mirror) -> Iterator[Problem]:
    """Copies that are made too often."""
    if one.every < COPY_S:
        what, mend = f"{one.every:g} s is too often", f"write `every: {COPY_S:g}s` or more"
        yield draft.problem(one, what, mend, key="every")


@each(_mirror)
def copy_place(draft: Draft, one: Mirror) -> Iterator[Problem]:
    """Copies that have no place on this host."""
    key, path = _place(one)
    if not path.startswith("/"):
        yield draft.problem(one, f"`{key}` is not absolute", "begin it with `/`", key=key)


def _place(one: Mirror) -> tuple[str, str]:
    if isinstance(one, RcloneMirror):
        return "config", one.config
    return "directory", one.directory


@each(_mirror)
def copy_remote(draft: Draft, one: Mirror) -> Iterator[Problem]:
    """Copies that go nowhere, or to another host from a rehearsal."""
    if not isinstance(one, RcloneMirror):
        return
    if draft.environment == "rehearsal":
        what = "a rehearsal would copy its journal to another host"
        yield draft.problem(one, what, "write `kind: directory`, or take it out", key="kind")
    name, _, path = one.remote.partition(":")
    # A name that begins with a dash would be an option of rclone's.
    if not name or not path or name.startswith("-"):
        mend = "write a remote of its configuration and a path, `backup:cockpit`"
        yield draft.problem(one, "`remote` names no place", mend, key="remote")


RULES = (beats, beat_file, beat_address, copies, copy_place, copy_remote)
