"""What became of an attempt, from what is on the disk and what is alive: one class, always."""

from __future__ import annotations

from typing import Literal

from cockpit.engine.attempt_files import Exit, Identity

Class = Literal["clean", "not_begun", "running", "in_doubt", "unverified", "failed", "done"]
"""`clean`: nothing was confirmed, or its confirmation is void; `not_begun`: confirmed, and no
runner has claimed it yet, so the confirmation may be voided."""


def classify(
    *,
    confirmed: bool,
    identity: Identity | None,
    alive: bool,
    ended: Exit | None,
    verified: bool | None = None,
    unreadable: bool = False,
) -> Class:
    """The class of an attempt.

    `alive` says whether the process of `identity` runs, by pid, start time and boot id;
    `verified` what the step's verifications answered, None where they have not; `unreadable`
    that one of the files which tell of process and end is there and cannot be understood.
    """
    if not confirmed or (identity is not None and identity.void):
        return "clean"
    if unreadable:
        # A process that lives records its end anew.
        return "running" if alive and ended is None else "in_doubt"
    if identity is None:
        return "not_begun"
    if ended is None:
        return "running" if alive else "in_doubt"
    return _ended(ended, verified=verified)


def _ended(ended: Exit, *, verified: bool | None) -> Class:
    if ended.ended != "exited":
        return "in_doubt"
    if ended.exit != 0 or verified is False:
        return "failed"
    return "done" if verified else "unverified"
