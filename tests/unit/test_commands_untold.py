from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from cockpit.cli import main
from cockpit.commands.rehearse import begin_rehearsal
from tests.fakes.rehearsals import write_status

BASE = Path(__file__).parent / "bad_runbooks" / "base"
ASKING = (("dns", "--once"), ("reconcile",), ("preflight",))

pytestmark = pytest.mark.parametrize("words", ASKING, ids=lambda one: one[0])


def asked(words: tuple[str, ...], folder: Path, environment: str) -> int:
    command, *options = words
    return main([command, str(folder), "--env", environment, *options])


def test_without_a_lab_a_question_to_it_is_untold_and_says_how_to_bring_one_up(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(words, BASE, "rehearsal") == 2
    said = capsys.readouterr().err
    assert "no rehearsal of base is under way" in said
    assert f"`cockpit rehearse {BASE}` brings one up" in said


def test_a_lab_that_is_down_or_coming_up_is_said_to_be(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    going = begin_rehearsal(BASE, "calm", 60.0, 1)
    assert asked(words, BASE, "rehearsal") == 2
    said = capsys.readouterr().err
    assert "the lab of the rehearsal under way is down" in said
    assert going.name in said
    write_status(going.lab, "starting")
    assert asked(words, BASE, "rehearsal") == 2
    assert "the lab is coming up" in capsys.readouterr().err


def test_too_few_files_are_no_unforeseen_error_and_say_what_to_raise(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def too_few(_given: list[str]) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("cockpit.cli._run", too_few)
    assert asked(words, BASE, "staging") == 2
    told = capsys.readouterr().err
    assert "too many open files" in told
    assert "ulimit -n 1024" in told
    assert "unforeseen" not in told
