"""A small runbook whose gates ask about Docker and a stack, for `cockpit preflight` alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.fakes.crash_runs import Kind, some_net, write_runbook

CHECKS = """\
  - {id: docker_answers, title: The Docker engine answers, kind: docker, target: stack, timeout: 5s}
  - {id: stack_sound, title: The stack is sound, kind: stack_lint, target: stack, timeout: 60s}
"""


def docker_runbook(folder: Path, stack: Path, host: str = "") -> Path:
    """In production, so that there is nothing to compare with; nothing is asked but Docker."""
    book = write_runbook(folder, some_net(), (Kind("quick", undone=True),))
    runbook = book / "runbook.yaml"
    text = _after(runbook.read_text(encoding="utf-8"), "checks:\n", CHECKS)
    text = _after(text, "targets:\n", "  stack: {kind: compose, about: The stack}\n")
    title = "title: Step quick\n"
    text = _after(text, title, "        gates: [docker_answers, stack_sound]\n")
    runbook.write_text(text, encoding="utf-8")
    where = f', context: "{host}"' if host else ""
    target = f"  stack: {{kind: compose, project: p, directory: {stack}, files: [compose.yaml]"
    profile = (book / "staging.yaml").read_text(encoding="utf-8")
    profile = _after(profile, "targets:\n", f"{target}{where}}}\n")
    profile = profile.replace("environment: staging", "environment: production")
    (book / "production.yaml").write_text(profile, encoding="utf-8")
    return book


def _after(text: str, mark: str, more: str) -> str:
    assert mark in text
    return text.replace(mark, mark + more, 1)


def about(lines: Sequence[str], title: str) -> str:
    """The line that answers one check."""
    (found,) = (line for line in lines if f" {title}: " in line)
    return found
