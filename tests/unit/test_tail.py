from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cockpit.actions import registry
from cockpit.actions.base import ActionContext
from cockpit.checks.registry import ask
from cockpit.commands.diagnosis import answered
from cockpit.database.connect import session
from cockpit.errors import ActionFailed, TargetError
from cockpit.redact import SHOWN, Redactor
from cockpit.runbook.actions import ComposeAction, ShellAction
from cockpit.runbook.checks import CommandCheck
from cockpit.runbook.targets import ComposeTarget, PostgresTarget
from cockpit.runbook.words import Duration, Id, SecretId, TargetId
from cockpit.tail import BATCH, LONGEST, Tail
from tests.fakes.folded import KEY, TOKEN, WAYS, folded, left
from tests.fakes.small_runbooks import World, acting, asking, serving

EACH = pytest.mark.parametrize(("secret", "printed"), WAYS.values(), ids=WAYS)
HIDDEN = "[token hidden]"
STACK = ComposeTarget(kind="compose", project="p", directory=".", files=("compose.yaml",))


def knowing(secret: str) -> Redactor:
    redactor = Redactor()
    redactor.learn("token", secret)
    return redactor


def printing(folder: Path, printed: str, status: int) -> tuple[str, ...]:
    """A real program that prints it, and ends so."""
    (folder / "printed").write_text(f"begins\n{printed}\n", encoding="utf-8")
    return ("sh", "-c", f'cat "$0"; exit {status}', str(folder / "printed"))


def knowing_all(context: ActionContext) -> ActionContext:
    context.secrets.learn_all()
    return context


async def failed(folder: Path, secret: str, printed: str) -> str:
    action = ShellAction(kind="shell", argv=printing(folder, printed, 3))
    context = knowing_all(acting(World(folder, secrets={"token": secret}), action, []))
    with pytest.raises(ActionFailed) as found:
        await registry.run(action, context)
    return found.value.what


@EACH
async def test_the_last_lines_of_a_failed_program_hold_no_part_of_a_folded_secret(
    tmp_path: Path, secret: str, printed: str
) -> None:
    shown = await failed(tmp_path, secret, printed)
    assert "sh exited with 3\n" in shown
    assert HIDDEN in shown
    assert left(printed, shown) == []


@EACH
@pytest.mark.parametrize("status", [0, 3])
async def test_the_evidence_of_a_command_holds_no_part_of_a_folded_secret(
    tmp_path: Path, secret: str, printed: str, status: int
) -> None:
    check = CommandCheck(
        kind="command",
        id=Id("look"),
        title="A look",
        argv=printing(tmp_path, printed, status),
        reads_only=True,
        timeout=Duration(5),
    )
    context = asking(World(tmp_path, secrets={"token": secret}), check)
    context.secrets.learn_all()
    answer = await ask(check, context)
    assert answer.said == ("fail" if status else "pass")
    assert left(printed, answer.evidence) == []
    assert HIDDEN in answer.evidence or answer.evidence == "4"


@EACH
@pytest.mark.parametrize("operation", ["pull", "run", "restart"])
async def test_what_compose_says_last_holds_no_part_of_a_folded_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, secret: str, printed: str
) -> None:
    (tmp_path / "printed").write_text(f"begins\n{printed}\n", encoding="utf-8")
    docker = tmp_path / "docker"
    reads = '*" config "*) echo \'{"services": {}}\'; exit;; *" ps "*|*" --dry-run "*) exit;;'
    says = f'cat {tmp_path}/printed >&2; exit "${{STATUS:-1}}"'
    docker.write_text(f'#!/bin/sh\ncase " $* " in {reads} esac\n{says}\n', encoding="utf-8")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    action = ComposeAction(
        kind="compose",
        target=TargetId("stack"),
        operation=operation,  # type: ignore[arg-type]  # a parameter of the test
        services=("web",),
        command=("true",) if operation == "run" else (),
    )
    world = World(tmp_path, targets={"stack": STACK}, secrets={"token": secret})
    with pytest.raises(ActionFailed) as found:
        await registry.run(action, knowing_all(acting(world, action, [])))
    assert f"docker {operation} exited with 1\n" in found.value.what
    assert HIDDEN in found.value.what
    assert left(printed, found.value.what) == []


async def test_the_last_line_of_a_lab_operation_holds_no_part_of_a_folded_secret(
    tmp_path: Path,
) -> None:
    action = ShellAction(kind="shell", argv=("true",))
    world = World(
        tmp_path, "rehearsal", secrets={"token": TOKEN}, operations={"only": "new_migrate"}
    )
    said = {"/operations/new_migrate": (500, folded(TOKEN))}
    with serving(said) as (lab, _), pytest.raises(ActionFailed) as found:
        await registry.run(action, knowing_all(acting(world, action, [], lab)))
    assert found.value.what == HIDDEN


async def test_a_secret_is_hidden_that_begins_in_a_line_without_an_end(tmp_path: Path) -> None:
    said: list[str] = []
    code = f"import sys; sys.stdout.write('x' * 200_000 + {folded(TOKEN)!r}); sys.exit(3)"
    action = ShellAction(kind="shell", argv=(sys.executable, "-c", code))
    context = acting(World(tmp_path, secrets={"token": TOKEN}), action, said)
    with pytest.raises(ActionFailed) as found:
        await registry.run(action, knowing_all(context))
    assert left(folded(TOKEN), found.value.what) == []
    heard = knowing(TOKEN).clean("\n".join(said))
    assert left(folded(TOKEN), heard) == []
    assert heard.count("x") == 200_000, "nothing is left out"


def test_a_secret_is_hidden_however_much_stands_before_it() -> None:
    tail = Tail(knowing(KEY), 3)
    lines = [f"line {number}" for number in range(BATCH // 4)]
    for line in (*lines, *folded(KEY).splitlines(), "no retry"):
        tail.add(line)
    before, key, after = tail.lines()
    assert (before, key[: len(HIDDEN)], after) == (lines[-1], HIDDEN, "no retry")
    assert left(folded(KEY), key) == []


def test_a_line_of_any_length_is_repeated_in_part() -> None:
    tail = Tail(knowing(TOKEN), 2)
    tail.add("first\n" + "y" * 100_000)
    assert tail.lines() == ("first", "y" * LONGEST + " [cut]")


def test_progress_is_of_lines_too() -> None:
    tail = Tail(knowing(TOKEN), 2)
    tail.add("10%\r50%\r\ndone")
    assert tail.lines() == ("50%", "done")


@given(st.lists(st.sampled_from(["a", "", "b c", "\x1b[1md", TOKEN, TOKEN[:9]])), st.integers(1, 6))
def test_the_last_lines_are_those_of_the_whole_without_its_secrets(
    lines: list[str], count: int
) -> None:
    redactor = knowing(TOKEN)
    tail = Tail(redactor, count)
    for line in lines:
        tail.add(line)
    assert tail.lines() == tuple(
        redactor.clean("".join(f"{line}\n" for line in lines)).splitlines()[-count:]
    )


def test_what_a_program_answers_the_doctor_is_hidden_before_its_first_line_is_taken(
    tmp_path: Path,
) -> None:
    SHOWN.learn("token", TOKEN)
    try:
        for status in (0, 1):
            found = answered("it", "", "mend it", *printing(tmp_path, folded(TOKEN), status)).found
            assert left(folded(TOKEN), found) == []
    finally:
        SHOWN.forget()


async def test_a_databases_complaint_comes_whole_to_where_it_is_hidden(tmp_path: Path) -> None:
    # The driver repeats the whole name of a socket that is too long for one.
    target = PostgresTarget(
        kind="postgres",
        host=f"/{'d' * 200}/{TOKEN}",
        database="x",
        user="x",
        password=SecretId("token"),
        sslmode="disable",
    )
    known = asking(World(tmp_path, secrets={"token": TOKEN})).secrets
    with pytest.raises(TargetError) as found:
        async with session(target, known):
            pytest.fail("there is no such socket")
    shown = known.hide(found.value.what)
    assert HIDDEN in shown
    assert left(TOKEN, shown) == []
