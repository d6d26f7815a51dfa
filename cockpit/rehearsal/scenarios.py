"""Scenarios: what goes wrong in a rehearsal, planted by the seed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

ONSET_S = 300.0
"""Run seconds after the actual T-0 from which a planted fault of the new side shows."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario; the defaults are a calm night."""

    says: str
    """What it plants, one sentence."""
    baseline_errors: float = 0.005
    """The share of requests that fail on either side, always."""
    new_errors: float | None = None
    """The share of requests that fail on the new side after the onset."""
    new_slowness: float = 1.0
    """How many times longer the new side takes after the onset."""
    lost: float = 0.0
    """The share of accepted readings that the new side never stores."""
    silent_sensors: bool = False
    """No sensor reaches the new side after the onset."""
    full_disk: bool = False
    """The new database has no room for a row after the onset."""
    stuck: bool = False
    """One honest resolver keeps the address that it first learned."""
    dies_once: tuple[str, ...] = ()
    """Operations whose first attempt dies."""


SCENARIOS: Mapping[str, Scenario] = {
    "calm": Scenario(says="nothing is planted; about one request in 200 fails, as on any night"),
    "errors": Scenario(
        says="from 5 minutes after T-0 the new side answers 14% of requests with 500",
        new_errors=0.14,
    ),
    "slow": Scenario(
        says="from 5 minutes after T-0 the new side takes three times as long", new_slowness=3.0
    ),
    "data-loss": Scenario(
        says="the new side accepts 8% of readings without storing them", lost=0.08
    ),
    "silence": Scenario(
        says="from 5 minutes after T-0 no reading reaches the new side", silent_sensors=True
    ),
    "full-disk": Scenario(
        says="from 5 minutes after T-0 the new database has no room for a row", full_disk=True
    ),
    "stuck-resolver": Scenario(
        says="one honest resolver never lets go of the old address", stuck=True
    ),
    "dying-step": Scenario(
        says="the first migration of the new database dies", dies_once=("new_migrate",)
    ),
}
