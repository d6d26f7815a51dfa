"""Acts on a Docker Compose project; in rehearsal, the lab operation named for the step."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from cockpit.actions import compose_foresee, compose_plan, compose_wait, stand_in
from cockpit.actions.base import ActionContext, Foreseen
from cockpit.actions.child import LAST
from cockpit.actions.compose_prune import pruned
from cockpit.actions.compose_seen import Seen, look
from cockpit.actions.docker_engine import READS, client, where
from cockpit.actions.paper import Sheet, block, remarks
from cockpit.apart import apart
from cockpit.errors import ActionFailed, ActionKilled, Refused, TargetError
from cockpit.journal.events import Json
from cockpit.runbook.actions import ComposeAction
from cockpit.runbook.model import Runbook, Step
from cockpit.runbook.targets import ComposeTarget
from cockpit.secrets import Secrets
from cockpit.stack.model import Service
from cockpit.stack.oneoffs import still_running

if TYPE_CHECKING:
    from python_on_whales import DockerClient

Streamed = Iterable[tuple[str, bytes]]
"""What python-on-whales yields: the stream's name and a piece of output."""

PROGRESS = re.compile(r"\s*(?:Container|Network|Volume|Image)\s+\S+\s+(?!Error)[A-Z][a-z]+\s*$")
"""How Compose says how far it is: no reason for anything."""
WORDS: Mapping[str, tuple[str, ...]] = {
    "pull": ("pull",),
    "build": ("build",),
    "run": ("run", "--no-TTY", "--rm"),
    "up": ("up", "--detach", "--pull", "never"),
    "restart": ("restart",),
    "stop": ("stop",),
    "down": ("down",),
}
"""What follows `docker compose …`, before the services."""
BEFORE: Mapping[str, tuple[str, ...]] = {
    "up": ("lists what it stops, replaces and starts, with image ids",),
}
"""What an operation does before its command."""
WAITS = (
    "waits until each of these services is healthy: as long as its health check allows, at"
    " least 120 s; if one is not, says why and changes nothing"
)
AFTER: Mapping[str, tuple[str, ...]] = {"up": (f"then {WAITS}",), "restart": (f"then {WAITS}",)}
"""What an operation does after its command."""
PRUNE = (
    "removes this project's images without a name, but none that a container uses, none that"
    " this run replaced, and not the newest other one of each service"
)


def describe(action: ComposeAction, runbook: Runbook) -> tuple[str, ...]:
    """The `docker` command that runs, with the variables that Compose interpolates."""
    target = runbook.target(action.target)
    known = target if isinstance(target, ComposeTarget) else None
    project = f"project {known.project}" if known else "the project"
    if action.operation == "wait":
        named = ", ".join(action.services) or "all that have a container"
        return stand_in.described((f"{named}, in {project}: {WAITS}",), action, runbook)
    if action.operation == "prune":
        engine = shlex.join(("docker", *_engine(known), "image", "rm"))
        return stand_in.described((f"{engine}, in {project}: {PRUNE}",), action, runbook)
    line = shlex.join(command(action, known, runbook.directory))
    variables = [f"{name}={shlex.quote(value)}" for name, value in action.environment.items()]
    lines = (
        *BEFORE.get(action.operation, ()),
        " ".join((*variables, line)),
        *AFTER.get(action.operation, ()),
    )
    return stand_in.described(lines, action, runbook)


def command(action: ComposeAction, target: ComposeTarget | None, runbook: str) -> tuple[str, ...]:
    """The whole argument list; a target that the lab does not play leaves its part out."""
    words = (*WORDS[action.operation], *action.services, *action.command)
    return (*_compose(target, runbook), *words)


def _compose(target: ComposeTarget | None, runbook: str) -> tuple[str, ...]:
    return ("docker", *_engine(target), "compose", *_project(target, runbook))


def _engine(target: ComposeTarget | None) -> tuple[str, ...]:
    return where(target) if target else ()


def _project(target: ComposeTarget | None, runbook: str) -> tuple[str, ...]:
    if target is None:
        return ()
    directory = Path(runbook) / target.directory
    files = (part for file in target.files for part in ("--file", str(directory / file)))
    profiles = (part for profile in target.profiles for part in ("--profile", profile))
    place = ("--project-name", target.project, "--project-directory", str(directory))
    return (*files, *profiles, *place)


def paper(action: ComposeAction, sheet: Sheet) -> tuple[str, ...]:
    """The same command; who waits looks, and what is removed by `prune` is a person's choice."""
    target = sheet.runbook.target(action.target)
    known = target if isinstance(target, ComposeTarget) else None
    if action.operation == "wait":
        seen = (*_compose(known, sheet.runbook.directory), "ps", "--all", *action.services)
        asked = "Again and again, until each of them is healthy; if one is not, change nothing:"
        return (*remarks((asked,)), shlex.join(seen))
    if action.operation == "prune":
        look = shlex.join(("docker", *_engine(known), "image", "ls", "--filter", "dangling=true"))
        return (*remarks(("Leave this out: it only saves space. What could go:",)), look)
    variables = [f"{name}={shlex.quote(value)}" for name, value in action.environment.items()]
    return block(
        " ".join((*variables, shlex.join(command(action, known, sheet.runbook.directory))))
    )


async def foresee(action: ComposeAction, runbook: Runbook, secrets: Secrets) -> Foreseen:
    """What it would touch, with image ids, and Compose's files as resolved; it only reads."""
    target = runbook.target(action.target)
    if stand_in.is_played(runbook) or not isinstance(target, ComposeTarget):
        return Foreseen()
    docker = client(target, runbook.directory, READS)
    with _docker_errors(secrets):
        found = await apart(lambda: compose_foresee.foreseen(action, docker))
    return replace(found, closed=await _beside(action, target))


async def _beside(action: ComposeAction, target: ComposeTarget) -> tuple[str, ...]:
    """What already runs of a one-off: two of them at a time would be one too many."""
    named = action.services if action.operation == "run" else ()
    return await still_running(target, named[0]) if named else ()


async def run(action: ComposeAction, context: ActionContext) -> Mapping[str, Json]:
    """Run it to its end; the containers' images, and those that they replaced, are recorded."""
    if action.operation == "down":
        refuse_after_t0(context.runbook, context.step, context.recorded)
    if stand_in.is_played(context.runbook):
        return await stand_in.play(context)
    target = context.runbook.target(action.target)
    if not isinstance(target, ComposeTarget):
        raise Refused(f"{action.target} is no Compose project", where=context.step.id)
    if left := await _beside(action, target):
        raise Refused("; ".join(left), where=context.step.id, mend="or wait for its end")
    loop = asyncio.get_running_loop()

    def say(line: str) -> None:
        loop.call_soon_threadsafe(context.say, line)

    work = Work(action, client(target, context.runbook.directory), say, context.secrets)
    with _interpolating(action.environment):
        try:
            return await _worked(work, context)
        except ActionFailed as failed:
            if left := await _outlived(action, target):
                raise ActionKilled("\n".join((failed.what, *left))) from None
            raise


async def _outlived(action: ComposeAction, target: ComposeTarget) -> tuple[str, ...]:
    """What still runs of a one-off whose command has ended: then nobody knows how far it came."""
    try:
        return await _beside(action, target)
    except TargetError as error:
        return (f"whether its container still runs is unknown: {error.what}",)


def refuse_after_t0(runbook: Runbook, step: Step, recorded: Mapping[str, object]) -> None:
    """`down` removes what users are on, once they are: Refused from T-0 on.

    But for a step that is irreversible and says so, with its own typed word: it gives a side up.
    """
    if step.irreversible:
        return
    order = [one.id for one in runbook.forward]
    t0 = next((one.id for one in runbook.forward if one.t0), None)
    if t0 is None:
        return
    is_later = step.id in order and order.index(step.id) > order.index(t0)
    if is_later or t0 in recorded:
        raise Refused(
            "`down` is not offered after T-0: users are on this side",
            where=step.id,
            mend="use `stop`, which keeps the containers and their logs",
        )


@dataclass(frozen=True)
class Work:
    """One operation on one project."""

    action: ComposeAction
    docker: DockerClient
    say: Callable[[str], None]
    secrets: Secrets


async def _worked(work: Work, context: ActionContext) -> Mapping[str, Json]:
    with _docker_errors(context.secrets):
        operation, services = work.action.operation, work.action.services
        if operation == "prune":
            await asyncio.to_thread(_prune, work, context.recorded)
            return {}
        if operation == "wait":
            await _wait(work, context)
            return {}
        if operation not in AFTER:
            await asyncio.to_thread(_acted, work)
            return {}
        former = await asyncio.to_thread(look, work.docker)
        changes = await asyncio.to_thread(compose_plan.foreseen, work.docker, services)
        for change in changes if operation == "up" else ():
            work.say(compose_plan.words(change))
        touched = [change.service for change in changes if change.what != "goes"]
        try:
            await asyncio.to_thread(_acted, work)
        except ActionFailed as failed:
            # Compose names the service at most; the containers know the reason.
            said = await asyncio.to_thread(_reasons, work, touched)
            raise type(failed)("\n".join((*said, failed.what))) from None
        waited = touched if operation == "up" else list(services) or touched
        await _ready(work, waited, former, context)
        return await asyncio.to_thread(_recorded, work.docker, changes)


async def _wait(work: Work, context: ActionContext) -> None:
    """Wait for what was started before, by whomever; it only looks."""
    there = await asyncio.to_thread(look, work.docker)
    wanted = list(work.action.services) or sorted({one.service for one in there})
    if not wanted:
        raise ActionFailed("the project has no container that could be waited for")
    await _ready(work, wanted, there, context)


async def _ready(
    work: Work, services: Sequence[str], before: Sequence[Seen], context: ActionContext
) -> None:
    model = partial(compose_plan.resolved, work.docker, {}, work.action.services)
    known = (await asyncio.to_thread(model))["services"]
    wanted = {name: Service(name, known.get(name) or {}).replicas for name in services}
    how = (work.secrets, work.say, context.clock.real)
    await compose_wait.healthy(work.docker, wanted, before, *how)


def _reasons(work: Work, services: Sequence[str]) -> list[str]:
    there = look(work.docker, services)
    sick = [one for one in there if not one.is_ready and one.status != "created"]
    return compose_wait.reasons(sick, work.docker, work.secrets)


def _recorded(docker: DockerClient, before: Iterable[compose_plan.Change]) -> dict[str, Json]:
    images: dict[str, Json] = {one.service: one.image for one in look(docker)}
    replaced: dict[str, Json] = {
        one.service: one.former for one in before if one.former not in ("", one.image)
    }
    return {"images": images, "replaced": replaced}


def _prune(work: Work, recorded: Mapping[str, Mapping[str, Json]]) -> None:
    former = {
        str(image)
        for step in recorded.values()
        for image in cast("Mapping[str, Json]", step.get("replaced") or {}).values()
    }
    for line in pruned(work.docker, former):
        work.say(line)


def _acted(work: Work) -> None:
    from python_on_whales.exceptions import DockerException

    last = work.secrets.tail(LAST)
    try:
        for _, piece in _streamed(work.action, work.docker) or ():
            for line in piece.decode("utf-8", "replace").splitlines():
                work.say(line)
                if not PROGRESS.match(line):
                    last.add(line)
    except DockerException as error:
        # One that a signal ended may have come any way.
        how = ActionKilled if (error.return_code or 0) < 0 else ActionFailed
        # Its own text repeats the whole command line and output; ours is in the attempt's file.
        words = f"docker {work.action.operation} exited with {error.return_code}"
        told = (one for one in (error.stderr or "").splitlines() if not PROGRESS.match(one))
        said = last.lines() or work.secrets.last_lines("\n".join(told), LAST)
        raise how("\n".join((words, *said))) from None


@contextmanager
def _docker_errors(secrets: Secrets) -> Iterator[None]:
    """Docker's complaints about what only reads, in the operator's words."""
    from python_on_whales.exceptions import DockerException

    try:
        yield
    except DockerException as error:
        said = "\n".join(secrets.last_lines(error.stderr or "", LAST))
        raise ActionFailed(said or "the Docker engine does not answer") from None


def _streamed(action: ComposeAction, docker: DockerClient) -> Streamed | None:
    services = list(action.services) or None
    compose = docker.compose
    acts: Mapping[str, Callable[[], Streamed | None]] = {
        "pull": lambda: compose.pull(services, stream_logs=True),
        "build": lambda: compose.build(services, stream_logs=True),
        "run": lambda: _run_once(action, docker),
        "up": lambda: compose.up(services, detach=True, pull="never", stream_logs=True),
        "restart": lambda: compose.restart(services),
        "stop": lambda: compose.stop(services, stream_logs=True),
        "down": lambda: compose.down(services, stream_logs=True),
    }
    return acts[action.operation]()


def _run_once(action: ComposeAction, docker: DockerClient) -> Streamed:
    service, *rest = (*action.services, *action.command)
    said = docker.compose.run(service, rest, tty=False, remove=True, stream=True)
    return cast("Streamed", said)


@contextmanager
def _interpolating(environment: Mapping[str, str]) -> Iterator[None]:
    """Compose reads its variables from the environment of the process that calls it."""
    former = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(former)
