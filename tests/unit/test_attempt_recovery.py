from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from cockpit.engine.attempt_files import AttemptFolder, Exit, Identity
from cockpit.engine.recovery import Class, classify
from cockpit.errors import Unreadable

ACTS = Identity(pid=4711, start_time=99, boot_id="boot")
VOID = Identity(pid=1, start_time=0, boot_id="boot", void="the engine was started again")


def end(code: int = 0, ended: Literal["exited", "timed_out", "stopped"] = "exited") -> Exit:
    return Exit(exit=code, ended=ended, took_s=1.0)


@pytest.mark.parametrize(
    ("confirmed", "identity", "alive", "ended", "verified", "expected"),
    [
        pytest.param(False, None, False, None, None, "clean", id="nothing was confirmed"),
        pytest.param(True, None, False, None, None, "not_begun", id="no runner claimed it"),
        pytest.param(True, VOID, False, None, None, "clean", id="its confirmation is void"),
        pytest.param(True, ACTS, True, None, None, "running", id="its process lives"),
        pytest.param(True, ACTS, False, None, None, "in_doubt", id="gone without a word"),
        pytest.param(True, ACTS, False, end(), None, "unverified", id="ended, not yet verified"),
        pytest.param(
            True, ACTS, True, end(), None, "unverified", id="end recorded, process ending"
        ),
        pytest.param(True, ACTS, False, end(), True, "done", id="ended and verified"),
        pytest.param(True, ACTS, False, end(), False, "failed", id="a verification failed"),
        pytest.param(True, ACTS, False, end(1), None, "failed", id="ended with another status"),
        pytest.param(True, ACTS, False, end(1), True, "failed", id="failed, whatever is verified"),
        pytest.param(True, ACTS, False, end(0, "stopped"), None, "in_doubt", id="stopped"),
        pytest.param(True, ACTS, False, end(0, "timed_out"), True, "in_doubt", id="timed out"),
        pytest.param(True, ACTS, False, end(-9, "stopped"), False, "in_doubt", id="killed"),
    ],
)
def test_every_attempt_has_exactly_one_class(
    confirmed: bool,
    identity: Identity | None,
    alive: bool,
    ended: Exit | None,
    verified: bool | None,
    expected: Class,
) -> None:
    found = classify(
        confirmed=confirmed, identity=identity, alive=alive, ended=ended, verified=verified
    )
    assert found == expected


@pytest.mark.parametrize(
    ("identity", "alive", "ended", "expected"),
    [
        pytest.param(None, False, None, "in_doubt", id="nobody can tell who claimed it"),
        pytest.param(None, False, end(), "in_doubt", id="an end, and nobody can tell of whom"),
        pytest.param(ACTS, True, None, "running", id="its process lives, and records its end anew"),
        pytest.param(ACTS, False, None, "in_doubt", id="gone, and its end cannot be read"),
        pytest.param(VOID, False, None, "clean", id="void, whatever else cannot be read"),
    ],
)
def test_an_attempt_with_an_unreadable_file_is_never_called_clean_or_ended(
    identity: Identity | None, alive: bool, ended: Exit | None, expected: Class
) -> None:
    found = classify(confirmed=True, identity=identity, alive=alive, ended=ended, unreadable=True)
    assert found == expected


@pytest.mark.parametrize("content", [b"", b"\xff\xfe{", b"[]", b"{}"])
def test_a_file_that_cannot_be_read_is_named_and_what_the_journal_told_stays_known(
    content: bytes, tmp_path: Path
) -> None:
    folder = AttemptFolder(tmp_path / "quick" / "1")
    folder.path.mkdir(parents=True)
    for name in ("identity.json", "exit.json"):
        (folder.path / name).write_bytes(content)
        with pytest.raises(Unreadable, match=name):
            folder.identity() if name == "identity.json" else folder.exit()
    told = folder.told()
    assert (told.identity, told.ended) == (None, None)
    assert told.unreadable.startswith("identity.json cannot be read")
    told = folder.told(ACTS)
    assert told.identity == ACTS
    assert told.unreadable.startswith("exit.json cannot be read")
    assert folder.unreadable().startswith("quick, attempt 1: identity.json cannot be read")


def test_only_one_of_runner_and_voiding_engine_can_claim_an_attempt(tmp_path: Path) -> None:
    folder = AttemptFolder(tmp_path)
    assert folder.claim(VOID)
    assert not folder.claim(ACTS)
    assert folder.identity() == VOID
    other = tmp_path / "other"
    other.mkdir()
    again = AttemptFolder(other)
    assert again.claim(ACTS)
    assert not again.claim(VOID)
    assert again.identity() == ACTS


def test_an_end_comes_back_as_it_was_recorded(tmp_path: Path) -> None:
    folder = AttemptFolder(tmp_path)
    assert folder.exit() is None
    told = Exit(exit=3, ended="exited", took_s=2.5, message="no", recorded={"rows": 4}, head="ab")
    folder.end(told)
    assert folder.exit() == told
