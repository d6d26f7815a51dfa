"""Environments that are mixed up: staging that reaches production, production that says staging."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath

from cockpit.stack.digest import digest
from cockpit.stack.facts import Other
from cockpit.stack.model import Found, Service, Stack

_OTHER_WORDS = re.compile(r"(?i)(?<![a-z])(?:staging|stage|development|localhost\.test)(?![a-z])")
_IN_PROSE = re.compile(r"(?i)(?<![a-z])staging(?![a-z])")
_MODES = re.compile(r"(?:^|_)(?:ENV|ENVIRONMENT)$")
_OTHER_MODES = frozenset(("dev", "stg", "stage", "test", "testing", "uat", "qa", "local"))
_HOST = re.compile(r"(?i)(?<![\w.-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]+(?![\w-])")
_MAIL = re.compile(r"[^\s,;<>]+@[^\s,;<>]+")
_ON = re.compile(r"(?i)^(?:true|yes|on|1|enabled)$")
_OFF = re.compile(r"(?i)^(?:false|no|off|0|disabled|)$")
SENDS = re.compile(r"^(?:EMAIL|MAIL|SMS|SMTP|WEBHOOKS?|NOTIFICATIONS|ALERTS)_ENABLED$")
"""Switches of what reaches people."""
PERSONAL = re.compile(r"WEBHOOK|DATABASE|SMTP_USER|MAIL_|_MAIL|SMS|PHONE|TTN|TELNYX|APP_ID|ACCOUNT")
"""Names of values that lead to people, sensors or accounts."""


_LINES = ("command", "entrypoint", "extra_hosts")


def is_personal(name: str, value: str) -> bool:
    """Whether a variable leads to people, sensors or accounts; a path leads into the container."""
    is_path = name.endswith("_FILE") or value.startswith("/")
    return bool(PERSONAL.search(name)) and len(value) >= 4 and not is_path


def says_another_environment(stack: Stack) -> Iterator[Found]:
    """Production that says staging or development, or staging that says production."""
    for one in stack.services:
        for name, value in one.environment.items():
            if stack.environment == "production" and _says_another(name, value):
                what = f"{name} says {_shown(value)} in production"
                yield one.found(what, "set production's own value", "environment", name)
            elif name == "NODE_ENV" and _is_wrong_mode(value, stack):
                what = f"NODE_ENV is {_shown(value)} in {stack.environment}"
                yield one.found(what, f"set NODE_ENV to {stack.environment}", "environment", name)
        if stack.environment == "production" and _lacks_mode(one, stack):
            what = "runs Node without NODE_ENV, as a developer's"
            yield one.found(what, "set NODE_ENV to production", "environment")


def _says_another(name: str, value: str) -> bool:
    # A sentence may speak of a stage; it says `staging` only where it means it.
    words = _IN_PROSE if len(value.split()) > 1 else _OTHER_WORDS
    is_mode = bool(_MODES.search(name)) and name != "NODE_ENV"
    return bool(words.search(value)) or (is_mode and value.lower() in _OTHER_MODES)


def _lacks_mode(one: Service, stack: Stack) -> bool:
    """Whether Node is started, and neither the service nor its image says how."""
    image = (stack.facts.images or {}).get(one.name)
    words = one.at("entrypoint") or one.at("command") or ()
    first = words.split()[:1] if isinstance(words, str) else list(words[:1])
    is_node = first in (["node"], ["npm"], ["yarn"], ["pnpm"], ["npx"])
    is_set = "NODE_ENV" in one.environment or bool(image and image.node_env)
    return is_node and not is_set


def _is_wrong_mode(value: str, stack: Stack) -> bool:
    if stack.environment == "staging":
        return value in ("development", "test")
    return value != "production"


def sends(stack: Stack) -> Iterator[Found]:
    """Staging that mails people, or production that does not."""
    for one in stack.services:
        for name, value in one.environment.items():
            if not SENDS.match(name):
                continue
            if stack.environment == "staging" and _ON.match(value):
                what = f"{name} is {_shown(value)}: staging would reach people"
                yield one.found(what, "switch it off in staging", "environment", name)
            if stack.environment == "production" and _OFF.match(value):
                what = f"{name} is {_shown(value)} in production: nobody would be told"
                yield one.found(what, "switch it on in production", "environment", name)


def unmarked_alerts(stack: Stack) -> Iterator[Found]:
    """Alerts of staging that look like real ones."""
    if stack.environment != "staging":
        return
    for one in stack.services:
        # Who has a switch for what reaches people, and no prefix, would send what looks real.
        sends_some = any(SENDS.match(name) for name in one.environment)
        prefix = one.environment.get("ALERT_PREFIX", "" if sends_some else "staging")
        if "staging" not in prefix.lower():
            what = "its alerts do not say that they come from staging"
            yield one.found(what, "set ALERT_PREFIX to `[STAGING] `", "environment", "ALERT_PREFIX")


def reaches_the_other(stack: Stack) -> Iterator[Found]:
    """Staging that names a database, a host, a mail server or a webhook of production."""
    other = _production(stack)
    if other is None:
        return
    own = {one.name for one in stack.services}
    for one in stack.services:
        for path, place, value in _texts(one, stack):
            for host in sorted(hosts(value)):
                if host in other.hosts and host not in own:
                    what = f"{place} names {host}, which is {other.hosts[host]} of {other.name}"
                    yield one.found(what, "give staging one of its own", *path)


def _texts(one: Service, stack: Stack) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Everything of a service that can lead elsewhere: the value's path, its name, its text."""
    for name, value in one.environment.items():
        yield ("environment", name), name, value
    for key in _LINES:
        words = one.at(key) or ()
        yield (key,), f"its {key}", words if isinstance(words, str) else " ".join(map(str, words))
    yield ("healthcheck", "test"), "its health check", " ".join(one.health_test)
    for source, named in stack.facts.mounted.get(one.name, {}).items():
        yield ("volumes",), f"the file {PurePath(source).name} that it mounts", " ".join(named)
    configs = stack.config.get("configs") or {}
    for config in one.at("configs") or ():
        name = config if isinstance(config, str) else str(config.get("source", ""))
        text = str((configs.get(name) or {}).get("content") or "")
        yield ("configs",), f"the config {name}", text


def same_values(stack: Stack) -> Iterator[Found]:
    """Staging that writes to people, sensors or webhooks under production's own value."""
    other = _production(stack)
    for one in stack.services if other else ():
        for name, value in one.environment.items():
            same = digest(value.encode())
            if other and is_personal(name, value) and same in other.digests:
                what = f"{name} has the value of {other.digests[same]} of {other.name}"
                yield one.found(what, "give staging one of its own", "environment", name)


def shares_secrets(stack: Stack) -> Iterator[Found]:
    """Staging that holds a credential of production."""
    other = _production(stack)
    for name, file in stack.facts.secrets.items() if other else ():
        if other and file.digest and file.digest in other.digests:
            what = f"the secret {name} equals {other.digests[file.digest]} of {other.name}"
            yield Found("", what, "give staging a credential of its own", ("secrets", name))


def not_compared(stack: Stack) -> Iterator[Found]:
    """Staging that nobody could compare with production."""
    if stack.environment == "staging" and stack.facts.other is None:
        what = "production's values are not here to compare with"
        yield Found("", what, "keep production.yaml beside the runbook", is_unknown=True)


def _production(stack: Stack) -> Other | None:
    return stack.facts.other if stack.environment == "staging" else None


def hosts(text: str) -> frozenset[str]:
    """The host names and addresses that a value contains; not those of mail addresses."""
    if "://" not in text:
        text = _MAIL.sub("", text)
    return frozenset(found[0].lower().rstrip(".") for found in _HOST.finditer(text))


def development_stage(stack: Stack) -> Iterator[Found]:
    """A build that stops at the development stage."""
    for one in stack.services:
        target = str(one.at("build", "target") or "")
        if target.startswith("dev"):
            what = f"is built up to the stage {target}, in {stack.environment}"
            yield one.found(what, "set `build.target: production`", "build", "target")


def source_mount(stack: Stack) -> Iterator[Found]:
    """Source code of the host mounted over what the image holds."""
    for one in stack.services:
        for volume in one.at("volumes") or ():
            if volume.get("type") == "bind" and _is_source(one, volume):
                what = (
                    f"mounts the source folder {PurePath(volume['source']).name} into the container"
                )
                mend = "write `volumes: !override` (an empty list removes nothing)"
                yield one.found(what, mend, "volumes", like=volume["target"])


def _is_source(service: Service, volume: dict[str, str]) -> bool:
    """A folder below the build's own, or around it; settings are mounted one file at a time."""
    context = service.at("build", "context")
    if not context or (volume.get("read_only") and PurePath(volume["source"]).suffix):
        return False
    source = PurePath(volume["source"])
    # The folder around it holds it too; the root of all is told by a rule of its own.
    return source.is_relative_to(context) or (
        len(source.parts) > 1 and PurePath(context).is_relative_to(source)
    )


def _shown(value: str) -> str:
    """A value for a message; addresses may carry a password."""
    return f"`{value}`" if len(value) <= 40 and "@" not in value else "another environment's value"
