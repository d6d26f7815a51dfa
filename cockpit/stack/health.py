"""Health checks: there, able to run, able to fail, and waited for."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import PurePath

from cockpit.stack import started
from cockpit.stack.model import Found, Service, Stack
from cockpit.stack.shell import why_never_fails
from cockpit.stack.substituted import taken_apart

_GREPS_HEALTHY = re.compile(r"\bgrep\s+(?:-\w+\s+)*[\"']?healthy\b")
_PINGS_REDIS = re.compile(r"(?i)\bredis-cli\b(?!.*(?:grep|PONG|\s-e\b)).*\bping\b")
_GET = re.compile(
    r"\.get\(\s*[\"'`]https?:|https?\.get\(|require\([\"']https?[\"']\)\.get\(|\bfetch\("
)
_LOOKS_AT_STATUS = re.compile(r"status|\.ok\b", re.IGNORECASE)
_CURL = re.compile(r"\bcurl\b(?P<rest>[^|;&]*)")
_LOOKS_FOR = re.compile(r"\b(?:command\s+-v|which|type)\s+\S+")
_COMPARES = re.compile(r"\s(?:==?|!=|=~|-eq|-ne|-[lg][te])\s|\bcase\b")
"""What a substitution put in is compared with something: then it is no matter how it ended."""
_CURL_FAILS = re.compile(r"(?:^|\s)(?:-\w*f\w*|--fail\S*)(?:\s|$)")


def none(stack: Stack) -> Iterator[Found]:
    """A service of which nobody can say whether it works."""
    for one in stack.lasting:
        if one.disables_health:
            mend = "take out `disable`, or give it a test that works"
            yield one.found("its health check is switched off", mend, "healthcheck")
        elif not one.health_test:
            image = (stack.facts.images or {}).get(one.name)
            if image is None or not image.has_health_check:
                mend = "add a `healthcheck:` with a program that its image holds"
                yield one.found("has no health check", mend)


def program_missing(stack: Stack) -> Iterator[Found]:
    """A health check that the image cannot run."""
    for one in stack.services:
        image = (stack.facts.images or {}).get(one.name)
        is_inherited = image is not None and not one.health_test and not one.disables_health
        needed = tuple(image.programs) if image and is_inherited else programs(one)
        if not needed:
            continue
        if image is None:
            what = f"its health check needs {', '.join(needed)}, and its image is not here to look"
            yield one.unknown(what, "pull or build the image first", "healthcheck")
            continue
        for program in needed:
            if not image.programs.get(program, False) and not _is_mounted(program, one):
                what = f"its health check calls {program}, which its image does not hold"
                mend = f"use a program of the image, or install {program} in it"
                yield one.found(what, mend, "healthcheck", "test")


def _is_mounted(program: str, service: Service) -> bool:
    """Whether a program comes from outside its image, such as a script of the project."""
    mounts = ("volumes", "configs", "secrets")
    held = (one for key in mounts for one in service.at(key) or () if isinstance(one, dict))
    targets = (PurePath(target) for one in held if (target := one.get("target")))
    return any(PurePath(program).is_relative_to(target) for target in targets)


def programs(service: Service) -> tuple[str, ...]:
    """The programs that a health check starts, those behind `timeout` and the like included."""
    form, *words = service.health_test or ("",)
    if service.disables_health or not words:
        return ()
    if form == "CMD":
        return tuple(dict.fromkeys(started.by_words(words)))
    return tuple(dict.fromkeys(("/bin/sh", *started.by_line(" ".join(words)))))


def cannot_fail(stack: Stack) -> Iterator[Found]:
    """A health check that a broken service passes."""
    for one in stack.services:
        if reason := _why_never(one):
            mend = "let it fail on any answer but the good one: `curl -f`, `wget -q`, an exit code"
            yield one.found(f"its health check {reason}", mend, "healthcheck", "test")


def _why_never(service: Service) -> str:
    form, *words = service.health_test or ("",)
    line = " ".join(words)
    run = line if form == "CMD-SHELL" else started.script(words)
    is_shell = run is not None
    if reason := why_never_fails(shlex.join(words[:1]) if run is None else taken_apart(run)[0]):
        return reason
    if is_shell and _GREPS_HEALTHY.search(line):
        return "greps `healthy`, in `unhealthy` too"
    if _PINGS_REDIS.search(line) and _has_password(service):
        return "pings with redis-cli, which succeeds on an error such as NOAUTH"
    told = taken_apart(line)[0] if is_shell and _COMPARES.search(line) else line
    curl = _CURL.search(_LOOKS_FOR.sub("", told))
    if curl and not _CURL_FAILS.search(curl["rest"]) and "grep" not in line:
        return "calls curl without -f, which succeeds on a 503"
    if _GET.search(line) and not _LOOKS_AT_STATUS.search(line):
        return "makes a request and never looks at the status, so a 503 passes"
    return ""


def _has_password(service: Service) -> bool:
    """Whether a Redis demands one."""
    words = f"{service.at('command')} {service.at('entrypoint')} {[*service.environment]}"
    return "requirepass" in words or "REDIS_PASSWORD" in words or bool(service.at("secrets"))


def started_is_not_ready(stack: Stack) -> Iterator[Found]:
    """A dependency that is waited for only until it has started."""
    healthy = {one.name for one in stack.services if one.health_test and not one.disables_health}
    for one in stack.services:
        for name, how in (one.at("depends_on") or {}).items():
            if how.get("condition") == "service_started" and name in healthy:
                what = f"depends on {name} without waiting for its health"
                mend = f"write `{name}: {{condition: service_healthy}}`"
                yield one.found(what, mend, "depends_on", name)


def waits_for_ever(stack: Stack) -> Iterator[Found]:
    """A dependency whose health is waited for and never told."""
    images = stack.facts.images or {}
    dumb = {
        one.name
        for one in stack.services
        if one.disables_health
        or (not one.health_test and not (one.name in images and images[one.name].has_health_check))
    }
    for one in stack.services:
        for name, how in (one.at("depends_on") or {}).items():
            if how.get("condition") == "service_healthy" and name in dumb:
                what = f"waits for the health of {name}, which has no health check"
                yield one.found(what, f"give {name} a health check", "depends_on", name)
