from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

from cockpit.cli import main

BASE = Path(__file__).parent / "bad_runbooks" / "base"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound runbook whose secrets and databases are of this host; nothing listens there."""
    folder = tmp_path / "runbook"
    shutil.copytree(BASE, folder)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    profile = folder / "production.yaml"
    text = profile.read_text(encoding="utf-8")
    text = text.replace("port: 5432", f"port: {port}").replace("old.example.com", "127.0.0.1")
    text = text.replace("/etc/cockpit/", f"{tmp_path}/secrets/")
    profile.write_text(text.replace("new.example.com", "127.0.0.1"), encoding="utf-8")
    (tmp_path / "secrets").mkdir()
    return folder


def reconciled(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(["reconcile", str(folder), "--env", "production"])
    return code, capsys.readouterr().err


def test_a_missing_secret_leaves_it_untold_and_says_what_to_write_where(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = reconciled(folder, capsys)
    path = folder.parent / "secrets" / "owner"
    assert code == 2
    assert "the secret owner has no file" in said
    assert f"(umask 077; cat > {path})" in said
    assert "chmod" not in said


def test_a_secret_that_others_can_read_leaves_it_untold_and_says_how_to_close_it(
    folder: Path, open_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = open_folder / "owner"
    path.write_text("a long password\n")
    path.chmod(0o644)
    profile = folder / "production.yaml"
    text = profile.read_text(encoding="utf-8")
    profile.write_text(text.replace(f"{folder.parent}/secrets/owner", str(path)), encoding="utf-8")
    code, said = reconciled(folder, capsys)
    assert code == 2
    assert "can be read by other users of this host" in said
    assert f"chmod 600 {path}" in said


def test_a_database_that_does_not_answer_leaves_it_untold(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder.parent / "secrets" / "owner"
    path.write_text("a long password\n")
    path.chmod(0o600)
    code, said = reconciled(folder, capsys)
    assert code == 2
    assert "127.0.0.1" in said


def test_a_runbook_with_mistakes_is_no_difference_between_the_sides(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "runbook.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("why: Caches", "whyy: Caches"))
    code, said = reconciled(folder, capsys)
    assert code == 2
    assert "did you mean `why`?" in said


def test_a_runbook_without_two_databases_is_told_where_to_name_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "runbook.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("  carry: [new_db, old_db]\n", ""))
    code, said = reconciled(folder, capsys)
    assert code == 64
    assert "add `carry: [NEW, OLD]` under `decision:`" in said
