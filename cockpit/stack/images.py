"""Images: pinned, and of the stage that is meant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cockpit.stack.model import Found, Stack

_FLOATING = re.compile(
    r"(?:latest|edge|nightly|stable|unstable|main|master|dev|devel|development|rolling|canary"
    r"|alpha|beta|rc|next|snapshot|testing|head|current|lts|mainline|release|production)(?:-|$)"
)
_DATED = re.compile(r"\d{8}|\d{4}-\d\d-\d\d|[0-9a-f]{7,}")
"""A day, or a commit: a tag with it stays what it is."""


def tag(image: str) -> str:
    """An image's tag; empty where it has none."""
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2]


def floats(name: str) -> bool:
    """Whether a tag is another image tomorrow: it names a line of work, and no version."""
    if not any(one.isdigit() for one in name):
        return True
    return bool(_FLOATING.match(name)) and not _DATED.search(name)


def latest(stack: Stack) -> Iterator[Found]:
    """An image that is another one tomorrow."""
    for one in stack.services:
        image = str(one.at("image") or "")
        if one.at("build") or not image or "@sha256:" in image:
            continue
        if floats(tag(image)):
            what = f"its image {image} is whatever is newest"
            yield one.found(what, "write the version that was rehearsed", "image")


def neither(stack: Stack) -> Iterator[Found]:
    """A service that has nothing to run."""
    for one in stack.services:
        if not one.at("build") and not one.at("image"):
            yield one.found("has neither an image nor a build", "give it one of the two")
