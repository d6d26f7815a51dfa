from __future__ import annotations

import shutil
from pathlib import Path

from cockpit.runbook.checks import SoakCheck
from cockpit.runbook.load import load
from cockpit.runbook.model import Runbook
from cockpit.runbook.nodes import ScalarNode
from cockpit.runbook.targets import ComposeTarget, PostgresTarget
from cockpit.runbook.variables import Values, fill

BASE = Path(__file__).parent / "bad_runbooks" / "base"


def filled(text: str, **values: str) -> ScalarNode:
    node, problems = fill(ScalarNode(text, 1), Values(dict(values)), "runbook.yaml")
    assert problems == []
    assert isinstance(node, ScalarNode)
    return node


def loaded(folder: Path, environment: str, **given: str) -> Runbook:
    found = load(folder, environment, given)
    assert found.runbook is not None, found.problems
    return found.runbook


def test_a_variable_is_replaced_once_and_what_comes_in_is_left_alone() -> None:
    assert filled("${a} and ${b}", a="${b}", b="x").text == "${b} and x"


def test_a_value_that_is_wholly_a_variable_may_be_a_number() -> None:
    assert filled("${a}", a="5").plain
    assert not filled("${a}5", a="5").plain


def test_two_dollars_write_the_characters_themselves() -> None:
    assert filled("echo $${HOME}").text == "echo ${HOME}"
    assert filled("$HOME costs $5").text == "$HOME costs $5"


def test_a_profile_gives_its_value_and_else_the_default_holds() -> None:
    def soak(runbook: Runbook) -> float:
        check = runbook.check("soaked")
        assert isinstance(check, SoakCheck)
        return check.duration

    assert soak(loaded(BASE, "production")) == 7200
    assert soak(loaded(BASE, "rehearsal")) == 3600


def test_a_variable_is_typed_by_the_field_that_it_fills() -> None:
    target = loaded(BASE, "production").target("new_db")
    assert isinstance(target, PostgresTarget)
    assert target.port == 5432


def test_a_rehearsal_lies_where_the_lab_is() -> None:
    runbook = loaded(BASE, "rehearsal", lab="127.9.8", lab_folder="/tmp/lab")
    target = runbook.target("old_db")
    assert isinstance(target, PostgresTarget)
    assert target.host == "127.9.8.5"
    assert runbook.profile.secrets["owner"].file == "/tmp/lab/secrets/owner"


def test_relative_paths_of_a_profile_begin_at_the_runbook(tmp_path: Path) -> None:
    folder = tmp_path / "runbook"
    shutil.copytree(BASE, folder)
    runbook = loaded(folder, "production")
    stack = runbook.target("stack")
    assert isinstance(stack, ComposeTarget)
    assert stack.directory == str(folder / "stack")
    assert runbook.profile.secrets["dns_token"].file == str(folder / "secrets" / "dns_token")
    assert runbook.profile.secrets["owner"].file == "/etc/cockpit/owner"


def test_every_step_and_check_knows_its_line() -> None:
    lines = loaded(BASE, "production").lines
    assert lines["lower_ttl"] == f"{BASE}/runbook.yaml:34"
    assert lines["headroom"] == f"{BASE}/runbook.yaml:28"
