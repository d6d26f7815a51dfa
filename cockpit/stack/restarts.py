"""What happens when a container ends: as Compose and the engine do it outside Swarm.

Compose takes `deploy.restart_policy` before `restart`, and of it the condition and the number of
attempts; the engine refuses a number of attempts with any condition but `on-failure`.
"""

from __future__ import annotations

from collections.abc import Iterator

from cockpit.stack.model import Found, Service, Stack

_DEPLOY = ("deploy", "restart_policy")
_IGNORED = ("delay", "window")


def _policy(service: Service) -> str:
    deployed = service.at(*_DEPLOY)
    if deployed:
        condition = deployed.get("condition") or "any"
        return {"none": "no", "any": "always"}.get(condition, condition)
    return str(service.at("restart") or "no")


def none(stack: Stack) -> Iterator[Found]:
    """A service that stays down after its first end, or after a reboot."""
    for one in stack.lasting:
        if _policy(one) == "no":
            what = "has no restart policy: it stays down when it ends or the host boots"
            yield one.found(what, "set `restart: unless-stopped`", "restart")


def refused(stack: Stack) -> Iterator[Found]:
    """A policy with which the engine does not create the container."""
    for one in stack.services:
        deployed = one.at(*_DEPLOY) or {}
        if deployed.get("max_attempts") and _policy(one) != "on-failure":
            condition = deployed.get("condition") or "any"
            what = f"restart_policy `{condition}` with max_attempts is refused by the engine"
            yield one.found(what, "set `restart: unless-stopped` instead", *_DEPLOY)


def ignored(stack: Stack) -> Iterator[Found]:
    """Parts of a policy that only Swarm reads."""
    for one in stack.services:
        deployed = one.at(*_DEPLOY) or {}
        without = [key for key in _IGNORED if deployed.get(key)]
        if without:
            what = f"its restart_policy sets {' and '.join(without)}, which count in Swarm alone"
            yield one.found(what, "set `restart: unless-stopped` instead", *_DEPLOY, without[0])
        if deployed and one.at("restart"):
            what = f"`restart: {one.at('restart')}` is overruled by deploy.restart_policy"
            yield one.found(what, "keep one of the two", "restart")
