"""A value inside a JSON answer, and whether it is as a runbook expects it."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping
from typing import Any

from cockpit.errors import TargetError
from cockpit.runbook.checks import Expect

COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def at(body: str, path: str) -> object:
    """The value at a dotted path of a JSON text; numbers index lists."""
    try:
        value = json.loads(body)
        for part in path.split(".") if path else ():
            value = value[int(part)] if isinstance(value, list) else value[part]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise TargetError(f"the answer has no {path or 'JSON'}") from error
    return value


def compared(value: object, expect: Expect, name: str) -> tuple[bool, str]:
    """Whether a value is what it must be, in words too; a number written as text is a number."""
    wanted = expect.value
    try:
        seen = float(str(value)) if isinstance(wanted, int | float) else str(value)
    except ValueError:
        return False, f"{name} is {value}, which is no number"
    unit = f" {expect.unit}" if expect.unit else ""
    holds = COMPARE[expect.op](seen, wanted)
    words = f"{name} is {_shown(value)}{unit}"
    return holds, words + ("" if holds else f", expected {expect.op} {_shown(wanted)}{unit}")


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
