"""Waits until a project's services are healthy, and says why one is not.

Compose's own `--wait` names no reason. A service has as long as its health check allows: start
period + retries x (interval + timeout), and 20 s more, but at least two minutes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cockpit.actions.compose_seen import Seen, explained, look, words
from cockpit.errors import ActionFailed
from cockpit.secrets import Secrets

if TYPE_CHECKING:
    from python_on_whales import DockerClient

LEAST_S = 120.0
MORE_S = 20.0
LOOP = 3
"""Restarts since the step began that make a loop of them."""
SETTLED_S = 5.0
"""Seconds that a container without a health check must have run."""
EVERY_S = 1.0
"""Real seconds between two looks."""


async def healthy(
    docker: DockerClient,
    wanted: Mapping[str, int],
    before: Sequence[Seen],
    secrets: Secrets,
    say: Callable[[str], None],
    real: Callable[[], float],
) -> None:
    """Return when every service is ready; ActionFailed, with the reason, when one will not be.

    `wanted` is how many containers Compose wants of each.
    """
    began = real()
    former = {one.identity: one for one in before}
    told: dict[str, str] = {}
    stands = standing(before, began)
    while True:
        found = await asyncio.to_thread(look, docker, tuple(wanted))
        containers = [as_known(one, former.get(one.identity)) for one in found]
        now = real()
        for one in containers:
            stands.setdefault((one.identity, one.started), now)
            if told.get(one.name) != words(one):
                told[one.name] = words(one)
                say(f"{one.service}: {words(one)}, after {now - began:.0f} s")
        sick = [one for one in containers if is_lost(one, former.get(one.identity), now - began)]
        missing = lacking(containers, wanted)
        if sick or missing:
            why = [*missing, *await asyncio.to_thread(reasons, sick, docker, secrets)]
            raise ActionFailed("\n".join(why))
        if all(is_settled(one, now - stands[one.identity, one.started]) for one in containers):
            say(f"{ready(containers)} after {now - began:.0f} s")
            return
        await asyncio.sleep(EVERY_S)


def standing(before: Sequence[Seen], began: float) -> dict[tuple[str, float], float]:
    """Since when those that were there are taken to have run, each by its start.

    One that was started again may be looping, and be met in the moment in which it runs.
    """
    return {(one.identity, one.started): began - SETTLED_S for one in before if not one.restarts}


def lacking(containers: Sequence[Seen], wanted: Mapping[str, int]) -> list[str]:
    """The services of which fewer containers are there than Compose wants, each in a sentence."""
    there = Counter(one.service for one in containers)
    return [
        f"{name} is not ready: {_of_all(there[name], count)}"
        for name, count in sorted(wanted.items())
        if there[name] < count
    ]


def _of_all(there: int, wanted: int) -> str:
    if not there:
        return "it has no container"
    return f"{there} of {wanted} containers that Compose wants are there"


def ready(containers: Sequence[Seen]) -> str:
    """How many services are ready, and of how many containers where that is another number."""
    count = len({one.service for one in containers})
    of = f", {len(containers)} containers," if len(containers) != count else ""
    return f"{count} service{'' if count == 1 else 's'} ready{of}"


def as_known(one: Seen, former: Seen | None) -> Seen:
    """With what an earlier look tells of the engine's words."""
    return replace(one, ran_out_before=former is not None and former.out_of_memory)


def is_settled(one: Seen, stood: float) -> bool:
    """Ready; without a health check, only after it has run for a while without a restart."""
    return one.is_ready and (one.once or one.health != "none" or stood >= SETTLED_S)


def reasons(sick: Sequence[Seen], docker: DockerClient, secrets: Secrets) -> list[str]:
    """Why these containers are not ready, each in a few lines."""
    return [line for one in sick for line in explained(one, docker, secrets)]


def is_lost(one: Seen, former: Seen | None, waited: float) -> bool:
    """Whether a container will not be ready any more, or has had its time."""
    if one.is_ready:
        return False
    if one.status in ("exited", "dead", "paused", "removing"):
        return True
    if one.restarts - (former.restarts if former else 0) >= LOOP:
        return True
    # `unhealthy` is the engine's word for now: the next good check takes it back.
    return waited > deadline(one)


def deadline(one: Seen) -> float:
    """Seconds that a container is given."""
    return max(LEAST_S, one.allowance + MORE_S)
