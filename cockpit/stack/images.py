"""Images: pinned, and of the stage that is meant."""

from __future__ import annotations

from collections.abc import Iterator

from cockpit.stack.model import Found, Stack


def tag(image: str) -> str:
    """An image's tag; empty where it has none."""
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2]


def latest(stack: Stack) -> Iterator[Found]:
    """An image that is another one tomorrow."""
    for one in stack.services:
        image = str(one.at("image") or "")
        if one.at("build") or not image or "@sha256:" in image:
            continue
        if tag(image) in ("", "latest"):
            what = f"its image {image} is whatever is newest"
            yield one.found(what, "write the version that was rehearsed", "image")


def neither(stack: Stack) -> Iterator[Found]:
    """A service that has nothing to run."""
    for one in stack.services:
        if not one.at("build") and not one.at("image"):
            yield one.found("has neither an image nor a build", "give it one of the two")
