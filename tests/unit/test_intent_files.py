from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from cockpit.engine import intents
from cockpit.engine.intents import MOST, Intent, NotAnIntent

WISH = Intent("hold", "1:1", text="the phone rings")


def linked(folder: Path) -> Path:
    name = intents.send(folder, WISH)
    (folder / f"{name}.json").rename(folder / "elsewhere")
    path = folder / f"{name}.json"
    path.symlink_to(folder / "elsewhere")
    return path


def with_a_second_name(folder: Path) -> Path:
    path = folder / f"{intents.send(folder, WISH)}.json"
    (folder / "second").hardlink_to(path)
    return path


def copied(folder: Path) -> Path:
    path = folder / f"{intents.send(folder, WISH)}.json"
    other = folder / "00000000000000000001-again.json"
    other.write_bytes(path.read_bytes())
    return other


def endless(folder: Path) -> Path:
    path = folder / "1.json"
    path.write_bytes(b" " * (MOST + 1))
    return path


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "1.json")
    return folder / "1.json"


def listening(folder: Path) -> Path:
    # A socket's path is short in the kernel: it is bound from within the folder.
    before = Path.cwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind("1.json")
    finally:
        os.chdir(before)
    return folder / "1.json"


def directory(folder: Path) -> Path:
    (folder / "1.json").mkdir()
    return folder / "1.json"


def other_words(folder: Path) -> Path:
    (folder / "1.json").write_bytes(msgspec.json.encode({"kind": "explode", "viewer": "1:1"}))
    return folder / "1.json"


FALSE: dict[Callable[[Path], Path], str] = {
    linked: "it cannot be opened: Too many levels of symbolic links",
    with_a_second_name: "it has a second name",
    copied: "it was written as 0",
    endless: "it is longer than 65536 bytes",
    pipe: "it is no plain file",
    listening: "it cannot be opened: No such device or address",
    directory: "it is no plain file",
    other_words: "Invalid enum value 'explode'",
}


@pytest.mark.parametrize("made", FALSE, ids=lambda made: made.__name__)
def test_what_only_looks_like_an_intent_is_none(
    made: Callable[[Path], Path], tmp_path: Path
) -> None:
    with pytest.raises(NotAnIntent, match=FALSE[made]):
        intents.read(made(tmp_path))


def test_an_intent_comes_back_as_it_was_sent_with_its_owner(tmp_path: Path) -> None:
    name = intents.send(tmp_path, WISH)
    (path,) = intents.waiting(tmp_path)
    assert path.stem == name
    assert intents.read(path) == (replace(WISH, id=name), intents.login(os.geteuid()))


def test_an_intent_that_was_taken_back_is_no_false_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        intents.read(tmp_path / "1.json")
