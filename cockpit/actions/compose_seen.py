"""A Compose project's containers as the Docker engine sees them, and what is wrong with one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cockpit.secrets import Secrets
from cockpit.stack.health_said import health_said
from cockpit.stack.look import waited_to_end

if TYPE_CHECKING:
    from python_on_whales import DockerClient

NANO = 1e9
KILLED = 137
"""The exit code of a process that got SIGKILL."""
LOG_LINES = 5
READ_LINES = 200
"""How many of a log's last lines are read: the first ones may be the end of a folded secret."""
MISSING = ("executable file not found", "no such file or directory", ": not found")
"""How an engine, and how a shell, says that a health check's program is not in the image."""
HEALTH_DEFAULTS: Mapping[str, float] = {"Interval": 30.0, "Timeout": 30.0, "StartPeriod": 0.0}
"""Seconds that count where a health check does not say."""


@dataclass(frozen=True)
class Seen:
    """One container, at one moment."""

    identity: str
    service: str
    image: str
    """The image's id."""
    status: str
    health: str
    """`none` where the container has no health check."""
    started: float
    """Unix time."""
    allowance: float
    """Seconds after which its health check has had every try."""
    restarts: int = 0
    exit_code: int = 0
    out_of_memory: bool = False
    """Its memory ran out, in this or an earlier run: an engine may keep the word for ever."""
    ran_out_before: bool = False
    """That was so before the step began."""
    memory_limit: int = 0
    last_check: str = ""
    """What its health check printed last."""
    name: str = ""
    once: bool = False
    """It does its work and ends, as the services that wait for its end say."""

    @property
    def is_ready(self) -> bool:
        """Running, and healthy where it can say so; of a one-shot, that it ended well."""
        if self.once:
            return self.status == "exited" and self.exit_code == 0
        return self.status == "running" and self.health in ("none", "healthy")


def seen(inspected: Mapping[str, Any]) -> Seen:
    """One container from what `docker inspect` says."""
    state, config = inspected["State"], inspected["Config"]
    health = state.get("Health") or {}
    log = health.get("Log") or []
    labels = config.get("Labels") or {}
    return Seen(
        identity=inspected["Id"],
        service=labels.get("com.docker.compose.service", inspected["Name"].lstrip("/")),
        image=inspected["Image"],
        status=state["Status"],
        health=str(health.get("Status") or "none"),
        started=moment(state.get("StartedAt", "")),
        allowance=allowance(config.get("Healthcheck") or {}),
        restarts=int(inspected.get("RestartCount") or 0),
        exit_code=int(state.get("ExitCode") or 0),
        out_of_memory=bool(state.get("OOMKilled")),
        memory_limit=int((inspected.get("HostConfig") or {}).get("Memory") or 0),
        last_check=str(log[-1].get("Output") or "").strip() if log else "",
        name=inspected["Name"].lstrip("/"),
    )


def moment(text: str) -> float:
    """Unix time of an engine's timestamp; 0 for a container that never started."""
    if not text or text.startswith("0001"):
        return 0.0
    # Nine digits of a second are more than Python reads.
    head, _, rest = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{head}.{rest[:6]:0<6}+00:00").timestamp()


def allowance(check: Mapping[str, Any]) -> float:
    """Start period + retries x (interval + timeout), in seconds."""
    if not check.get("Test") or check["Test"] == ["NONE"]:
        return 0.0
    given = {
        name: (check.get(name) or 0) / NANO or least for name, least in HEALTH_DEFAULTS.items()
    }
    return given["StartPeriod"] + (check.get("Retries") or 3) * (
        given["Interval"] + given["Timeout"]
    )


def look(docker: DockerClient, services: Sequence[str] = ()) -> tuple[Seen, ...]:
    """The project's containers, those of one-off runs left out."""
    from python_on_whales.utils import run

    command = docker.client_config.docker_cmd
    project = docker.client_config.compose_project_name
    labels = (f"project={project}", "oneoff=False")
    filters = [part for one in labels for part in ("--filter", f"label=com.docker.compose.{one}")]
    ids = str(run([*command, "ps", "--all", "--quiet", "--no-trunc", *filters])).split()
    if not ids:
        return ()
    inspected = json.loads(str(run([*command, "inspect", *ids])))
    told = [waited_to_end(one["Config"].get("Labels") or {}) for one in inspected]
    ending = frozenset[str]().union(*told)
    found = [replace(one, once=one.service in ending) for one in map(seen, inspected)]
    wanted = [one for one in found if not services or one.service in services]
    return tuple(sorted(wanted, key=lambda one: one.service))


def words(one: Seen) -> str:
    """Its state for a person: the state first, since a stopped container's health is an old one."""
    if one.once and one.is_ready:
        return "ended, exit 0"
    if one.status in ("exited", "dead"):
        return _ended(one)
    if one.status == "restarting":
        return f"restarting after {_ended(one)}, {one.restarts} times so far"
    if one.status != "running":
        return one.status
    again = f", started {one.restarts} times again" if one.restarts else ""
    again = f"{again}, its memory once ran out" if one.out_of_memory else again
    return f"{'running' if one.health == 'none' else one.health}{again}"


def _ended(one: Seen) -> str:
    limit = f" (its limit: {one.memory_limit // 2**20} MiB)" if one.memory_limit else ""
    if one.exit_code == KILLED and one.out_of_memory:
        again = f"killed; its memory ran out before{limit}, and perhaps again"
        return f"exit 137, {again if one.ran_out_before else f'ended for want of memory{limit}'}"
    once = f"; its memory once ran out{limit}" if one.out_of_memory else ""
    return f"exit {one.exit_code}{', killed' if one.exit_code == KILLED else once}"


def explained(one: Seen, docker: DockerClient, secrets: Secrets) -> tuple[str, ...]:
    """Why a container is not ready: its state, its last health output, its last log lines."""
    lines = [f"{one.service} is not ready: {words(one)}"]
    said = health_said(one.last_check, secrets)
    if said and one.health != "healthy":
        lines += [f"its health check said: {line}" for line in secrets.last_lines(said, 1)]
    if one.health != "healthy" and any(mark in one.last_check for mark in MISSING):
        lines.append("the health check's program is not in the image")
    log = log_lines(one, docker, secrets)
    return (*lines, *(["last lines of its log:", *log] if log else ["its log is empty"]))


def log_lines(one: Seen, docker: DockerClient, secrets: Secrets) -> list[str]:
    """The last lines that a container wrote."""
    from python_on_whales.exceptions import DockerException

    try:
        said = docker.container.logs(one.identity, tail=READ_LINES)
    except DockerException as error:
        return [f"(cannot be read: {(error.stderr or '').strip()})"]
    return [f"  {line}" for line in secrets.last_lines(str(said), LOG_LINES)]
