from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cockpit.actions import registry
from cockpit.errors import ActionFailed, Refused
from cockpit.runbook.actions import (
    HttpAction,
    ManualAction,
    NotifyAction,
    ShellAction,
    WaitAction,
)
from cockpit.runbook.checks import DiskCheck
from cockpit.runbook.targets import FileNotifier, HostTarget, HttpTarget, WebhookNotifier
from cockpit.runbook.words import CheckId, Duration, Id, SecretId, Size, TargetId
from tests.fakes.small_runbooks import World, acting, runbook, serving


def shell(*argv: str, **details: object) -> ShellAction:
    return ShellAction(kind="shell", argv=argv, **details)  # type: ignore[arg-type]  # fields by name


def python(code: str) -> ShellAction:
    return shell(sys.executable, "-c", code)


async def test_a_program_speaks_line_by_line_and_its_progress_bar_is_readable(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    action = python(r"import sys; sys.stdout.write('10%\r50%\rdone\nsnow \u2603\nlast')")
    await registry.run(action, acting(World(tmp_path), action, said))
    assert said == ["10%", "50%", "done", "snow \u2603", "last"]


async def test_a_failing_program_names_its_status_and_its_last_lines(tmp_path: Path) -> None:
    action = python("import sys; print('no room'); sys.exit(3)")
    with pytest.raises(ActionFailed, match=r"exited with 3\nno room"):
        await registry.run(action, acting(World(tmp_path), action, []))


async def test_a_program_that_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    action = shell("no-such-program")
    with pytest.raises(ActionFailed, match="no-such-program cannot be started"):
        await registry.run(action, acting(World(tmp_path), action, []))


async def test_a_program_gets_paths_of_secrets_and_none_of_the_operators_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter2hunter2")
    said: list[str] = []
    action = python("import os; print(*sorted(os.environ))")
    world = World(tmp_path, secrets={"dns_key": "a-long-secret"})
    await registry.run(action, acting(world, action, said))
    assert "DNS_KEY_FILE" in said[0].split()
    assert "PGPASSWORD" not in said[0].split()


async def test_a_stopped_step_leaves_no_program_behind(tmp_path: Path) -> None:
    said: list[str] = []
    action = python("import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    spoke = asyncio.Event()

    def say(line: str) -> None:
        said.append(line)
        spoke.set()

    context = replace(acting(World(tmp_path), action, []), say=say)
    task = asyncio.create_task(registry.run(action, context))
    async with asyncio.timeout(10):
        await spoke.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(int(said[0]), 0)


async def test_a_line_of_any_length_is_shown_in_parts(tmp_path: Path) -> None:
    said: list[str] = []
    action = python("print('x' * 500_000); print('after')")
    await registry.run(action, acting(World(tmp_path), action, said))
    *parts, after = said
    assert ("".join(parts), after) == ("x" * 500_000, "after")
    assert max(map(len, parts)) <= 3 * 65_536


async def test_a_background_child_that_keeps_the_pipe_does_not_hold_the_step(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    action = shell("sh", "-c", "sleep 20 & echo $!")
    async with asyncio.timeout(10):
        await registry.run(action, acting(World(tmp_path), action, said))
    os.kill(int(said[0]), 9)


async def test_in_rehearsal_no_program_runs_and_the_lab_operation_speaks(tmp_path: Path) -> None:
    said: list[str] = []
    action = shell("touch", str(tmp_path / "ran"))
    world = World(tmp_path, "rehearsal", operations={"only": "back_up_old"})
    with serving({"/operations/back_up_old": (200, "dumped 3 tables\nwrote 9 MB\n")}) as (lab, _):
        recorded = await registry.run(action, acting(world, action, said, lab))
    assert said[1:] == ["dumped 3 tables", "wrote 9 MB"]
    assert recorded == {"operation": "back_up_old"}
    assert not (tmp_path / "ran").exists()


async def test_a_lab_operation_that_fails_fails_the_step_with_its_reason(tmp_path: Path) -> None:
    action = shell("true")
    world = World(tmp_path, "rehearsal", operations={"only": "new_migrate"})
    with (
        serving({"/operations/new_migrate": (500, "the migration died")}) as (lab, _),
        pytest.raises(ActionFailed, match="the migration died"),
    ):
        await registry.run(action, acting(world, action, [], lab))


async def test_a_step_without_a_lab_operation_says_so_and_does_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    action = shell("touch", str(tmp_path / "ran"))
    recorded = await registry.run(action, acting(World(tmp_path, "rehearsal"), action, said))
    assert said == ["nothing runs: not rehearsed here"]
    assert recorded == {"not_rehearsed": True}
    assert not (tmp_path / "ran").exists()


async def test_a_rehearsal_without_its_lab_refuses_rather_than_touch_the_host(
    tmp_path: Path,
) -> None:
    action = shell("touch", str(tmp_path / "ran"))
    world = World(tmp_path, "rehearsal", operations={"only": "back_up_old"})
    with pytest.raises(Refused, match="the embedded lab is not there"):
        await registry.run(action, acting(world, action, []))
    assert not (tmp_path / "ran").exists()


def test_a_rehearsal_shows_the_production_command_and_what_stands_in(tmp_path: Path) -> None:
    action = shell("pg_dump", "--file", "a b", environment={"PGHOST": "old"})
    book = runbook(World(tmp_path, "rehearsal", operations={"only": "back_up_old"}), action)
    assert registry.describe(action, book) == (
        "production: PGHOST=old pg_dump --file 'a b'",
        "here: the lab operation back_up_old stands in",
    )


def test_production_shows_exactly_what_runs(tmp_path: Path) -> None:
    action = shell("pg_dump", "old", directory="stack")
    assert registry.describe(action, runbook(World(tmp_path), action)) == (
        "pg_dump old",
        "in stack",
    )


async def test_an_http_step_sends_its_body_and_token_and_hides_the_token_in_words(
    tmp_path: Path,
) -> None:
    action = HttpAction(
        kind="http", target=TargetId("status"), method="POST", path="/notice", body="moving"
    )
    with serving({"/notice": (200, "posted")}) as (url, asked):
        target = HttpTarget(
            kind="http", url=url, host_header="status.test", bearer=SecretId("token")
        )
        world = World(tmp_path, targets={"status": target}, secrets={"token": "a-long-token"})
        said: list[str] = []
        await registry.run(action, acting(world, action, said))
    assert asked[0].body == "moving"
    assert asked[0].headers["Host"] == "status.test"
    assert asked[0].headers["Authorization"] == "Bearer a-long-token"
    assert said == ["answered 200", "posted"]
    shown = "\n".join(registry.describe(action, runbook(world, action)))
    assert "a-long-token" not in shown
    assert "[token hidden]" in shown


async def test_an_http_step_fails_on_another_status(tmp_path: Path) -> None:
    action = HttpAction(kind="http", target=TargetId("status"), method="PUT", path="/gone")
    with serving({}) as (url, _):
        world = World(tmp_path, targets={"status": HttpTarget(kind="http", url=url)})
        with pytest.raises(ActionFailed, match="answered 404, expected 200"):
            await registry.run(action, acting(world, action, []))


async def test_a_notice_goes_to_the_file_with_its_prefix_and_run_clock(tmp_path: Path) -> None:
    action = NotifyAction(kind="notify", to="team", subject="We move", body="at ten")
    world = World(tmp_path, notifiers={"team": FileNotifier(kind="file", prefix="[STAGING] ")})
    await registry.run(action, acting(world, action, []))
    notices = (tmp_path / "notices.txt").read_text(encoding="utf-8")
    assert notices == "2026-09-21 14:13:20 UTC  [STAGING] We move\nat ten\n\n"
    assert (tmp_path / "notices.txt").stat().st_mode & 0o777 == 0o600


async def test_a_notice_that_is_not_taken_fails_without_naming_the_address(tmp_path: Path) -> None:
    action = NotifyAction(kind="notify", to="team", subject="We move")
    with serving({"/hook/s3cr3t": (500, "")}) as (url, asked):
        hook = WebhookNotifier(kind="webhook", url=f"{url}/hook/s3cr3t", prefix="[x] ")
        world = World(tmp_path, notifiers={"team": hook})
        with pytest.raises(Exception, match="answered 500") as caught:
            await registry.run(action, acting(world, action, []))
    assert asked[0].json == {"subject": "[x] We move", "body": ""}
    assert "s3cr3t" not in str(caught.value)


async def test_a_manual_step_runs_nothing_and_records_its_lines(tmp_path: Path) -> None:
    said: list[str] = []
    action = ManualAction(kind="manual", do=("call the registrar",))
    await registry.run(action, acting(World(tmp_path), action, said))
    assert said == ["done by hand: call the registrar"]


def test_a_wait_shows_what_it_waits_for(tmp_path: Path) -> None:
    check = DiskCheck(
        kind="disk",
        id=Id("room"),
        title="Room on the disk",
        target=TargetId("host"),
        at_least=Size(1),
    )
    world = World(tmp_path, targets={"host": HostTarget(kind="host")})
    action = WaitAction(kind="wait", until=(CheckId("room"),), every=Duration(2))
    assert registry.describe(action, runbook(world, action, (check,))) == (
        "ask every 2 s until all pass:",
        "  Room on the disk",
    )
