from __future__ import annotations

import json
import re
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from cockpit import cli
from cockpit.checks import registry
from cockpit.commands import preflight
from cockpit.runbook.checks import StackLintCheck
from cockpit.runbook.plan import load_plan
from cockpit.runbook.targets import ComposeTarget
from cockpit.runbook.words import Duration, Environment, Id, TargetId
from cockpit.stack import compare, ground, look, mounted
from cockpit.stack.model import Finding, Stack
from cockpit.stack.named import named
from cockpit.stack.resolve import resolve
from cockpit.stack.rules import lint
from tests.fakes.preflights import about, docker_runbook
from tests.fakes.small_runbooks import World, asking
from tests.fakes.stack_cases import CALM, CASES, Project
from tests.fakes.stack_finer import MORE
from tests.lab.fix_tiles import IMAGE, lab_engine
from tests.lab.stack_beside import RUNBOOK, beside_production
from tests.lab.stack_engine import Engine
from tests.lab.stack_project import copied

NAMES = [f"{at}-{rule}" for at, (rule, _, _) in enumerate((*CASES, *MORE))]
CLOCK = {"x-cockpit-waive": {"clock-unset": "the machine of the tests keeps no time of its own"}}


@pytest.fixture(scope="module")
def made() -> Iterator[Engine]:
    with lab_engine() as engine:
        yield engine


@pytest.fixture(autouse=True)
def _the_labs_docker(made: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", made.environment["DOCKER_CONFIG"])
    monkeypatch.setenv("DOCKER_HOST", made.host)


def target(folder: Path, *files: str) -> ComposeTarget:
    named = files or ("compose.yaml",)
    return ComposeTarget(kind="compose", project="p", directory=str(folder), files=named)


def write(folder: Path, content: dict[str, Any], name: str = "compose.yaml") -> None:
    (folder / name).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


async def resolved(folder: Path, project: Project) -> list[Finding]:
    folder.mkdir()
    write(folder, project.written())
    found = await resolve(target(folder), ".")
    return lint(Stack(found.config, found.layers, project.known(), project.environment))


@pytest.mark.parametrize(("rule", "bad", "good"), [*CASES, *MORE], ids=NAMES)
async def test_each_rule_holds_of_what_compose_resolves(
    tmp_path: Path, rule: str, bad: Project, good: Project
) -> None:
    said = [one for one in await resolved(tmp_path / "bad", bad) if one.rule == rule]
    assert said
    if said[0].service:
        assert said[0].place.startswith("compose.yaml:")
    assert [one for one in await resolved(tmp_path / "good", good) if one.rule == rule] == []


async def test_the_file_that_set_a_value_is_named(tmp_path: Path) -> None:
    base = Project({"environment": {"NODE_ENV": "production"}, "ports": ["3000:3000"]}).written()
    write(tmp_path, base)
    write(
        tmp_path,
        {"services": {"web": {"environment": ["NODE_ENV=development"]}}},
        "compose.over.yaml",
    )
    found = await resolve(target(tmp_path, "compose.yaml", "compose.over.yaml"), ".")
    said = {one.rule: one.place for one in lint(Stack(found.config, found.layers, CALM))}
    assert said["wrong-environment"] == "compose.over.yaml:4"
    assert said["port-open"].startswith("compose.yaml:")


async def test_a_variable_without_a_value_is_told(tmp_path: Path) -> None:
    write(tmp_path, Project({"environment": {"SITE": "${NO_SUCH_SITE}"}}).written())
    assert (await resolve(target(tmp_path), ".")).unset == ("NO_SUCH_SITE",)


async def test_programs_are_looked_for_in_the_image_without_running_it(
    made: Engine, tmp_path: Path
) -> None:
    web = {"image": IMAGE, "healthcheck": {"test": ["CMD-SHELL", "curl -f http://127.0.0.1/"]}}
    redis = {"image": IMAGE, "healthcheck": {"test": ["CMD", "wget", "-q", "http://127.0.0.1/"]}}
    write(tmp_path, Project(web, redis).written())
    found = await resolve(target(tmp_path), ".")
    facts = await look.facts(found, None, None)
    assert facts.images is not None
    assert facts.images["web"].programs == {"/bin/sh": True, "curl": False}
    assert facts.images["redis"].programs == {"wget": True}
    assert made.docker("ps", "--all", "--quiet") == ""
    assert (facts.memory or 0) > 0
    assert (facts.disk_free or 0) > 0
    assert facts.ports is not None


async def test_a_missing_image_is_unknown(tmp_path: Path) -> None:
    write(tmp_path, Project({"image": "nowhere:1"}).written())
    found = await resolve(target(tmp_path), ".")
    facts = await look.facts(found, None, None)
    stack = Stack(found.config, found.layers, facts)
    levels = {one.rule: one.level for one in lint(stack)}
    assert levels["health-program"] == "unknown"


async def test_a_port_of_another_container_is_taken_and_ones_own_is_not(
    made: Engine, tmp_path: Path
) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        number = held.getsockname()[1]
        ports = [{"target": 80, "published": str(number), "host_ip": "127.0.0.1"}]
        write(tmp_path, Project({"image": IMAGE, "ports": ports}).written())
        found = await resolve(target(tmp_path), ".")
        facts = await look.facts(found, None, None)
        said = [
            one
            for one in lint(Stack(found.config, found.layers, facts))
            if one.rule == "port-taken"
        ]
    assert len(said) == 1
    assert f"127.0.0.1:{number}/tcp" in said[0].what


@pytest.mark.parametrize(
    ("service", "policy"),
    [
        ({"restart": "unless-stopped"}, "unless-stopped"),
        (
            {"restart": "no", "deploy": {"restart_policy": {"condition": "on-failure"}}},
            "on-failure",
        ),
        ({"deploy": {"restart_policy": {"condition": "any", "delay": "5s"}}}, "always"),
    ],
)
async def test_compose_takes_the_deployed_policy_before_the_other(
    made: Engine, tmp_path: Path, service: dict[str, Any], policy: str
) -> None:
    plain = {"image": IMAGE, "command": ["sleep", "9"], "network_mode": "none"}
    write(tmp_path, {"services": {"web": {**plain, **service}}})
    file = (
        "--file",
        str(tmp_path / "compose.yaml"),
        "--project-name",
        f"p{abs(hash(policy)) % 999}",
    )
    made.docker("compose", *file, "create", "--pull", "never")
    container = made.docker("compose", *file, "ps", "--all", "--quiet").strip()
    inspected = json.loads(made.docker("inspect", container))[0]
    assert inspected["HostConfig"]["RestartPolicy"]["Name"] == policy
    made.docker("rm", "--force", container)


async def test_the_engine_refuses_attempts_with_any(made: Engine, tmp_path: Path) -> None:
    policy = {"condition": "any", "max_attempts": 3}
    plain = {"image": IMAGE, "network_mode": "none", "deploy": {"restart_policy": policy}}
    write(tmp_path, {"services": {"web": plain}})
    file = ("--file", str(tmp_path / "compose.yaml"), "--project-name", "refused")
    with pytest.raises(AssertionError, match="maximum retry count cannot be used"):
        made.docker("compose", *file, "create", "--pull", "never")


def gate(allow: Literal["warnings", "hints"] = "warnings") -> StackLintCheck:
    return StackLintCheck(
        kind="stack_lint",
        id=Id("sound"),
        title="The stack is sound",
        target=TargetId("stack"),
        allow=allow,
        timeout=Duration(60.0),
    )


async def asked(folder: Path, project: Project, check: StackLintCheck) -> tuple[str, str]:
    write(folder, project.written())
    world = World(folder, project.environment, {"stack": target(folder)})
    answer = await registry.ask(check, asking(world, check))
    return answer.said, answer.evidence


@pytest.mark.parametrize(
    ("web", "allow", "said", "evidence"),
    [
        ({}, "hints", "pass", "1 waived"),
        ({"privileged": True}, "warnings", "pass", "1 warning, 1 waived"),
        ({"privileged": True}, "hints", "fail", "web: is privileged [privileged]"),
        ({"restart": None}, "warnings", "fail", "web: has no restart policy"),
        ({"image": "nowhere:1"}, "warnings", "unknown", "its image is not here to look"),
    ],
)
async def test_the_gate_answers_by_the_gravest_fault(
    tmp_path: Path,
    web: dict[str, Any],
    allow: Literal["warnings", "hints"],
    said: str,
    evidence: str,
) -> None:
    project = Project({"image": IMAGE, **web}, top=CLOCK)
    answer = await asked(tmp_path, project, gate(allow))
    assert answer[0] == said, answer
    assert evidence in answer[1]


async def test_a_project_that_compose_refuses_fails_in_its_words(tmp_path: Path) -> None:
    said, evidence = await asked(tmp_path, Project({"image": 3}), gate())
    assert said == "fail"
    assert "services.web.image must be a string" in evidence


async def test_in_a_rehearsal_no_stack_is_looked_at(tmp_path: Path) -> None:
    said, _ = await asked(tmp_path, Project(environment="rehearsal"), gate())
    assert said == "not_rehearsed"


BASE, WATCHING, LAB = "compose.yaml", "compose.observability.yaml", "compose.lab.yaml"
BY_DESIGN = {"docker-socket": "alloy", "host-root": "node_exporter"}
DEVELOPERS = {"development-stage", "source-mount", "wrong-environment"}
"""What a developer's layer alone is rightly told of, as production or staging."""
LABS = {"production": {"sends", "limits-leave-little"}, "staging": {"limits-leave-little"}}
"""What the lab's layer, which sends no mail and brings a database, is rightly told of."""
LAYERS = [
    (environment, layers)
    for environment in ("production", "staging")
    for own in ("", f"compose.{environment}.yaml")
    for layers in ((BASE, own), (BASE, own, WATCHING), (BASE, own, WATCHING, LAB))
    if own or LAB not in layers
]


async def linted(
    folder: Path,
    environment: Environment,
    files: tuple[str, ...],
    profiles: tuple[str, ...] = (),
    book: Path = RUNBOOK,
) -> list[Finding]:
    runbook = load_plan(book, environment, {}).runbook
    steps = named(runbook, "stack")
    aim = replace(target(folder, *(one for one in files if one)), profiles=profiles)
    found = await resolve(aim, ".", steps.every)
    secrets = await ground.secrets(found.config)
    other = await compare.production(runbook, "stack") if environment == "staging" else None
    named_in = mounted.hosts(Stack(found.config))
    facts = replace(CALM, images={}, secrets=secrets, other=other, unset=found.unset)
    facts = replace(facts, mounted=named_in)
    once = steps.one_offs(found.config)
    said = lint(Stack(found.config, found.layers, facts, environment, once))
    # The images are looked into where they are made.
    return [one for one in said if one.rule != "health-program"]


async def shipped(folder: Path, environment: Environment) -> list[Finding]:
    return await linted(folder, environment, (BASE, f"compose.{environment}.yaml", WATCHING))


@pytest.mark.parametrize(("environment", "files"), LAYERS)
@pytest.mark.parametrize("profiles", [(), ("pgbouncer",)])
async def test_the_shipped_stack_gives_no_false_alarm_in_any_combination_of_layers(
    tmp_path: Path, environment: Environment, files: tuple[str, ...], profiles: tuple[str, ...]
) -> None:
    folder = copied(tmp_path)
    said = await linted(folder, environment, files, profiles, beside_production(tmp_path))
    right = DEVELOPERS if not files[1] else LABS[environment] if LAB in files else set()
    assert {one.rule for one in said if not one.waived} == right, [*map(str, said)]
    waived = {one.rule: one.service for one in said if one.waived}
    assert waived == (BY_DESIGN if WATCHING in files else {})


async def test_an_exception_of_the_shipped_stack_is_told_with_its_reason(tmp_path: Path) -> None:
    said = [one for one in await shipped(copied(tmp_path), "production") if one.waived]
    assert {one.level for one in said} == {"warn"}
    socket, root = (str(one) for one in sorted(said, key=lambda one: one.rule))
    assert "alloy: gets the Docker socket, which is root on the host [docker-socket]" in socket
    assert "; waived: containers' logs come with their names from the engine alone" in socket
    assert "node_exporter: gets all of the host's files, read-only [host-root]" in root
    assert "; waived: the host's filesystems are what it measures" in root


async def test_an_exception_without_a_reason_excuses_nothing(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    watching = folder / WATCHING
    text = watching.read_text(encoding="utf-8")
    watching.write_text(re.sub(r"docker-socket: >-\n.*\n", 'docker-socket: ""\n', text))
    said = {one.rule: one.waived for one in await shipped(folder, "production")}
    assert said["docker-socket"] == ""
    assert said["host-root"]


async def test_the_secret_of_a_one_off_is_wanted_before_the_night_on_which_it_runs(
    tmp_path: Path,
) -> None:
    folder = copied(tmp_path)
    (folder / "secrets" / "postgres_owner_password.txt").unlink()
    (said,) = (one for one in await shipped(folder, "production") if not one.waived)
    assert (said.rule, said.level) == ("secret-missing", "fail")
    assert "the secret postgres_owner_password has no file" in said.what


async def test_a_one_off_that_up_would_start_is_told_of(tmp_path: Path) -> None:
    aim = replace(target(copied(tmp_path), BASE, "compose.production.yaml"), profiles=("tools",))
    found = await resolve(aim, ".")
    said = {
        one.rule
        for one in lint(Stack(found.config, found.layers, CALM))
        if one.service == "migrate"
    }
    assert said >= {"restart-policy", "health-check"}


async def test_staging_that_names_productions_database_is_caught(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    env = folder / ".env.staging"
    text = env.read_text(encoding="utf-8")
    env.write_text(text.replace("new-db.staging.", "new-db."), encoding="utf-8")
    said = [one for one in await shipped(folder, "staging") if one.rule == "reaches-production"]
    assert said
    assert said[0].place.startswith(".env.staging:")
    assert "new-db.freshtrackpro.com, which is the database new_db of production" in said[0].what


async def test_a_pool_of_staging_that_leads_to_production_is_caught(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    pool = folder / "docker" / "pgbouncer"
    (pool / "staging.ini").write_text((pool / "production.ini").read_text(encoding="utf-8"))
    (folder / "secrets" / "jwt_secret.txt").chmod(0o600)
    book = beside_production(tmp_path)
    theirs = tmp_path / "production" / "stack" / "secrets" / "jwt_secret.txt"
    (folder / "secrets" / "jwt_secret.txt").write_text(theirs.read_text(encoding="ascii"))
    files = (BASE, "compose.staging.yaml")
    said = {one.rule: str(one) for one in await linted(folder, "staging", files, ("*",), book)}
    named = "the file staging.ini that it mounts names new-db.freshtrackpro.com"
    assert named in said["reaches-production"]
    assert "the secret jwt_secret equals the secret jwt_secret" in said["shares-secrets"]


async def test_preflight_alone_lists_every_fault_of_the_shipped_stack(tmp_path: Path) -> None:
    runbook = tmp_path / "runbook"
    shutil.copytree(RUNBOOK, runbook, ignore=shutil.ignore_patterns("stack"))
    folder = copied(tmp_path)
    (folder / "secrets" / "jwt_secret.txt").chmod(0o600)
    (folder / "secrets" / "jwt_secret.txt").write_text("changeme")
    profile = runbook / "production.yaml"
    text = profile.read_text(encoding="utf-8").replace("/opt/freshtrack", str(folder))
    profile.write_text(text, encoding="utf-8")
    plan = load_plan(runbook, "production", {}).runbook
    (check,) = (one for one in preflight.standing(plan) if one.kind == "stack_lint")
    asked = replace(asking(World(tmp_path)), runbook=plan)
    await registry.ask(check, asked)
    said = preflight.faulty(check, asked)
    assert any("the secret jwt_secret is a placeholder" in one for one in said)
    assert any(one.startswith("    unknown  compose.yaml:") for one in said)


@pytest.mark.parametrize(
    ("web", "said", "told"),
    [
        ({}, (0, "✓ pass"), "waived: the machine of the tests keeps no time of its own"),
        ({"restart": None}, (1, "✗ FAIL"), "(set `restart: unless-stopped`)"),
        ({"image": "nowhere:1"}, (2, "? unknown"), "(pull or build the image first)"),
    ],
)
def test_preflight_answers_by_its_exit_code_with_evidence_and_mend(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    web: dict[str, Any],
    said: tuple[int, str],
    told: str,
) -> None:
    monkeypatch.setenv("COCKPIT_HOME", str(tmp_path / "home"))
    stack = tmp_path / "stack"
    stack.mkdir()
    write(stack, Project({"image": IMAGE, **web}, top=CLOCK).written())
    book = docker_runbook(tmp_path, stack)
    code = cli.main(["preflight", str(book), "--env", "production"])
    lines = capsys.readouterr().out.splitlines()
    assert about(lines, "The Docker engine answers").startswith("✓ pass")
    assert (code, about(lines, "The stack is sound")[: len(said[1])]) == said
    (line,) = (one for one in lines if one.endswith(told))
    assert not web or "compose.yaml:" in line


def test_preflight_at_a_socket_at_which_nobody_listens_is_unknown_and_says_how_to_start_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COCKPIT_HOME", str(tmp_path / "home"))
    stack = tmp_path / "stack"
    stack.mkdir()
    write(stack, Project({"image": IMAGE}, top=CLOCK).written())
    book = docker_runbook(tmp_path, stack, f"unix://{tmp_path}/nobody.sock")
    assert cli.main(["preflight", str(book), "--env", "production"]) == 2
    lines = capsys.readouterr().out.splitlines()
    for title in ("The Docker engine answers", "The stack is sound"):
        assert about(lines, title).startswith("? unknown")
    assert "systemctl start docker" in about(lines, "The Docker engine answers")
    assert any("the host's memory could not be read" in line for line in lines)
