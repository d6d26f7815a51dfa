from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cockpit import systemd
from cockpit.cli import main
from cockpit.commands import doctor
from cockpit.resources import shipped

FRESHTRACK = shipped("runbooks") / "freshtrack"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """The shipped runbook, with production's files in a folder of this test's."""
    folder = tmp_path / "freshtrack"
    shutil.copytree(FRESHTRACK, folder)
    profile = folder / "production.yaml"
    text = profile.read_text()
    for place in ("/etc/cockpit", "/opt/freshtrack"):
        text = text.replace(place, f"{tmp_path}{place}")
    profile.write_text(text)
    return folder


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = main(["doctor", *words])
    out = capsys.readouterr()
    return status, out.out + out.err


def line(text: str, *words: str) -> str:
    found = [one for one in text.splitlines() if all(word in one for word in words)]
    assert found, f"{words} is not in\n{text}"
    return found[0]


def test_a_rehearsal_needs_a_postgresql_and_neither_docker_nor_secrets(
    book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, text = told(capsys, str(book), "--env", "rehearsal")
    assert line(text, "PostgreSQL server", "for rehearsal").startswith("+ has")
    assert "secret" not in text
    assert "Docker" not in text
    assert status == 0


def test_every_secret_and_certificate_that_lacks_is_named_with_its_path_and_mend(
    book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, text = told(capsys, str(book), "--env", "production")
    assert status == 1
    missing = line(text, "secret dns_token")
    assert missing.startswith("X LACKS")
    assert f"{tmp_path}/etc/cockpit/secrets/dns_token: has no file" in missing
    assert "umask 077" in text
    assert line(text, "certificate authority", "old.pem").startswith("X LACKS")
    assert line(text, "Compose file", "compose.yaml").startswith("X LACKS")
    assert line(text, "rclone's configuration").startswith("X LACKS")


def test_what_is_put_right_is_no_longer_missed(
    book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = tmp_path / "etc/cockpit/secrets/dns_token"
    token.parent.mkdir(parents=True, mode=0o700)
    token.write_text("a token of sixteen")
    token.chmod(0o600)
    _, text = told(capsys, str(book), "--env", "production")
    assert line(text, "secret dns_token").startswith("+ has")
    assert "a token of sixteen" not in text


def test_a_program_of_a_step_is_looked_for(
    book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(book))
    _, text = told(capsys, str(book), "--env", "production")
    assert line(text, "program rclone").startswith("X LACKS")
    assert line(text, "Docker engine").startswith("X LACKS")
    rclone = book / "rclone"
    rclone.write_text("#!/bin/sh\n")
    rclone.chmod(0o755)
    _, text = told(capsys, str(book), "--env", "production")
    assert line(text, "program rclone").startswith("+ has")


def test_a_step_that_installs_a_unit_needs_systemd(
    book: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(systemd, "BOOTED", tmp_path / "nothing")
    _, text = told(capsys, str(book), "--env", "production")
    assert line(text, "systemd", "no units").startswith("X LACKS")


def test_a_provider_by_octodns_needs_its_module(
    book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = book / "production.yaml"
    text = profile.read_text()
    profile.write_text(text.replace("provider: digitalocean", "provider: hetzner"))
    _, said = told(capsys, str(book), "--env", "production")
    missing = line(said, "hetzner by octoDNS")
    assert missing.startswith("X LACKS")
    assert "pip install 'cockpit[dns]' 'octodns-hetzner" in said


def test_each_thing_is_said_once_with_every_environment_that_wants_it(
    book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, text = told(capsys, str(book))
    found = [one for one in text.splitlines() if "Docker engine" in one]
    assert len(found) == 1
    assert "(for production, staging)" in found[0]


def test_a_context_or_an_address_of_docker_is_asked_itself() -> None:
    assert doctor.engine("nowhere-known").what == "Docker engine at nowhere-known"
    assert doctor.engine("nowhere-known").mend
    assert doctor.engine("tcp://127.0.0.1:9").mend


def test_a_runbook_with_mistakes_is_sent_to_check_and_an_environment_wants_a_runbook(
    book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (book / "staging.yaml").write_text("cockpit: 1\n")
    status, text = told(capsys, str(book), "--env", "staging")
    assert status == 2
    assert f"`cockpit check {book} --env staging` lists them" in text
    status, text = told(capsys, "--env", "staging")
    assert status == 64
    assert "name its folder" in text
