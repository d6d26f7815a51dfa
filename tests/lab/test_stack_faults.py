from __future__ import annotations

import re
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from cockpit.runbook.targets import ComposeTarget
from tests.fakes.folded import TOKEN, folded, left
from tests.lab.stack_engine import until
from tests.lab.stack_project import SHIPPED, Stack, dockerfile, perform

FAULTS = """
name: freshtrack-faults
x-service: &service
  image: {node}
  restart: unless-stopped
  stop_grace_period: 1s
services:
  leaking:
    <<: *service
    restart: "no"
    command: [node, -e, "const kept = []; setInterval(() => kept.push(Buffer.alloc(2e7, 1)), 50)"]
    deploy: {{resources: {{limits: {{memory: 96M}}}}}}
  without_curl:
    <<: *service
    command: [node, -e, "setInterval(() => {{}}, 1000)"]
    healthcheck: {{test: [CMD, curl, -f, "http://localhost/"], interval: 1s, retries: 2}}
  without_curl_in_shell:
    <<: *service
    command: [node, -e, "setInterval(() => {{}}, 1000)"]
    healthcheck: {{test: [CMD-SHELL, curl -f http://localhost/], interval: 1s, retries: 2}}
  refusing:
    <<: *service
    command: [node, -e, "console.log('begun'); setInterval(() => {{}}, 1000)"]
    healthcheck: {{test: [CMD-SHELL, echo queue is full; exit 1], interval: 1s, retries: 2}}
  looping:
    <<: *service
    command: [node, -e, "console.log('no settings'); process.exit(3)"]
  slow:
    <<: *service
    command: [node, -e, "setInterval(() => {{}}, 1000)"]
    healthcheck: {{test: [CMD, "false"], interval: 1s, retries: 2, start_period: 100s}}
  telling:
    <<: *service
    command: [sh, -c, "base64 /token; echo listens; while true; do sleep 1; done"]
    volumes: ["./token.txt:/token:ro"]
    healthcheck: {{test: [CMD-SHELL, base64 /token; exit 1], interval: 1s, retries: 2}}
  late:
    <<: *service
    command: [node, -e, "setInterval(() => {{}}, 1000)"]
    healthcheck: {{test: [CMD-SHELL, test -e /dev/shm/good], interval: 1s, retries: 1}}
"""


@pytest.fixture(scope="module")
def faults(stack: Stack) -> ComposeTarget:
    node = re.findall(r"^FROM (node:\S+)", dockerfile(SHIPPED), re.MULTILINE)[0]
    folder = stack.folder.parent / "faults"
    folder.mkdir()
    (folder / "compose.yaml").write_text(FAULTS.format(node=node), encoding="utf-8")
    (folder / "token.txt").write_text(TOKEN, encoding="ascii")
    return ComposeTarget(
        kind="compose", project="freshtrack-faults", directory=str(folder), files=("compose.yaml",)
    )


@pytest.mark.parametrize(
    ("service", "reasons"),
    [
        ("leaking", ["exit 137, ended for want of memory (its limit: 96 MiB)"]),
        ("without_curl", ["unhealthy", "the health check's program is not in the image"]),
        ("without_curl_in_shell", ["unhealthy", "the health check's program is not in the image"]),
        ("refusing", ["unhealthy", "its health check said: queue is full", "  begun"]),
        ("looping", ["exit 3", "  no settings"]),
    ],
)
@pytest.mark.usefixtures("no_patience")
def test_a_service_that_does_not_come_up_is_explained(
    faults: ComposeTarget, service: str, reasons: list[str]
) -> None:
    began = time.monotonic()
    failed = perform(faults, "up", service).failed
    assert f"{service} is not ready" in failed
    assert [reason for reason in reasons if reason not in failed] == []
    assert time.monotonic() - began < 40


@pytest.mark.parametrize("operation", ["up", "run"])
@pytest.mark.usefixtures("no_patience")
def test_no_part_of_a_secret_that_a_service_prints_over_lines_is_in_the_reasons(
    faults: ComposeTarget, operation: str
) -> None:
    once = {"command": ("sh", "-c", "base64 /token; exit 3")} if operation == "run" else {}
    failed = perform(faults, operation, "telling", secrets={"token": TOKEN}, **once).failed
    assert "[token hidden]" in failed
    assert left(folded(TOKEN), failed) == []


@pytest.mark.parametrize(("fault", "word"), [("kill", "exit 137, killed"), ("pause", "paused")])
def test_a_container_that_is_killed_or_paused_while_it_is_waited_for_is_named_so(
    stack: Stack, faults: ComposeTarget, fault: str, word: str
) -> None:
    name = f"{faults.project}-slow-1"

    def harm() -> None:
        listing = ("ps", "--quiet", "--filter", f"name={name}", "--filter", "status=running")
        until(lambda: bool(stack.engine.docker(*listing).strip()), 30, "it does not start")
        time.sleep(1.5)  # until it is waited for
        until(harmed, 20, f"{fault} is not taken")

    def harmed() -> bool:
        # A container in which a process just begins is at times not frozen: "unable to freeze".
        with suppress(AssertionError):
            stack.engine.docker(fault, name)
            return True
        return False

    harming = threading.Thread(target=harm)
    harming.start()
    failed = perform(faults, "up", "slow").failed
    harming.join()
    if fault == "pause":
        stack.engine.docker("unpause", name)
    assert f"slow is not ready: {word}" in failed
    stack.engine.docker("rm", "--force", name)


def test_a_service_that_is_unhealthy_at_first_is_waited_for_until_its_deadline(
    stack: Stack, faults: ComposeTarget
) -> None:
    said: list[str] = []
    name = f"{faults.project}-late-1"

    def mend() -> None:
        until(lambda: any("late: unhealthy" in line for line in said), 40, "it is not unhealthy")
        stack.engine.docker("exec", name, "sh", "-c", "echo > /dev/shm/good")

    mending = threading.Thread(target=mend)
    mending.start()
    done = perform(faults, "up", "late", said=said)
    mending.join()
    stack.engine.docker("rm", "--force", name)
    assert not done.failed
    assert done.said[-1].startswith("1 service ready")


def test_what_was_started_before_is_waited_for_on_its_own_and_explained(
    stack: Stack, faults: ComposeTarget
) -> None:
    # One that has been looping for long is started again but once a minute.
    stack.engine.docker("rm", "--force", f"{faults.project}-looping-1")
    perform(faults, "up", "looping")
    failed = perform(faults, "wait", "looping").failed
    assert "looping is not ready" in failed
    assert "  no settings" in failed


@pytest.mark.usefixtures("no_patience")
def test_a_failed_wait_leaves_the_containers_as_they_are(
    stack: Stack, faults: ComposeTarget
) -> None:
    stack.engine.docker("rm", "--force", f"{faults.project}-refusing-1")
    assert perform(faults, "up", "refusing").failed
    running = stack.engine.docker("ps", "--format", "{{.Names}}").split()
    assert f"{faults.project}-refusing-1" in running


def test_images_that_this_host_does_not_have_are_said_before_anything_starts(
    faults: ComposeTarget, tmp_path: Path
) -> None:
    text = "services: {absent: {image: 'nowhere.invalid/absent:1'}}\n"
    (tmp_path / "compose.yaml").write_text(text, encoding="utf-8")
    aim = ComposeTarget(
        kind="compose",
        project="freshtrack-absent",
        directory=str(tmp_path),
        files=("compose.yaml",),
    )
    done = perform(aim, "up", "absent")
    assert done.said[0] == "absent starts: an image that is not on this host"
    assert done.failed.startswith("docker up exited with ")
