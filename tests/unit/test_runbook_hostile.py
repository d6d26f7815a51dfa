from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
import yaml

from cockpit.runbook.load import load

BASE = Path(__file__).parent / "bad_runbooks" / "base"
BOMB = b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    f"{to}: &{to} [{', '.join([f'*{of}'] * 9)}]\n".encode()
    for of, to in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "empty": (b"", 1, "the file is empty"),
    "a comment alone": (b"# later\n\n", 1, "the file is empty"),
    "a mark alone": (b"---\n", 1, "the file is empty"),
    "null": (b"~\n", 1, "runbook.yaml is empty"),
    "one word": (b"hello\n", 1, "runbook.yaml is `hello`"),
    "a list": (b"- a\n- b\n", 1, "runbook.yaml is a list"),
    "NUL": (b"cockpit: 1\nname: \0\n", 2, "the file is binary, not text"),
    "a program": (b"\x7fELF\x02\x01\x01" + bytes(2000), 1, "the file is binary, not text"),
    "UTF-16": ("cockpit: 1\n".encode("utf-16"), 1, "the file is UTF-16"),
    "Latin-1": ("cockpit: 1\ntitle: café\n".encode("latin-1"), 2, "the file is not UTF-8"),
    "an escape": (b"cockpit: 1\ntitle: \x1b[2J\n", 2, "a character that cannot be seen (U+001B)"),
    "a bomb": (BOMB, 1, "`&a` is an anchor or alias"),
    "deep lists": (b"a: " + b"[" * 100_000, 1, "values stand more than 24 deep"),
    "deep mappings": (b"{a: " * 50_000, 1, "values stand more than 24 deep"),
    "many values": (b"- a\n" * 200_000, 20_000, "more than 20000 values"),
    "two documents": (b"a: 1\n---\nb: 2\n", 2, "a second document begins"),
    "a long line": (b"a: " + b"x" * 1_000_000, 1, "a value has more than 65536 characters"),
    "too long": (b"a: " + b"x" * 1_048_576, 1, "the file is larger than 1 MiB"),
    "a long number": (
        b"cockpit: " + b"9" * 50_000,
        1,
        "`cockpit` is a text that looks like a secret",
    ),
    "an object": (b"!!python/object/apply:os.system [id]\n", 1, "the tag `!!python/object"),
    "many dots": (b"a: " + b"a." * 30_000, 1, "`a` is no key of runbook.yaml"),
    "many tokens": (b"a: " + b"eyJ-" * 15_000, 1, "`a` is no key of runbook.yaml"),
    "many brackets of variables": (b"a: " + b"${" * 30_000, 1, "is no variable"),
    "a newer YAML": (b"%YAML 3.0\n---\na: 1\n", 1, "not YAML"),
}


def folder_with(tmp_path: Path, data: bytes, name: str = "runbook.yaml") -> Path:
    folder = tmp_path / "runbook"
    shutil.copytree(BASE, folder)
    (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("parser", ["libyaml", "python"])
def test_a_hostile_file_is_one_clear_located_line_within_a_second(
    name: str, parser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if parser == "python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    data, line, what = HOSTILE[name]
    folder = folder_with(tmp_path, data)
    began = time.process_time()
    problems = load(folder, "production").problems
    took = time.process_time() - began
    found = [one for one in problems if one.file.endswith("runbook.yaml") and what in one.what]
    assert [one.line for one in found] == [line], problems
    assert all(len(str(one)) < 1000 for one in problems)
    assert took < (1.0 if parser == "libyaml" else 5.0)


@pytest.mark.parametrize("name", ["NUL", "a bomb", "empty", "deep lists"])
def test_a_hostile_profile_is_told_so_too(name: str, tmp_path: Path) -> None:
    data, line, what = HOSTILE[name]
    problems = load(folder_with(tmp_path, data, "production.yaml"), "production").problems
    assert [(one.line, one.what.startswith(what)) for one in problems] == [(line, True)]


def test_fifty_megabytes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, b"")
    with (folder / "runbook.yaml").open("r+b") as file:
        file.truncate(50 * 1024 * 1024)
    began = time.process_time()
    (problem,) = load(folder, "production").problems
    assert problem.what == "the file is larger than 1 MiB"
    assert problem.mend.startswith("a runbook is text that a person reads")
    assert time.process_time() - began < 1


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, b"")
    (folder / "runbook.yaml").unlink()
    os.mkfifo(folder / "runbook.yaml")
    assert load(folder, "production").problems[0].what == "that is not an ordinary file"


def test_a_folder_without_a_runbook_says_how_to_begin_one(tmp_path: Path) -> None:
    problems = load(tmp_path, None).problems
    assert [one.what for one in problems] == ["there is no profile", "there is no such file"]
    assert "cockpit init" in problems[1].mend


def test_a_folder_that_is_not_there_is_told_so(tmp_path: Path) -> None:
    assert load(tmp_path / "nowhere", "production").problems[0].what == "there is no such file"


def test_an_environment_that_is_misspelt_is_told_the_right_word(tmp_path: Path) -> None:
    (problem,) = load(tmp_path, "prodution").problems
    assert problem.mend == "did you mean `production`?"


def test_a_profile_that_is_misnamed_is_a_warning(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, (BASE / "runbook.yaml").read_bytes())
    (folder / "rehersal.yaml").write_text("a: 1\n")
    (problem,) = load(folder, None).problems
    assert problem.level == "warning"
    assert problem.mend == "did you mean `rehearsal.yaml`?"


def test_a_byte_order_mark_of_utf_8_does_no_harm(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, b"\xef\xbb\xbf" + (BASE / "runbook.yaml").read_bytes())
    assert load(folder, None).problems == ()


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, (BASE / "runbook.yaml").read_bytes())
    (folder / "sql" / "jobs_stop.sql").unlink()
    (folder / "sql" / "jobs_stop.sql").symlink_to("/etc/hostname")
    (problem,) = load(folder, None).problems
    assert "the file lies outside the runbook's folder" in problem.what
