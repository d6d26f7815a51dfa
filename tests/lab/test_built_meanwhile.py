from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.lab.fix_tiles import Deployed, lab_engine, write_build
from tests.lab.stack_runs import stack_run


def test_an_image_that_was_built_anew_after_it_was_shown_is_not_started(tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    write_build(context, "first")
    with lab_engine() as engine:
        stack = Deployed(engine, tmp_path, {"web": {"build": "context"}})
        stack.compose("build", "web")
        first = image(stack)
        with stack_run(stack, "deploy", "operation: up, services: [web]") as run:
            shown = run.operator.proposal("deploy")
            assert shown.foreseen[0] == f"web starts: {first}"
            write_build(context, "second")
            stack.compose("build", "web")
            told = run.refused(partial(run.operator.confirm, shown))
            assert f"web starts: {first} before, web starts: {image(stack)} now" in told
            assert engine.docker("ps", "--all", "--quiet") == ""


def image(stack: Deployed) -> str:
    name = f"{stack.project}-web"
    found = stack.engine.docker("image", "inspect", "--format", "{{.Id}}", name)
    return found.strip().removeprefix("sha256:")[:12]
