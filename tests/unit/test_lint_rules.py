import itertools
from dataclasses import replace

import pytest
import yaml

from cockpit.resources import shipped
from cockpit.runbook.plan import load_plan
from cockpit.stack.facts import Facts
from cockpit.stack.layers import Layer, Layers
from cockpit.stack.model import Finding, Stack, size
from cockpit.stack.named import Named, named
from cockpit.stack.rules import RULES, lint
from tests.fakes.stack_cases import CASES, Project, limits
from tests.fakes.stack_finer import MORE

NAMES = [f"{at}-{rule}" for at, (rule, _, _) in enumerate((*CASES, *MORE))]


def stack(project: Project, facts: Facts | None = None) -> Stack:
    text = yaml.safe_dump(project.written(), sort_keys=False)
    layers = Layers((Layer("compose.yaml", yaml.compose(text)),))
    known = facts or project.known()
    return Stack(project.written(), layers, known, project.environment)


def found(project: Project) -> list[Finding]:
    return lint(stack(project))


@pytest.mark.parametrize(("rule", "bad", "good"), [*CASES, *MORE], ids=NAMES)
def test_a_rule_finds_what_breaks_it_and_only_that(rule: str, bad: Project, good: Project) -> None:
    said = [one for one in found(bad) if one.rule == rule]
    assert said
    assert all(one.what and one.mend for one in said)
    assert [str(one) for one in found(good) if one.rule == rule] == []


def test_every_rule_has_an_example() -> None:
    assert {rule for rule, _, _ in (*CASES, *MORE)} | {"image-missing"} == {
        one.name for one in RULES
    }


def test_a_service_with_nothing_to_run_is_found() -> None:
    assert [one.rule for one in found(Project({"image": None}))] == ["image-missing"]


def test_a_sound_project_has_no_fault_in_either_environment() -> None:
    assert found(Project()) == []
    assert found(Project(environment="staging")) == []


def test_no_two_rules_have_one_name() -> None:
    names = sorted(one.name for one in RULES)
    assert [one for one, group in itertools.groupby(names) if len(list(group)) > 1] == []


def test_what_nobody_could_look_up_is_unknown_and_never_silently_good() -> None:
    wanted = Project({"ports": [{"target": 80, "published": "80"}]})
    said = {one.rule: one.level for one in lint(stack(wanted, Facts()))}
    unknown = {"limits-exceed-host", "disk-short", "health-program", "port-taken", "clock-unset"}
    assert said == dict.fromkeys(unknown, "unknown")


def test_a_waiver_with_a_reason_excuses_one_rule_of_one_service() -> None:
    waived = {"x-cockpit-waive": {"privileged": "it sets the clock", "log-rotation": ""}}
    both = found(Project({"privileged": True, "logging": None, **waived}, {"privileged": True}))
    said = {(one.rule, one.service): one.waived for one in both}
    assert said == {
        ("privileged", "redis"): "",
        ("log-rotation", "web"): "",
        ("waiver", "web"): "",
        ("privileged", "web"): "it sets the clock",
    }
    assert both[-1].waived


def test_a_waiver_at_the_top_excuses_the_whole_project() -> None:
    top = {"x-cockpit-waive": {"clock-unset": "a virtual machine keeps its host's time"}}
    said = found(Project(top=top, facts={"is_clock_set": False}))
    assert [one.waived for one in said] == ["a virtual machine keeps its host's time"]


def test_a_one_off_needs_no_restart_and_no_health_and_counts_in_no_sum() -> None:
    once = {"restart": "no", "healthcheck": {"disable": True}, **limits("5G")}
    asked = stack(Project({}, once))
    kept = replace(asked, one_offs=frozenset(("redis",)))
    assert {one.rule for one in lint(asked)} == {
        *("restart-policy", "health-check", "limits-exceed-host"),
    }
    assert lint(kept) == []


def test_what_runs_to_its_end_before_another_starts_needs_no_restart_and_no_health() -> None:
    once = {"restart": "no", "healthcheck": {"disable": True}}
    awaited = {"redis": {"condition": "service_completed_successfully", "required": True}}
    assert found(Project({"depends_on": awaited}, once)) == []
    assert {one.rule for one in found(Project({}, once))} == {"restart-policy", "health-check"}


def test_a_one_off_keeps_every_other_rule() -> None:
    once = {"deploy": None, "image": "web:latest", "environment": {"JWT_SECRET": "in-the-open"}}
    said = lint(replace(stack(Project({}, once)), one_offs=frozenset(("redis",))))
    assert {one.rule for one in said} == {
        *("memory-limit", "image-latest", "secret-in-environment"),
    }


GATED = {"services": {"web": {}, "migrate": {"profiles": ["tools"]}, "seed": {}}}


@pytest.mark.parametrize(
    ("steps", "once"),
    [
        (Named(frozenset(), frozenset(("migrate", "seed")), frozenset(("web",)), False), 2),
        (Named(frozenset(), frozenset(("migrate", "seed")), frozenset(), True), 1),
        (Named(frozenset(), frozenset(("migrate",)), frozenset(("migrate",)), False), 0),
        (Named(frozenset(), frozenset(("elsewhere",)), frozenset(), False), 0),
    ],
    ids=["run alone", "one is started with all", "it is started too", "it is no service"],
)
def test_a_one_off_is_run_by_a_step_and_started_by_none(steps: Named, once: int) -> None:
    found = steps.one_offs(GATED)
    assert len(found) == once
    assert found <= steps.once


def test_the_shipped_migration_is_a_one_off_and_nothing_else_is() -> None:
    steps = named(load_plan(shipped("runbooks") / "freshtrack", "production", {}).runbook, "stack")
    assert steps.once == {"migrate"}
    assert "backend" in steps.lasting
    assert "migrate" not in steps.lasting
    assert not steps.starts_all


def test_no_secret_is_repeated() -> None:
    open_secret = Project({"environment": {"JWT_SECRET": "kept-in-the-open"}})
    reached = Project({"environment": {"DATABASE_URL": "postgres://a:hunter22@staging.x/y"}})
    for project in (open_secret, reached):
        words = " ".join(map(str, found(project)))
        assert "kept-in-the-open" not in words
        assert "hunter22" not in words


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("1G", 2**30), ("512m", 2**29), ("100", 100), ("1.5g", 1610612736), ("x", 0)],
)
def test_sizes_are_read_in_every_form(text: str, bytes_: int) -> None:
    assert size(text) == bytes_
