from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cockpit import durable
from cockpit.engine.attempt_files import AttemptFolder, Exit
from cockpit.engine.ledger import Ledger
from cockpit.engine.processes import send_signal, this_process
from cockpit.engine.runner import _record
from cockpit.errors import JournalDamaged, Refused
from cockpit.journal.events import AttemptEnded, Noted
from cockpit.journal.file import JournalFile, JournalReader
from cockpit.redact import Redactor
from cockpit.secrets import Secrets
from cockpit.telemetry import codec
from cockpit.telemetry.live import Live
from tests.fakes.crash_machine import NOBODY

PLAN = "0" * 64
FULL = OSError(errno.ENOSPC, "No space left on device")


def filling(after: int) -> Callable[[int, bytes], int]:
    """A disk that takes so many bytes more, and then none."""
    write, left = os.write, after

    def written(descriptor: int, data: bytes) -> int:
        nonlocal left
        if not left:
            raise FULL
        count = write(descriptor, data[:left])
        left -= count
        return count

    return written


@pytest.mark.parametrize("room", [0, 1, 60, 200])
def test_a_full_disk_loses_the_event_and_nothing_before_it(
    room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    journal = JournalFile(path, PLAN)
    journal.append("ana", 1.0, Noted("kept"))
    with monkeypatch.context() as full:
        full.setattr(os, "write", filling(room))
        with pytest.raises(OSError, match="No space left"):
            journal.append("ana", 2.0, Noted("lost"))
    journal.append("ana", 3.0, Noted("kept too"))
    journal.close()
    reader = JournalReader(path, PLAN)
    assert [event.plain["text"] for event, _ in reader.read()] == ["kept", "kept too"]
    assert reader.damage == ""


def test_half_a_line_that_could_not_be_taken_back_is_never_followed_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    journal = JournalFile(path, PLAN)
    with monkeypatch.context() as full:
        full.setattr(os, "write", filling(20))
        full.setattr(os, "ftruncate", lambda *_: (_ for _ in ()).throw(FULL))
        with pytest.raises(OSError, match="No space left"):
            journal.append("ana", 1.0, Noted("lost"))
    assert path.stat().st_size == 20
    journal.append("ana", 2.0, Noted("kept"))
    journal.close()
    reader = JournalReader(path, PLAN)
    assert [event.plain["text"] for event, _ in reader.read()] == ["kept"]
    assert reader.damage == ""


def test_a_journal_that_somebody_cuts_while_it_is_written_takes_no_more(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = JournalFile(path, PLAN)
    journal.append("ana", 1.0, Noted("kept"))
    os.truncate(path, 10)
    with pytest.raises(JournalDamaged, match="became shorter"):
        journal.append("ana", 2.0, Noted("after the gap"))
    journal.close()


def test_a_file_is_whole_or_the_former_one_on_a_disk_that_takes_a_little_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "exit.json"
    durable.replace_file(path, b"former")
    write = os.write
    with monkeypatch.context() as slow:
        slow.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
        durable.replace_file(path, b"a longer content")
    assert path.read_bytes() == b"a longer content"
    with monkeypatch.context() as full:
        full.setattr(os, "write", filling(4))
        with pytest.raises(OSError, match="No space left"):
            durable.replace_file(path, b"never whole")
    assert path.read_bytes() == b"a longer content"


def test_an_end_is_recorded_as_soon_as_the_disk_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []
    end = AttemptFolder.end

    def later(folder: AttemptFolder, result: Exit) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise FULL
        end(folder, result)

    monkeypatch.setattr(AttemptFolder, "end", later)
    monkeypatch.setattr("cockpit.engine.runner.AGAIN_S", 0.0)
    told = Exit(exit=0, ended="exited", took_s=1.0)
    _record(AttemptFolder(tmp_path), told)
    assert AttemptFolder(tmp_path).exit() == told


def test_a_signal_reaches_the_very_process_or_none() -> None:
    pid, started = this_process()
    assert not send_signal(pid, started + 1, "another boot", 0)  # type: ignore[arg-type]  # asks only
    assert not send_signal(NOBODY, 1, "boot", 0)  # type: ignore[arg-type]  # the same


@pytest.mark.parametrize("content", [b"\xff\xfe\x00binary-token", None])
def test_a_secret_that_cannot_be_read_as_text_is_refused_without_being_quoted(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o600)
    with pytest.raises(Refused, match="the secret token") as refused:
        Secrets({"token": path}, Redactor()).value("token")
    assert "binary" not in str(refused.value)
    Secrets({"token": path}, Redactor()).learn_all()


def test_a_secret_that_is_also_a_number_breaks_no_event_and_no_live_view(tmp_path: Path) -> None:
    redactor = Redactor()
    redactor.learn("pin", "12345678")
    redactor.learn("word", "timed_out")
    ledger = Ledger(JournalFile(tmp_path / "journal.jsonl", PLAN), "run", redactor)
    told = AttemptEnded(
        "a", 1, 0, "timed_out", 0.12345678, "the pin is 12345678", {"pin": 12345678, "rows": 4}
    )
    ledger.tell(told)
    ledger.close()
    ((event, _),) = JournalReader(tmp_path / "journal.jsonl", PLAN).read()
    assert event.plain["message"] == "the pin is [pin hidden]"
    assert event.plain["recorded"] == {"pin": "[pin hidden]", "rows": 4}
    assert (event.plain["took_s"], event.plain["ended"]) == (0.12345678, "timed_out")
    seen = Live(engine_pid=12345678, boot_ns=5, trouble="12345678")
    codec.write(tmp_path / "live.json", seen, redactor.hide)
    assert codec.read(tmp_path / "live.json") == replace(seen, trouble="[pin hidden]")
