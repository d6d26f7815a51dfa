from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from cockpit.runbook.load import load
from tests.fakes.runbook_cases import BASE, CASES, Case, said


def test_the_base_of_the_corpus_is_sound() -> None:
    assert load(BASE, None).problems == ()


def test_the_corpus_is_broad_and_every_case_has_its_own_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 150


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_runbook_is_told_what_is_wrong_where_and_how_to_mend_it(
    case: Case, tmp_path: Path
) -> None:
    assert case.expected
    assert said(case, tmp_path) == case.expected


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.name.startswith("form")], ids=lambda case: case.name
)
def test_a_host_without_libyaml_says_the_same(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert said(case, tmp_path) == case.expected


def test_no_message_repeats_a_secret(tmp_path: Path) -> None:
    secrets = re.compile(r"(?i)hunter2|dop_v1_|AKIA|9f86d081|wJalrXUtn|abcdefgh")
    for number, case in enumerate(CASES):
        written = [line for change in case.changes for line in change.new if secrets.search(line)]
        if written:
            assert not secrets.search("\n".join(said(case, tmp_path / str(number))))
