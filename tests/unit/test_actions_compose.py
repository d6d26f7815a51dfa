from __future__ import annotations

import json
import shlex
from contextlib import suppress
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from cockpit.actions import registry
from cockpit.actions.paper import Sheet
from cockpit.checks.identity import identify
from cockpit.checks.registry import ask
from cockpit.errors import ActionFailed, ActionKilled, NotInstalled, Refused, TargetError
from cockpit.runbook.actions import ComposeAction
from cockpit.runbook.checks import DockerCheck
from cockpit.runbook.targets import ComposeTarget
from cockpit.runbook.words import Id, TargetId
from tests.fakes.small_runbooks import World, acting, asking, runbook

RECORDER = """#!/bin/sh
case " $* " in
*" config "*) echo '{"services": {}}'; exit 0;;
*" --dry-run "*|*" ps "*|*" image list "*) exit 0;;
*" image inspect "*) echo 'No such image' >&2; exit 1;;
esac
for word in "$@"; do printf '%s\\n' "$word"; done > "$RECORD"
printf '%s' "$JOBS_ENABLED" > "$RECORD.environment"
echo "a line of output"
echo "a line of complaint" >&2
exit "${STATUS:-0}"
"""
TARGET = ComposeTarget(
    kind="compose",
    project="freshtrack",
    directory="stack",
    files=("compose.yaml", "production.yaml"),
    profiles=("metrics",),
)


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `docker` that has no container, and writes down what it is asked to do beyond reading."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(RECORDER, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    return tmp_path / "record"


def world(folder: Path, target: ComposeTarget = TARGET) -> World:
    return World(folder, targets={"stack": target})


def compose(operation: str, *services: str, command: tuple[str, ...] = ()) -> ComposeAction:
    return ComposeAction(
        kind="compose",
        target=TargetId("stack"),
        operation=operation,  # type: ignore[arg-type]  # a parameter of the test
        services=services,
        command=command,
        environment={"JOBS_ENABLED": "false"},
    )


ACTIONS = [
    compose("pull"),
    compose("build", "backend"),
    compose("run", "migrate", command=("node", "migrate.js")),
    compose("up", "redis", "backend"),
    compose("restart", "backend"),
    compose("stop", "backend"),
    compose("down"),
]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.operation)
async def test_docker_gets_exactly_the_command_that_was_shown(
    tmp_path: Path, record: Path, action: ComposeAction
) -> None:
    lines = registry.describe(action, runbook(world(tmp_path), action))
    (shown,) = (line for line in lines if " docker " in line)
    with suppress(ActionFailed):  # this host has no container, so a restart has nothing to wait for
        await registry.run(action, acting(world(tmp_path), action, []))
    variable, docker, *words = shlex.split(shown)
    assert (variable, docker) == ("JOBS_ENABLED=false", "docker")
    assert record.read_text(encoding="utf-8").splitlines() == words
    assert Path(f"{record}.environment").read_text(encoding="utf-8") == "false"


def test_what_is_shown_of_an_up_says_what_comes_before_and_after(tmp_path: Path) -> None:
    before, _, after = registry.describe(ACTIONS[3], runbook(world(tmp_path), ACTIONS[3]))
    assert before == "lists what it stops, replaces and starts, with image ids"
    assert "at least 120 s; if one is not, says why and changes nothing" in after


async def test_a_wait_says_for_what_it_waits_and_runs_no_command(
    tmp_path: Path, record: Path
) -> None:
    named, every = compose("wait", "redis", "backend"), compose("wait")
    (shown,) = registry.describe(named, runbook(world(tmp_path), named))
    assert shown.startswith("redis, backend, in project freshtrack: waits until each of these")
    with pytest.raises(ActionFailed, match="has no container that could be waited for"):
        await registry.run(every, acting(world(tmp_path), every, []))
    with pytest.raises(ActionFailed, match="backend is not ready: it has no container"):
        await registry.run(named, acting(world(tmp_path), named, []))
    assert not record.exists()


@pytest.mark.parametrize("operation", get_args(get_type_hints(ComposeAction)["operation"]))
def test_every_operation_can_be_shown_and_done_by_paper(tmp_path: Path, operation: str) -> None:
    action = compose(operation, "backend")
    book = runbook(world(tmp_path), action)
    assert registry.describe(action, book)
    *_, last = registry.paper(action, Sheet(book, book.forward[0]))
    assert last


async def test_prune_removes_nothing_where_nothing_is(tmp_path: Path, record: Path) -> None:
    action = compose("prune")
    (shown,) = registry.describe(action, runbook(world(tmp_path), action))
    assert shown.startswith("docker image rm, in project freshtrack: ")
    said: list[str] = []
    await registry.run(action, acting(world(tmp_path), action, said))
    assert (said, record.exists()) == (["nothing was to remove"], False)


@pytest.mark.parametrize(
    ("context", "words"),
    [("droplet", ["--context", "droplet"]), ("ssh://root@new", ["--host", "ssh://root@new"])],
)
async def test_another_engine_is_named_in_what_is_shown_and_in_what_runs(
    tmp_path: Path, record: Path, context: str, words: list[str]
) -> None:
    target = ComposeTarget(
        kind="compose", project="p", directory=".", files=("compose.yaml",), context=context
    )
    action = compose("pull")
    (shown,) = registry.describe(action, runbook(world(tmp_path, target), action))
    await registry.run(action, acting(world(tmp_path, target), action, []))
    assert shlex.split(shown)[2:4] == words
    assert record.read_text(encoding="utf-8").splitlines()[:2] == words


async def test_output_and_complaints_are_both_heard(tmp_path: Path, record: Path) -> None:
    said: list[str] = []
    action = compose("pull")
    await registry.run(action, acting(world(tmp_path), action, said))
    assert sorted(said) == ["a line of complaint", "a line of output"]


async def test_a_failure_is_told_in_few_words_without_the_command_line(
    tmp_path: Path, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATUS", "17")
    action = compose("build")
    with pytest.raises(ActionFailed) as failed:
        await registry.run(action, acting(world(tmp_path), action, []))
    assert failed.value.what.startswith("docker build exited with 17\n")
    assert "--project-name" not in failed.value.what


UP = """#!/bin/sh
case " $* " in
*" config "*) echo '{"services": {"app": {}, "tables": {}}}'; exit 0;;
*" --dry-run "*) exit 0;;
*" image inspect "*) echo 'No such image' >&2; exit 1;;
*" ps "*) [ -e "$RECORD" ] && echo c1; exit 0;;
*" inspect "*) cat "$RECORD.container"; exit 0;;
*" logs "*) echo 'no such table'; exit 0;;
esac
touch "$RECORD"
echo ' Network p_default  Created' >&2
echo 'service "tables" did not complete successfully: exit 4' >&2
for one in 1 2 3 4 5; do echo " Container p-tables-$one  Started" >&2; done
[ "$STATUS" = kill ] && kill -KILL $$
exit "$STATUS"
"""
ENDED = {
    "Id": "c1",
    "Name": "/p-tables-1",
    "Image": "sha256:0a",
    "State": {"Status": "exited", "ExitCode": 4},
    "Config": {"Labels": {"com.docker.compose.service": "tables"}},
}


@pytest.mark.parametrize(("status", "how"), [("1", ActionFailed), ("kill", ActionKilled)])
async def test_a_failed_up_tells_the_reason_first_and_no_progress(
    tmp_path: Path,
    record: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    how: type[ActionFailed],
) -> None:
    (record.parent / "bin" / "docker").write_text(UP, encoding="utf-8")
    Path(f"{record}.container").write_text(json.dumps([ENDED]), encoding="utf-8")
    monkeypatch.setenv("STATUS", status)
    said: list[str] = []
    with pytest.raises(ActionFailed) as failed:
        await registry.run(compose("up"), acting(world(tmp_path), compose("up"), said))
    assert type(failed.value) is how
    first, *rest = failed.value.what.splitlines()
    assert first == "tables is not ready: exit 4"
    assert rest[-2].startswith("docker up exited with ")
    assert rest[-1] == 'service "tables" did not complete successfully: exit 4'
    assert " Container p-tables-5  Started" in said


async def test_the_operators_environment_is_as_before(
    tmp_path: Path, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBS_ENABLED", "whatever")
    action = compose("pull")
    await registry.run(action, acting(world(tmp_path), action, []))
    assert Path(f"{record}.environment").read_text(encoding="utf-8") == "false"
    await registry.run(
        ComposeAction(kind="compose", target=TargetId("stack"), operation="pull"),
        acting(world(tmp_path), action, []),
    )
    assert Path(f"{record}.environment").read_text(encoding="utf-8") == "whatever"


async def test_an_engine_that_is_silent_is_said_in_its_own_words(
    tmp_path: Path, record: Path
) -> None:
    program = record.parent / "bin" / "docker"
    program.write_text("#!/bin/sh\necho 'Cannot connect' >&2\nexit 1\n", encoding="utf-8")
    check = DockerCheck(kind="docker", id=Id("d"), title="Docker", target=TargetId("stack"))
    answer = await ask(check, asking(world(tmp_path)))
    assert answer.said == "unknown"
    assert answer.evidence.startswith("freshtrack: Cannot connect (`systemctl start docker`")
    with pytest.raises(TargetError, match="Cannot connect"):
        await identify("stack", asking(world(tmp_path)))


async def test_a_host_without_docker_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    action = compose("pull")
    with pytest.raises(NotInstalled, match="no docker program"):
        await registry.run(action, acting(world(tmp_path), action, []))
    check = DockerCheck(kind="docker", id=Id("d"), title="Docker", target=TargetId("stack"))
    assert (await ask(check, asking(world(tmp_path)))).said == "unknown"


async def test_a_project_is_known_by_its_name_and_its_engine(tmp_path: Path, record: Path) -> None:
    program = record.parent / "bin" / "docker"
    told = json.dumps({"ID": "ENGINE7", "ServerVersion": "20.10.24", "Name": "droplet"})
    program.write_text(f"#!/bin/sh\necho '{told}'\n", encoding="utf-8")
    assert await identify("stack", asking(world(tmp_path))) == "freshtrack on engine ENGINE7"


async def test_a_one_off_is_not_run_beside_itself(
    tmp_path: Path, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = record.parent / "bin" / "docker"
    text = RECORDER.replace('*" ps "*|', '*" ps "*) printf "x-run-1\\tat noon\\n"; exit 0;;\n')
    program.write_text(text, encoding="utf-8")
    action = compose("run", "migrate")
    context = asking(world(tmp_path))
    foreseen = await registry.foresee(action, context.runbook, context.secrets)
    assert foreseen.closed == (
        "container x-run-1 still runs migrate, started at noon; `docker stop x-run-1` ends it",
    )
    with pytest.raises(Refused, match="container x-run-1 still runs migrate, started at noon"):
        await registry.run(action, acting(world(tmp_path), action, []))
    assert not record.exists()


ONCE = """#!/bin/sh
case " $* " in
*" config "*) echo '{"services": {}}'; exit 0;;
*" ps "*) [ -e "$RECORD" ] && printf '%s' "$LEFT"; exit "$(cat "$RECORD" 2>/dev/null || echo 0)";;
esac
echo "${PS_STATUS:-0}" > "$RECORD"
[ "${STATUS:-0}" = kill ] && kill -KILL $$
exit "$STATUS"
"""


@pytest.mark.parametrize(
    ("given", "how", "words"),
    [
        ({"STATUS": "1", "LEFT": "x-run-1\tat noon"}, ActionKilled, "x-run-1 still runs migrate"),
        ({"STATUS": "1", "PS_STATUS": "1"}, ActionKilled, "still runs is unknown"),
        ({"STATUS": "kill"}, ActionKilled, "exited with -9"),
        ({"STATUS": "1"}, ActionFailed, "exited with 1"),
    ],
)
async def test_a_one_off_whose_command_ends_while_it_runs_on_is_in_doubt_and_not_failed(
    tmp_path: Path,
    record: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: dict[str, str],
    how: type[ActionFailed],
    words: str,
) -> None:
    (record.parent / "bin" / "docker").write_text(ONCE, encoding="utf-8")
    for name, value in {"LEFT": "", **given}.items():
        monkeypatch.setenv(name, value)
    action = compose("run", "migrate")
    with pytest.raises(ActionFailed, match=words) as ended:
        await registry.run(action, acting(world(tmp_path), action, []))
    assert type(ended.value) is how
