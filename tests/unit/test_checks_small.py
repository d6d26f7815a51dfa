from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cockpit.answer import Answer
from cockpit.checks import http as http_checks
from cockpit.checks import registry
from cockpit.checks.base import CheckContext, Finding
from cockpit.checks.identity import identify
from cockpit.journal.state import RunState, StepState, StepStatus
from cockpit.runbook.checks import (
    Check,
    CommandCheck,
    DiskCheck,
    DockerCheck,
    Expect,
    HttpCheck,
    NotBeforeCheck,
    SecretFilesCheck,
    SoakCheck,
)
from cockpit.runbook.targets import HostTarget, HttpTarget, NotPlayed
from cockpit.runbook.words import Duration, Id, Offset, Size, StepId, TargetId
from tests.fakes.small_runbooks import NIGHT, World, asking, serving

HOST = HostTarget(kind="host", path="/")
WEB = TargetId("web")


def page(
    path: str = "/health", json: str = "", expect: Expect | None = None, timeout: float = 5.0
) -> HttpCheck:
    return HttpCheck(
        kind="http",
        id=Id("answers"),
        title="The service answers",
        target=WEB,
        path=path,
        json=json,
        expect=expect,
        timeout=Duration(timeout),
    )


def disk(at_least: int) -> DiskCheck:
    return DiskCheck(
        kind="disk", id=Id("room"), title="Room", target=TargetId("host"), at_least=Size(at_least)
    )


def reads(*argv: str) -> CommandCheck:
    return CommandCheck(
        kind="command",
        id=Id("look"),
        title="A look",
        argv=argv,
        reads_only=True,
        timeout=Duration(5),
    )


async def said(world: World, check: Check, state: RunState | None = None) -> Answer:
    return await registry.ask(check, asking(world, check, state=state))


@pytest.mark.parametrize(
    ("expect", "word", "evidence"),
    [
        (Expect(op="<=", value=5, unit="s"), "pass", "lag.0.seconds is 4 s"),
        (Expect(op=">", value=5), "fail", "lag.0.seconds is 4, expected > 5"),
        (Expect(op="==", value="4"), "pass", "lag.0.seconds is 4"),
    ],
)
async def test_a_value_inside_the_answer_is_judged(
    tmp_path: Path, expect: Expect, word: str, evidence: str
) -> None:
    with serving({"/health": (200, '{"lag": [{"seconds": 4}]}')}) as (url, _):
        world = World(tmp_path, targets={"web": HttpTarget(kind="http", url=url)})
        answer = await said(world, page(json="lag.0.seconds", expect=expect))
    assert (answer.said, answer.evidence) == (word, evidence)


async def test_another_status_fails_and_names_both(tmp_path: Path) -> None:
    with serving({}) as (url, _):
        world = World(tmp_path, targets={"web": HttpTarget(kind="http", url=url)})
        answer = await said(world, page())
    assert (answer.said, answer.evidence) == ("fail", "/health answered 404, expected 200")


async def test_a_missing_value_is_unknown_never_green(tmp_path: Path) -> None:
    with serving({"/health": (200, "{}")}) as (url, _):
        world = World(tmp_path, targets={"web": HttpTarget(kind="http", url=url)})
        answer = await said(world, page(json="queue", expect=Expect(value=0)))
    assert (answer.said, answer.evidence) == ("unknown", "the answer has no queue")


async def test_a_service_that_is_not_there_is_unknown(tmp_path: Path) -> None:
    world = World(tmp_path, targets={"web": HttpTarget(kind="http", url="http://127.0.0.1:1")})
    answer = await said(world, page())
    assert answer.said == "unknown"
    assert not answer.holds


async def test_a_check_that_takes_too_long_is_unknown(tmp_path: Path) -> None:
    check = reads(sys.executable, "-c", "import time; time.sleep(60)")
    slow = CommandCheck(
        kind="command",
        id=check.id,
        title="slow",
        argv=check.argv,
        reads_only=True,
        timeout=Duration(0.3),
    )
    answer = await said(World(tmp_path), slow)
    assert (answer.said, answer.evidence) == ("unknown", "no answer within 0.3 s")


async def test_a_check_that_breaks_is_unknown_and_its_trace_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(check: Check, context: CheckContext) -> Finding:
        raise ZeroDivisionError

    monkeypatch.setattr(http_checks, "http", broken)
    answer = await said(World(tmp_path, targets={"web": HttpTarget(kind="http", url="x")}), page())
    assert answer.said == "unknown"
    assert "ZeroDivisionError" in answer.evidence
    assert "Traceback" in caplog.text


async def test_evidence_is_one_printable_line(tmp_path: Path) -> None:
    answer = await said(World(tmp_path), reads("printf", r"a\n\033[31mred\033[0m \t end\r\n"))
    assert answer.evidence == "red end"
    assert registry.one_line("x" * 1000).endswith("…")
    assert len(registry.one_line("x" * 1000)) == registry.LONGEST


async def test_free_space_is_judged_and_said(tmp_path: Path) -> None:
    world = World(tmp_path, targets={"host": HOST})
    assert (await said(world, disk(1))).said == "pass"
    lacking = await said(world, disk(10**18))
    assert lacking.said == "fail"
    assert "needed" in lacking.evidence


async def test_a_secret_open_to_others_closes_the_gate(open_folder: Path) -> None:
    world = World(open_folder, secrets={"token": "a-long-token"})
    check = SecretFilesCheck(kind="secret_files", id=Id("kept"), title="Secrets are kept")
    context = asking(world, check)
    assert (await registry.ask(check, context)).said == "pass"
    (open_folder / "token.secret").chmod(0o644)
    answer = await registry.ask(check, context)
    assert answer.said == "fail"
    assert "can be read by other users" in answer.evidence
    assert "a-long-token" not in answer.evidence


async def test_evidence_that_is_cut_holds_no_half_of_a_secret(tmp_path: Path) -> None:
    world = World(tmp_path, secrets={"token": "a-long-token"})
    check = reads("printf", "%s", "x" * (registry.LONGEST - 6) + "a-long-token")
    context = asking(world, check)
    context.secrets.learn_all()
    answer = await registry.ask(check, context)
    assert answer.said == "pass"
    assert answer.evidence.endswith("x[toke…")


async def test_an_empty_secret_closes_the_gate(tmp_path: Path) -> None:
    check = SecretFilesCheck(kind="secret_files", id=Id("kept"), title="Secrets are kept")
    answer = await said(World(tmp_path, secrets={"token": "\n"}), check)
    assert answer.said == "fail"
    assert "fewer than 8 characters" in answer.evidence


@pytest.mark.parametrize("kind", ["docker", "command"])
async def test_in_rehearsal_the_hosts_own_things_are_not_asked(tmp_path: Path, kind: str) -> None:
    docker = DockerCheck(kind="docker", id=Id("d"), title="Docker", target=TargetId("stack"))
    check: Check = docker if kind == "docker" else reads("touch", str(tmp_path / "ran"))
    answer = await said(World(tmp_path, "rehearsal"), check)
    assert answer.said == "not_rehearsed"
    assert answer.holds
    assert not (tmp_path / "ran").exists()


async def test_a_target_that_the_lab_does_not_play_is_said_so(tmp_path: Path) -> None:
    world = World(tmp_path, "rehearsal", targets={"web": NotPlayed(kind="not_rehearsed")})
    assert (await said(world, page())).said == "not_rehearsed"
    assert await identify("web", asking(world)) == "not rehearsed here"


async def test_a_time_not_reached_says_how_long_it_lasts(tmp_path: Path) -> None:
    check = NotBeforeCheck(kind="not_before", id=Id("t"), title="Time", offset=Offset(-3600))
    early = await said(World(tmp_path), check, RunState(t0_planned=NIGHT + 3600 + 840))
    assert (early.said, early.evidence) == ("fail", "in 14 min, at 2026-09-21 14:27:20 UTC")
    reached = await said(World(tmp_path), check, RunState(t0_planned=NIGHT))
    assert reached.said == "pass"
    assert (await said(World(tmp_path), check, RunState())).said == "unknown"


@pytest.mark.parametrize(
    ("status", "done_at", "word"),
    [
        ("done", NIGHT - 601, "pass"),
        ("done", NIGHT - 599, "fail"),
        ("skipped", None, "fail"),
        ("failed", None, "fail"),
    ],
)
async def test_a_soak_counts_from_the_moment_a_step_was_done(
    tmp_path: Path, status: StepStatus, done_at: float | None, word: str
) -> None:
    check = SoakCheck(
        kind="soak", id=Id("s"), title="Soak", after=StepId("only"), duration=Duration(600)
    )
    state = RunState(steps={"only": StepState("only", status, done_at=done_at)})
    assert (await said(World(tmp_path), check, state)).said == word


async def test_answers_come_back_in_the_order_of_the_questions(tmp_path: Path) -> None:
    world = World(tmp_path, targets={"host": HOST})
    checks: list[Check] = [disk(10**18), reads("true"), disk(1)]
    answers = await registry.ask_all(checks, asking(world, *checks))
    assert [answer.said for answer in answers] == ["fail", "pass", "pass"]


async def test_the_host_is_named_by_a_digest_and_a_service_by_its_address(tmp_path: Path) -> None:
    target = HttpTarget(kind="http", url="https://192.0.2.7", host_header="api.test")
    context = asking(World(tmp_path, targets={"host": HOST, "web": target}))
    assert await identify("web", context) == "https://192.0.2.7 as api.test"
    host = await identify("host", context)
    assert host.startswith("host ")
    assert host == await identify("host", context)
