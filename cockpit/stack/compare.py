"""What production calls its own, so that staging can be seen to keep away from it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from cockpit.errors import CockpitError
from cockpit.runbook.load import load
from cockpit.runbook.model import Profile, Runbook
from cockpit.runbook.sources import GIVEN
from cockpit.runbook.targets import (
    ComposeTarget,
    DnsTarget,
    HttpTarget,
    PostgresTarget,
    WebhookNotifier,
)
from cockpit.stack import ground
from cockpit.stack import named as steps
from cockpit.stack.digest import digest
from cockpit.stack.facts import Other
from cockpit.stack.mixing import hosts, is_personal
from cockpit.stack.model import Stack
from cockpit.stack.resolve import resolve

PRODUCTION = "production"


async def production(runbook: Runbook, target: str) -> Other | None:
    """What production's profile, secrets and stack hold; None where there is no such profile."""
    other = await counterpart(runbook)
    if other is None:
        return None
    own = dict(_hosts(runbook.profile))
    named = {host: word for host, word in _hosts(other.profile) if host not in own}
    digests = await asyncio.to_thread(_secrets, other)
    theirs, values = await _stack(other, target)
    kept = {host: word for host, word in theirs.items() if host not in own}
    return Other(PRODUCTION, {**kept, **named}, {**values, **digests})


async def counterpart(runbook: Runbook) -> Runbook | None:
    """The same runbook with production's profile; None where no sound one lies beside it."""
    try:
        folder = _origin(Path(runbook.directory))
        return (await asyncio.to_thread(load, folder, PRODUCTION)).runbook
    except (CockpitError, OSError):
        return None


def _origin(folder: Path) -> Path:
    """Where the runbook lies: a run's copy holds one profile, and names the folder of all."""
    given = folder / GIVEN
    return Path(json.loads(given.read_bytes())["origin"]) if given.exists() else folder


def _hosts(profile: Profile) -> Iterator[tuple[str, str]]:
    for name, target in profile.targets.items():
        if isinstance(target, PostgresTarget):
            yield target.host.lower(), f"the database {name}"
        elif isinstance(target, DnsTarget):
            yield from ((one.rstrip(".").lower(), f"a name in {name}") for one in target.names)
            yield from ((one.lower(), f"an address of {name}") for one in (target.old, target.new))
        elif isinstance(target, HttpTarget):
            yield from ((one, f"the service {name}") for one in _of_service(target))
    for name, notifier in profile.notifiers.items():
        if isinstance(notifier, WebhookNotifier):
            yield _host(notifier.url), f"the webhook {name}"


def _of_service(target: HttpTarget) -> Iterator[str]:
    host = _host(target.url)
    if not host.startswith("127.") and host not in ("localhost", "::1"):
        yield host
    if target.host_header:
        yield target.host_header.lower()


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()


def _secrets(runbook: Runbook) -> dict[str, str]:
    folder, found = Path(runbook.directory), {}
    for name, one in runbook.profile.secrets.items():
        file = ground.secret(folder / one.file)
        if file.digest:
            found[file.digest] = f"the secret {name}"
    return found


async def _stack(runbook: Runbook, target: str) -> tuple[dict[str, str], dict[str, str]]:
    """Hosts and values of production's own stack; none where its files are not on this host."""
    compose = runbook.profile.targets.get(target)
    if not isinstance(compose, ComposeTarget):
        return {}, {}
    try:
        resolved = await resolve(compose, runbook.directory, steps.named(runbook, target).every)
    except CockpitError:
        return {}, {}
    files = await ground.secrets(resolved.config)
    digests = {file.digest: f"the secret {name}" for name, file in files.items() if file.digest}
    named: dict[str, str] = {}
    for one in Stack(resolved.config).services:
        for name, value in one.environment.items():
            if is_personal(name, value):
                digests[digest(value.encode())] = f"{one.name}'s {name}"
                named |= dict.fromkeys(hosts(value), f"{one.name}'s {name}")
    return named, digests
