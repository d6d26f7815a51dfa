"""A run of the real engine whose first step acts on a small Compose project of the lab."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cockpit.clock import wall_s
from cockpit.engine.start import begin, run_started
from cockpit.runbook.plan import load_plan
from tests.fakes.crash_runs import Kind, Run, some_net, write_runbook
from tests.lab.fix_tiles import Deployed

STEP = """\
      - id: {id}
        title: The stack moves
        why: The tables have to be there.
        success_looks_like: They are there.
        if_it_fails: Read what it says.
        ask: the owner
        action: {{kind: compose, target: stack, {action}}}
        estimate: 20s
        timeout: 3m
        idempotent: true
        needs: []
        way_back: not needed, because nobody is there
"""


@contextmanager
def stack_run(stack: Deployed, step: str, action: str) -> Iterator[Run]:
    """The run under way; its processes are gone afterwards, the project's containers are not."""
    stack.write()
    book = write_runbook(stack.folder, some_net(), (Kind("quick", undone=True),))
    about = f"project: {stack.project}, directory: {stack.folder}, files: [compose.yaml]"
    insert(book / "runbook.yaml", "    steps:\n", STEP.format(id=step, action=action))
    insert(book / "runbook.yaml", "targets:\n", "  stack: {kind: compose, about: It runs here}\n")
    own = f"  stack: {{kind: compose, {about}, context: '{stack.engine.host}'}}\n"
    insert(book / "staging.yaml", "targets:\n", own)
    plan = load_plan(book, "staging", {})
    one = Run(stack.folder, begin(plan, {}, run_started(plan, wall_s() + 86400)))
    try:
        one.start(DOCKER_CONFIG=stack.engine.environment["DOCKER_CONFIG"])
        yield one
    finally:
        one.end()


def insert(path: Path, after: str, more: str) -> None:
    text = path.read_text()
    at = text.index(after) + len(after)
    path.write_text(text[:at] + more + text[at:])
