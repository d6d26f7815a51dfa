"""Profiles: what the runbook declares and one environment gives."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from cockpit.runbook.broken import reads
from cockpit.runbook.draft import Draft
from cockpit.runbook.nodes import scalars
from cockpit.runbook.problems import Problem, listed, meant, nearest
from cockpit.runbook.rules import each
from cockpit.runbook.targets import (
    ComposeTarget,
    DnsTarget,
    HttpTarget,
    NotPlayed,
    PostgresTarget,
    RedisTarget,
    SecretFile,
    Target,
    WebhookNotifier,
)


def environment(draft: Draft) -> Iterator[Problem]:
    """A profile that calls itself otherwise than its file."""
    profile, name = draft.profile, draft.environment
    if profile and profile.environment != name:
        what = f"`{name}.yaml` is the profile of `{profile.environment}`"
        mend = f"write `environment: {name}`, or rename the file"
        yield draft.problem(profile, what, mend, key="environment")


def targets(draft: Draft) -> Iterator[Problem]:
    """Targets that are declared and not given, given and not declared, or of another kind."""
    declared, given = draft.keys.get("targets"), draft.profile_keys.get("targets")
    if declared is None or given is None:
        return
    lacking = set(declared) - set(given)
    for name in given:
        if name not in declared:
            what = f"the target `{name[:60]}` is not declared"
            otherwise = f"declare it in runbook.yaml, or take it out; declared: {listed(declared)}"
            mend = meant(name, lacking, otherwise)
            lacking.discard(nearest(name, lacking) or "")
            yield draft.problem(draft.profile, what, mend, key="targets", item=name)
    for name in lacking:
        what = f"the target `{name}` is not given"
        yield draft.problem(draft.profile, what, f"add `{name}:` under `targets:`", key="targets")


@each(lambda draft: getattr(draft.profile, "targets", {}).items())
def kinds(draft: Draft, given: tuple[str, Target]) -> Iterator[Problem]:
    """Targets of another kind than they are declared."""
    name, target = given
    declared = draft.declared.get(name)
    if isinstance(target, NotPlayed):
        if draft.environment != "rehearsal":
            what = f"the target `{name}` is not rehearsed, in {draft.environment}"
            yield draft.problem(target, what, "give its real values", key="kind")
    elif declared and declared.kind != target.kind:
        what = f"the target `{name}` is of kind `{target.kind}`; runbook.yaml declares"
        what = f"{what} `{declared.kind}`"
        yield draft.problem(target, what, f"write `kind: {declared.kind}`", key="kind")


def secrets(draft: Draft) -> Iterator[Problem]:
    """Secrets that are named and not declared, or the other way about."""
    if not reads(draft.profile, "secrets"):
        return
    known = draft.profile_keys.get("secrets", ())
    named = [one for one in draft.named_by_profile if one.word == "SecretId"]
    for one in named:
        if one.value not in known:
            # The word may be the secret itself, so it is not repeated.
            what = f"`{one.item or one.field}` names no declared secret"
            otherwise = "declare the secret's file under `secrets:` and write its name here"
            mend = meant(one.value, known, otherwise)
            yield draft.problem(one.owner, what, mend, key=one.field, item=one.item)
    declared: Mapping[str, SecretFile] = getattr(draft.profile, "secrets", {})
    unasked = [one for one in declared if one not in _in_programs(draft)]
    for name in draft.unnamed("SecretId", unasked):
        what = f"nothing uses the secret `{name}`"
        yield draft.warning(declared[name], what, "name it where it is meant, or take it out")


@each(lambda draft: getattr(draft.profile, "secrets", {}).items())
def secret_files(draft: Draft, given: tuple[str, SecretFile]) -> Iterator[Problem]:
    """Secrets without a file."""
    name, secret = given
    if not secret.file.strip():
        what = f"the secret `{name}` has no file"
        yield draft.problem(secret, what, "write the file's path", key="file")


def _in_programs(draft: Draft) -> set[str]:
    """Secrets that a program is led to: it finds the path of each file in `NAME_FILE`."""
    known = draft.profile_keys.get("secrets", ())
    texts = [one.text for node in draft.nodes.values() for _, one in scalars(node)]
    return {name for name in known if any(f"{name.upper()}_FILE" in text for text in texts)}


def lab(draft: Draft) -> Iterator[Problem]:
    """Lab operations outside a rehearsal, or for steps that have none."""
    profile = draft.profile
    if profile is None or profile.lab is None or draft.procedure is None:
        return
    if draft.environment != "rehearsal":
        what = f"`lab` stands in the profile of {draft.environment}"
        yield draft.problem(profile, what, "move it to rehearsal.yaml", key="lab")
    for name in profile.lab.operations:
        action = getattr(draft.steps.get(name), "action", None)
        if draft.lacks("Step", name):
            what = f"no step is called `{name[:60]}`"
            mend = meant(name, draft.names("Step"), "write the id of a shell or compose step")
        elif action and action.kind not in ("shell", "compose"):
            what = f"step `{name}` is of kind `{action.kind}`, which the lab runs as it is"
            mend = "take it out: only shell and compose steps have a lab operation"
        else:
            continue
        yield draft.problem(profile.lab, what, mend, key="operations", item=name)


def loopback(draft: Draft) -> Iterator[Problem]:
    """A rehearsal that would reach beyond this machine."""
    if draft.environment != "rehearsal":
        return
    for owner, key in _hosts(draft):
        text: str | None = getattr(owner, key, None)
        if text is None or (key == "server" and not text):
            continue
        if not is_loopback(_HOST_IN.get(key, str)(text)):
            what = f"`{key}` of a rehearsal leads off loopback"
            yield draft.problem(owner, what, "write `${lab}.N`, an address of the lab", key=key)


@each(lambda draft: draft.targets)
def outside(draft: Draft, target: Target) -> Iterator[Problem]:
    """A rehearsal that would act on this host or at a provider."""
    if draft.environment != "rehearsal":
        return
    if isinstance(target, ComposeTarget):
        what = "a rehearsal would reach this host's Docker"
        yield draft.problem(target, what, "write `kind: not_rehearsed` alone", key="kind")
    if isinstance(target, DnsTarget) and target.provider != "rfc2136":
        what = f"a rehearsal would change records at {target.provider}"
        yield draft.problem(target, what, "write `provider: rfc2136`", key="provider")


def _hosts(draft: Draft) -> Iterator[tuple[Any, str]]:
    """Every thing of a profile to which packets would go, and the key that says where."""
    for one in (*draft.targets, *draft.notifiers):
        if isinstance(one, PostgresTarget | RedisTarget):
            yield one, "host"
        elif isinstance(one, HttpTarget | WebhookNotifier):
            yield one, "url"
        elif isinstance(one, DnsTarget):
            yield from ((one, key) for key in ("old", "new", "server"))
            yield from ((server, "address") for server in _servers(one))


def _servers(target: Target) -> Iterator[Any]:
    """Every server that a DNS target lists."""
    for key in ("authorities", "resolvers", "parents"):
        yield from getattr(target, key, ())


def host_of(url: str) -> str:
    """The host of a URL; empty where it names none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether packets to a host stay on this one."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


_HOST_IN: Mapping[str, Callable[[str], str]] = {
    "url": host_of,
    "server": lambda text: text.rpartition(":")[0] or text,
}
"""How the host is found in a text, by the key that it stands under; it is the host otherwise."""


def addresses(draft: Draft) -> Iterator[Problem]:
    """Ports and URLs that cannot be."""
    places: list[Any] = [*draft.targets, *draft.notifiers]
    for target in draft.targets:
        places.extend(_servers(target))
    for place in places:
        port, url = getattr(place, "port", 1), getattr(place, "url", None)
        if not 1 <= port <= 65535:
            yield draft.problem(place, f"{port} is no port", "write 1 to 65535", key="port")
        if url is not None and not is_url(url, bare=isinstance(place, HttpTarget)):
            mend = "write scheme, host and port, `https://host:8080`"
            yield draft.problem(place, "`url` is not the address of a service", mend, key="url")


def is_url(url: str, *, bare: bool) -> bool:
    """Whether a URL is the address of a service, without a path where it must be bare."""
    try:
        parts = urlsplit(url)
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return named and not parts.username and (not bare or parts.path in ("", "/"))


RULES = (
    *(environment, targets, kinds, secrets, secret_files),
    *(lab, loopback, outside, addresses),
)
