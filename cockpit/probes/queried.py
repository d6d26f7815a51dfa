"""Instant queries as Prometheus answers them, and stores that speak like it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from urllib.parse import urlencode

from cockpit.errors import TargetError
from cockpit.probes import web
from cockpit.probes.http import PATIENCE_S
from cockpit.probes.sample import ProbeContext, Sample
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import HttpTarget


async def value(probe: Probe, context: ProbeContext, path: str) -> float | None:
    """The value of the one series; None where the query has none."""
    target = context.target(probe, HttpTarget)
    question = f"{path}?{urlencode({'query': probe.query})}"
    answer = await web.get(target, question, context.secrets, max(PATIENCE_S, 2 * probe.slow_over))
    try:
        return only(json.loads(answer.text))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        words = f"the query was answered with {answer.status_code} and no result"
        raise TargetError(words, where=target.url) from error


def only(page: Mapping[str, object]) -> float | None:
    """The one value of an answer, None where it has none.

    ValueError where it tells of an error; TargetError where it gives no number, or more than one.
    """
    data = page["data"]
    if page.get("status") != "success" or not isinstance(data, Mapping):
        raise ValueError(str(page.get("error", "")))
    result = data["result"]
    if data["resultType"] != "scalar" and len(result) > 1:
        mend = "let the query give one, as by `sum(...)` or `max(...)`"
        raise TargetError(f"the query gives {len(result)} series", mend=mend)
    pair = result if data["resultType"] == "scalar" else result[0]["value"] if result else None
    number = None if pair is None else float(pair[1])
    if number is not None and not math.isfinite(number):
        raise TargetError(f"the query gives {number}, which is no number")
    return number


def judged(probe: Probe, number: float) -> Sample:
    """One tile from a value; beyond the probe's limit it is slow."""
    figure = f"{number:.4g}{probe.unit}"
    if probe.limit is not None and number > probe.limit:
        detail = (probe.query, f"more than {probe.limit:g}{probe.unit}")
        return Sample("slow", figure, number, detail)
    return Sample("fine", figure, number, (probe.query,))
