"""Single values: the YAML core schema, and the runbook's own words such as `48h` and `T-0`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from cockpit.runbook.words import Duration, Offset, Share, Size

ID = r"[a-z][a-z0-9_]*"
DURATION = r"(?=\d)(?:\d{1,4}d)?(?:\d{1,4}h)?(?:\d{1,4}m)?(?:\d{1,6}(?:\.\d{1,3})?s)?"
OFFSET = rf"T(?:-0|[+-]{DURATION})"
SHARE = r"\d{1,3}(?:\.\d{1,6})?%|0(?:\.\d{1,8})?|1(?:\.0{1,8})?"
SIZE = r"\d{1,12}(?:\.\d{1,3})?(?:KiB|MiB|GiB|TiB)|\d{1,15}"

_INT = re.compile(r"[-+]?\d{1,18}|0o[0-7]{1,20}|0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(?:\.\d{1,18}|\d{1,18}(?:\.\d{0,18})?)(?:[eE][-+]?\d{1,2})?")
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULL = {"", "~", "null", "Null", "NULL"}
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_BYTES = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def core(text: str) -> bool | int | float | str | None:
    """What plain text means in the YAML core schema; `yes`, `on` and `12:30` are text."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text[2:] if base != 10 else text, base)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", "", 1).lower())
    return text


def duration(text: str) -> Duration | None:
    """Seconds in `90s`, `15m`, `48h`, `7d`, `1h30m`."""
    if not re.fullmatch(DURATION, text):
        return None
    parts = re.findall(r"([\d.]+)([dhms])", text)
    return Duration(sum(float(number) * _UNITS[unit] for number, unit in parts))


def offset(text: str) -> Offset | None:
    """Seconds from T-0 in `T-48h`, `T-0`, `T+15m`."""
    if not re.fullmatch(OFFSET, text):
        return None
    if text == "T-0":
        return Offset(0.0)
    seconds = duration(text[2:])
    return None if seconds is None else Offset(-seconds if text[1] == "-" else seconds)


def share(text: str) -> Share | None:
    """A share in `10%` or `0.1`."""
    if not re.fullmatch(SHARE, text):
        return None
    value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    return Share(value) if value <= 1 else None


def size(text: str) -> Size | None:
    """Bytes in `5GiB`, `512MiB`, `100`."""
    if not re.fullmatch(SIZE, text):
        return None
    unit = text[-3:]
    return Size(round(float(text[:-3]) * _BYTES[unit]) if unit in _BYTES else int(text))


def duration_text(seconds: float) -> str:
    """A duration as it would be written: `48h`, `1h30m`, `90s`."""
    if seconds < 120 and seconds % 60:
        return f"{round(seconds, 3):g}s"
    minutes, rest = int(seconds // 60), round(seconds % 60, 3)
    if minutes > 2 * 1440 and not minutes % 1440 and not rest:
        return f"{minutes // 1440}d"
    hours, minutes = divmod(minutes, 60)
    parts = (f"{hours}h" * bool(hours), f"{minutes}m" * bool(minutes), f"{rest:g}s" * bool(rest))
    return "".join(parts) or "0s"


def offset_text(seconds: float) -> str:
    """An offset as it would be written: `T-48h`, `T-0`, `T+15m`."""
    if not seconds:
        return "T-0"
    return f"T{'-' if seconds < 0 else '+'}{duration_text(abs(seconds))}"


class Word(NamedTuple):
    """A typed word: how it is read, and what an author may write."""

    read: Callable[[str], float | None]
    pattern: str
    write: str


WORDS = {
    "Duration": Word(duration, DURATION, "a duration such as `90s`, `15m`, `48h` or `7d`"),
    "Offset": Word(offset, OFFSET, "an offset such as `T-48h`, `T-0` or `T+15m`"),
    "Share": Word(share, SHARE, "a share such as `10%` or `0.1`"),
    "Size": Word(size, SIZE, "a size such as `5GiB`, `512MiB` or a number of bytes"),
}
"""The typed words of `words.py`, by name."""
