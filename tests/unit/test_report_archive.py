from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from cockpit import record
from cockpit.commands import runs
from cockpit.engine import layout
from cockpit.errors import Refused
from cockpit.exits import GOOD
from cockpit.journal import events as e
from cockpit.report.archive import pack, take_in
from tests.fakes.written_runs import WrittenRun


@pytest.fixture
def staged(tmp_path: Path) -> WrittenRun:
    run = WrittenRun("staging")
    run.done("lower_ttl", output="words that stay on their host")
    run.write(e.RunEnded("rolled_back"))
    run.close()
    return run


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another host's runs, from the moment that a test asks for it."""
    monkeypatch.setenv("COCKPIT_HOME", str(tmp_path / "elsewhere"))
    return tmp_path / "elsewhere"


@pytest.fixture
def packed(staged: WrittenRun, tmp_path: Path) -> Path:
    return pack(record.read(staged.directory), tmp_path / "record.tar.gz")


def test_a_record_from_another_host_is_taken_in_whole(
    packed: Path, staged: WrittenRun, elsewhere: Path
) -> None:
    before = record.read(staged.directory).state
    assert runs.take_in(packed) == GOOD
    (directory,) = layout.every_run()
    assert record.read(directory).state == before
    assert directory.path.is_relative_to(elsewhere)
    assert not (directory.path / "attempts").exists()


def test_a_record_is_taken_in_once(packed: Path, elsewhere: Path) -> None:
    take_in(packed)
    with pytest.raises(Refused, match="on this host already"):
        take_in(packed)
    assert [path.name for path in (elsewhere / "runs").iterdir()] == ["staging"]


def test_a_record_that_was_touched_is_refused_and_leaves_nothing(
    staged: WrittenRun, tmp_path: Path, elsewhere: Path
) -> None:
    journal = staged.directory.journal
    journal.write_bytes(journal.read_bytes().replace(b"rolled_back", b"rolled_b4ck"))
    packed = pack(record.read(staged.directory), tmp_path / "touched.tar.gz")
    with pytest.raises(Refused, match="its journal does not hold"):
        take_in(packed)
    assert list((elsewhere / "runs").iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["../../outside", "/etc/outside", "staging/run/attempts/x", "staging/run/plan/../../../../x"],
)
def test_a_record_writes_nothing_beside_itself(name: str, tmp_path: Path, elsewhere: Path) -> None:
    hostile = tmp_path / "hostile.tar.gz"
    with tarfile.open(hostile, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(Refused, match="no record of a run"):
        take_in(hostile)
    assert list((elsewhere / "runs").iterdir()) == []


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, elsewhere: Path) -> None:
    (tmp_path / "text").write_text("hello", encoding="utf-8")
    with pytest.raises(Refused, match="no record of a run"):
        take_in(tmp_path / "text")
