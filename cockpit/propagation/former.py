"""What records were before a step changed them, on disk before it does.

An attempt that is stopped or fails halfway records nothing in the journal, and the next one finds
records that are no longer the former ones. So each attempt writes down what it found, and the
first that found something else than its aim is the one that knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from cockpit.durable import replace_file
from cockpit.journal.events import Json
from cockpit.jsonread import read_json
from cockpit.propagation.providers.base import RecordSet, record_set

FILE = "former.json"


def keep(folder: Path, records: Sequence[RecordSet]) -> None:
    """Write what an attempt found; OSError where the disk does not take it."""
    replace_file(folder / FILE, msgspec.json.encode(as_json(records)))


def of_attempts(step_folder: Path, before: int | None = None) -> tuple[tuple[RecordSet, ...], ...]:
    """What the attempts of a step found, the newest first; those before a number where given."""
    numbers = [int(one.name) for one in step_folder.glob("[0-9]*") if one.name.isdecimal()]
    return tuple(
        records
        for number in sorted(numbers, reverse=True)
        if (before is None or number < before)
        and (records := _kept(step_folder / str(number) / FILE))
    )


def true_former(
    found: RecordSet, aim: RecordSet, earlier: Iterable[Sequence[RecordSet]]
) -> RecordSet:
    """What a record set was before the step's first effect on it.

    Where it is already as the step wants it, an earlier attempt may have made it so: then the
    newest one that found it otherwise knows.
    """
    if found != aim:
        return found
    known = [one for records in earlier for one in records if one.name == aim.name and one != aim]
    return next(iter(known), found)


def as_json(records: Iterable[RecordSet]) -> Json:
    """Record sets as the journal holds them."""
    return [
        {"name": one.name, "type": one.type, "values": list(one.values), "ttl": one.ttl}
        for one in records
    ]


def from_json(said: Any) -> tuple[RecordSet, ...]:
    """The record sets that a journal or file holds; none where it holds something else."""
    try:
        return tuple(
            record_set(one["name"], one["type"], one["values"], int(one["ttl"])) for one in said
        )
    except (KeyError, TypeError, ValueError):
        return ()


def _kept(file: Path) -> tuple[RecordSet, ...]:
    try:
        return from_json(read_json(file.read_bytes(), object))
    except (FileNotFoundError, msgspec.DecodeError):
        return ()
