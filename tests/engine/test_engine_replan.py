from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cockpit.commands import report as report_command
from cockpit.engine.client import Client
from cockpit.runbook.plan import thaw
from cockpit.telemetry.live import PlanChange
from tests.fakes.crash_runs import Run, eventually, running

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with running(tmp_path / "run") as begun:
        yield begun


def edit(run: Run, change: Callable[[str], str], name: str = "runbook.yaml") -> None:
    path = run.folder / "runbook" / name
    before = path.read_text()
    path.write_text(change(before))
    assert path.read_text() != before


def shown(run: Run, holds: Callable[[PlanChange], bool] = bool) -> PlanChange:
    """The change as the screen shows it."""
    found: list[PlanChange] = []

    def is_shown() -> bool:
        live = Client(run.directory).view().live
        change = live.plan_change if live else None
        found[:] = [change] if change and holds(change) else []
        return bool(found)

    eventually(is_shown, "the change on screen")
    return found[0]


def accept(run: Run, change: PlanChange) -> None:
    began = len(run.told("engine_started"))
    run.send("accept_plan", digest=change.digest, text="the gate asked for the wrong mark")
    eventually(lambda: bool(run.told("plan_accepted")), "the new plan")
    eventually(lambda: len(run.told("engine_started")) > began, "the engine with the new plan")
    run.operator.wait("its view", lambda view: bool(view.live and not view.live.plan_change))


def refused(run: Run, change: PlanChange) -> str:
    return run.refused(lambda: run.send("accept_plan", digest=change.digest, text="so"))


def test_only_the_frozen_copy_runs_until_a_change_is_accepted(run: Run) -> None:
    edit(run, lambda text: text.replace("sh, act.sh, quick]", "sh, act.sh, other]"))
    edit(run, lambda text: text.replace('echo "$1 begins"', 'echo "$1 starts"'), "act.sh")
    change = shown(run, lambda one: bool(one.texts))
    assert set(change.files) == {"runbook.yaml", "act.sh"}
    fields = {field: (old, new) for _, _, rows in change.rows for field, old, new in rows}
    assert fields["action.argv"] == ("sh, act.sh, quick", "sh, act.sh, other")
    assert [name for name, _ in change.texts] == ["act.sh"]
    assert '-echo "$1 begins"' in change.texts[0][1]
    assert '+echo "$1 starts"' in change.texts[0][1]
    assert run.told("plan_change_seen")
    run.confirm("quick")
    assert run.operator.settled("quick") == "done"
    assert run.attempt("quick").output.read_text() == "quick begins\nquick ends\n"


def test_a_change_that_is_taken_back_is_no_change(run: Run) -> None:
    edit(run, lambda text: text.replace("Service poked", "Service touched"))
    shown(run)
    edit(run, lambda text: text.replace("Service touched", "Service poked"))
    run.operator.wait("no change", lambda view: bool(view.live and not view.live.plan_change))
    assert run.told("plan_accepted") == []


def test_a_wrong_verification_is_mended_by_a_plan_change_and_what_is_done_stays_done(
    run: Run,
) -> None:
    run.confirm("quick")
    assert run.operator.settled("quick") == "done"
    former = run.operator.view().state.plan
    edit(
        run,
        lambda text: text.replace("Step quick", "Step very quick").replace(
            "sh, act.sh, slow]", "sh, act.sh, again]"
        ),
    )
    change = shown(run)
    assert change.begun == ("quick",)
    other = run.refused(lambda: run.send("accept_plan", digest="0" * 64, text="so"))
    assert "not what was shown" in other
    wordless = run.refused(lambda: run.send("accept_plan", digest=change.digest))
    assert wordless == "a reason is wanted"
    accept(run, change)
    told = run.told("plan_accepted")[0]
    assert (told["plan"], told["former"], told["begun"]) == (change.digest, former, ["quick"])
    assert any(line.startswith("step slow: action.argv: ") for line in told["changes"])
    state = run.operator.view().state
    assert (state.plan, state.step("quick").status) == (change.digest, "done")
    assert thaw(run.directory.plan(change.digest)).runbook.step("quick").title == "Step very quick"
    assert run.operator.view().runbook.step("quick").title == "Step very quick"
    run.confirm("slow")
    run.wait_status("slow", "done", "failed")
    assert run.attempt("slow").output.read_text().startswith("again begins")
    assert run.attempt("slow").order().plan == change.digest
    report_command.run(str(run.directory.path), None)
    assert "the plan was changed by" in (run.directory.path / "report" / "report.md").read_text()


def test_a_gate_that_asks_for_the_wrong_thing_is_mended_and_opens(run: Run) -> None:
    edit(run, lambda text: text.replace("[slow_seen]", "[slow_seen]\n        gates: [again_seen]"))
    accept(run, shown(run))
    closed = run.operator.proposal("slow").closed
    assert "The mark of again is there" in closed[0]
    edit(run, lambda text: text.replace("gates: [again_seen]", "gates: [quick_seen]"))
    run.confirm("quick")
    assert run.operator.settled("quick") == "done"
    assert run.operator.proposal("slow").closed == closed
    accept(run, shown(run, lambda one: not one.refusals))
    assert run.operator.proposal("slow").closed == ()
    assert len(run.told("plan_accepted")) == 2


def test_a_change_with_mistakes_is_shown_and_cannot_be_accepted(run: Run) -> None:
    edit(run, lambda text: text.replace("needs: [quick]", "needs: [quik]"))
    change = shown(run)
    assert change.digest == ""
    assert any("quik" in line for line in change.mistakes)
    assert "it has mistakes" in run.refused(lambda: run.send("accept_plan", digest="", text="so"))
    run.confirm("quick")
    assert run.operator.settled("quick") == "done"


def test_a_change_that_drops_what_was_begun_or_its_way_back_is_refused(run: Run) -> None:
    run.confirm("quick")
    assert run.operator.settled("quick") == "done"
    edit(run, _without_quick)
    change = shown(run)
    assert change.refusals == ("it drops quick, which has begun",)
    assert refused(run, change) == "it drops quick, which has begun"
    edit(
        run,
        lambda _: (run.directory.plan(run.operator.view().state.plan) / "runbook.yaml").read_text(),
    )
    edit(run, _without_the_way_back)
    change = shown(run, lambda one: "nothing would" in "".join(one.refusals))
    assert change.refusals == ("nothing would take quick back any more, which has begun",)


def test_a_plan_is_not_changed_under_a_running_step_and_the_page_says_so(run: Run) -> None:
    edit(run, lambda text: text.replace("Service poked", "Service touched"))
    change = shown(run)
    assert change.refusals == ()
    run.confirm_slow()
    late = shown(run, lambda one: bool(one.refusals))
    assert late.refusals == ("slow is under way: let it end, or stop it first",)
    assert "slow is under way" in refused(run, change)
    run.let_go()
    run.wait_status("slow", "done")
    accept(run, shown(run, lambda one: not one.refusals))


def _without_quick(text: str) -> str:
    start = text.index("      - id: quick\n")
    end = text.index("      - id: ", start + 10)
    text = text[:start] + text[end:]
    text = text.replace("needs: [quick]", "needs: []").replace("call_off: [back_quick]\n", "")
    return text[: text.index("  - id: back_quick")]


def _without_the_way_back(text: str) -> str:
    text = text.replace("call_off: [back_quick]\n", "")
    text = text[: text.index("  - id: back_quick")]
    return text.replace(
        "        timeout: 60s\n",
        "        timeout: 60s\n        way_back: not needed, because it is a mark in a file\n",
        1,
    )
