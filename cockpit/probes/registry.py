"""Asks probes: each by its module, within its time, and never with an exception."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Protocol, cast

from cockpit.errors import CockpitError
from cockpit.probes.sample import ProbeContext, Sample
from cockpit.redact import printable
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import NotPlayed

KINDS: Mapping[str, str] = {
    kind: f"cockpit.probes.{kind}"
    for kind in (
        *("http", "postgres", "tcp", "metric", "host", "container", "notices"),
        *("redis", "s3", "tls", "prometheus", "loki", "pgbouncer"),
        *("grafana", "uptime_kuma", "traefik", "nginx"),
    )
}
"""The module of each kind; it loads when a probe of its kind is first asked."""
LONGEST = 200
"""Characters of a line on a service's own page."""
_log = logging.getLogger(__name__)


class ProbeKind(Protocol):
    """The shape of a module of `cockpit.probes`."""

    async def sample(self, probe: Probe, context: ProbeContext) -> Sample:
        """Look once."""
        ...


def deadline(probe: Probe) -> float:
    """Real seconds after which a probe has failed to tell anything."""
    return max(8.0, 3 * probe.slow_over)


async def sample(probe: Probe, context: ProbeContext) -> Sample:
    """One sample; whatever cannot be told is no data, with its reason."""
    if is_not_rehearsed(probe, context):
        return Sample("not_rehearsed", "", detail=("the embedded lab does not play this",))
    try:
        async with asyncio.timeout(deadline(probe)):
            found = await cast("ProbeKind", import_module(KINDS[probe.kind])).sample(probe, context)
    except TimeoutError:
        return Sample("silent", "no data", detail=(f"nothing within {deadline(probe):g} s",))
    except (CockpitError, OSError) as error:
        return Sample("silent", "no data", detail=_lines((str(error),), context))
    except Exception as error:  # noqa: BLE001 - the one boundary: logged, and told as no data
        _log.exception("the probe %s broke", probe.id)
        return Sample("silent", "no data", detail=(f"the probe broke ({type(error).__name__})",))
    figure, *detail = _lines((found.figure, *found.detail), context)
    return replace(found, figure=figure, detail=tuple(detail))


def is_not_rehearsed(probe: Probe, context: ProbeContext) -> bool:
    """Whether the embedded lab does not play a probe's target; containers are never played."""
    if context.runbook.environment == "rehearsal" and probe.kind == "container":
        return True
    return isinstance(context.runbook.target(probe.target), NotPlayed)


def _lines(texts: Iterable[str], context: ProbeContext) -> tuple[str, ...]:
    # Hidden before they are cut: half a secret is known to nobody.
    shown = context.secrets.hide_each([printable(one) for one in texts])
    return tuple(" ".join(one.split())[:LONGEST] for one in shown)
