"""Where each thing of a bound runbook stands: object, field and item to file and line."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Spot:
    """Where one key and its items stand."""

    line: int
    items: tuple[int, ...] = ()
    """The line of each item of a list, in order."""
    keys: tuple[tuple[str, int], ...] = ()
    """The line of each key of a mapping."""


@dataclass(slots=True)
class Place:
    """Where one object stands, and its keys."""

    file: str
    line: int
    spots: dict[str, Spot] = field(default_factory=dict)


class Places:
    """The places of every object of one load. It holds the objects, so that their ids stay."""

    def __init__(self) -> None:
        self._places: dict[int, tuple[object, Place]] = {}

    def keep(self, made: object, place: Place) -> None:
        """Remember where an object stands."""
        self._places[id(made)] = (made, place)

    def of(self, made: object, name: str = "", item: int | str | None = None) -> tuple[str, int]:
        """File and line of an object, of one of its keys, or of an item there."""
        _, place = self._places[id(made)]
        spot = place.spots.get(name)
        if spot is None:
            return place.file, place.line
        if isinstance(item, int) and item < len(spot.items):
            return place.file, spot.items[item]
        if isinstance(item, str):
            return place.file, dict(spot.keys).get(item, spot.line)
        return place.file, spot.line

    def has(self, made: object, name: str) -> bool:
        """Whether a key of an object was written."""
        return name in self._places[id(made)][1].spots
