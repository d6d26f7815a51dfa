from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cockpit.database import manifest
from cockpit.engine import heads, intents, lastword, single
from cockpit.engine.attempt_files import AttemptFolder, Exit, Identity, Order
from cockpit.engine.formats import migrate
from cockpit.engine.intents import Intent, NotAnIntent
from cockpit.engine.layout import FORMAT, RunDirectory, RunFile
from cockpit.engine.processes import send_signal
from cockpit.errors import CockpitError, RunbookError, TargetError, Unreadable
from cockpit.propagation import recall
from cockpit.rehearsal import launch, spec
from cockpit.runbook.plan import thaw
from cockpit.telemetry import codec
from cockpit.telemetry.live import Live

NAME = "00000000000000000001-0a"


class Small(NamedTuple):
    """A small file: what stands in it, how it is read, and the errors that a reader may meet."""

    path: str
    sound: bytes
    read: Callable[[RunDirectory], object]
    may: tuple[type[Exception], ...] = ()


def attempt(directory: RunDirectory) -> AttemptFolder:
    return AttemptFolder(directory.attempt("move", 1))


ORDER = Order("/run", "0" * 64, "move", 1, "1" * 64, 60.0, "2" * 64)
ABOUT = RunFile(FORMAT, "survival", "staging", "0" * 64, {}, "1.0")
LIVE = Live(4711, 99, head="2" * 64, trouble="the disk is full")
ENCODED = msgspec.json.encode
PLACE = "attempts/move/1"
FILES = {
    "the order": Small(
        f"{PLACE}/order.json", ENCODED(ORDER), lambda run: attempt(run).order(), (Unreadable,)
    ),
    "the identity": Small(
        f"{PLACE}/identity.json",
        ENCODED(Identity(4711, 99, "boot")),
        lambda run: attempt(run).identity(),
        (Unreadable,),
    ),
    "the exit": Small(
        f"{PLACE}/exit.json",
        ENCODED(Exit(0, "exited", 1.5, "words", {"was": [1, 2]})),
        lambda run: attempt(run).exit(),
        (Unreadable,),
    ),
    "an attempt's end": Small(f"{PLACE}/exit.json", b"{", lambda run: attempt(run).told()),
    "its evidence": Small(f"{PLACE}/order.json", ENCODED(ORDER), heads.carried),
    "what vouches": Small(f"{PLACE}/order.json", ENCODED(ORDER), heads.unreadable),
    "the report": Small("report/report.json", b'{"state":{"head":"ab"}}', heads.carried),
    "the view": Small("live.json", ENCODED(LIVE), lambda run: codec.read(run.live)),
    "the view's head": Small("live.json", ENCODED(LIVE), heads.carried),
    "the look": Small("looks/a.json", b"{}", lambda run: codec.read_look(run.looks / "a.json")),
    "the lock": Small("engine.lock", ENCODED(Identity(4711, 99, "boot")), single.holder),
    "run.json": Small("run.json", ENCODED(ABOUT), lambda run: run.about(), (CockpitError,)),
    "its format": Small("run.json", ENCODED(ABOUT), lambda run: run.newer),
    "its migration": Small("run.json", ENCODED(ABOUT), migrate, (CockpitError,)),
    "a wish": Small(
        f"intents/{NAME}.json",
        ENCODED(Intent("hold", "1:1", text="the phone rings", id=NAME)),
        lambda run: intents.read(run.intents / f"{NAME}.json"),
        (NotAnIntent,),
    ),
    "the manifest": Small(
        f"exports/{manifest.NAME}",
        b'{"parts":[]}',
        lambda run: manifest.verified(run.path / "exports", "0" * 64),
        (TargetError,),
    ),
    "the lab": Small(
        "lab/lab.json", b'{"folder":"lab"}', lambda run: spec.load(run.lab), (TargetError,)
    ),
    "the lab's word": Small(
        "lab/status.json", b'{"state":"up"}', lambda run: launch.status(run.lab), (TargetError,)
    ),
    "the memory": Small(
        "propagation.json", b'{"format":1}', lambda run: recall.read(run.propagation)
    ),
    "the given values": Small(
        "plan/abc/given.json",
        b'{"environment":"staging","given":{},"origin":"/x","profile":{}}',
        lambda run: thaw(run.plan("abc")),
        (RunbookError,),
    ),
}
EACH = pytest.mark.parametrize("one", [pytest.param(one, id=name) for name, one in FILES.items()])
DEEP = b"[" * 100_000


def altered(sound: bytes) -> st.SearchStrategy[bytes]:
    """The file with a bit flipped, cut short, or of any bytes at all."""
    bits = st.integers(0, len(sound) * 8 - 1)
    flipped = bits.map(lambda bit: flip(sound, bit))
    short = st.integers(0, len(sound)).map(lambda size: sound[:size])
    return flipped | short | st.binary(max_size=200)


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def read(one: Small, content: bytes | None) -> None:
    with TemporaryDirectory() as folder:
        directory = RunDirectory(Path(folder))
        path = directory.path / one.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content)
        with suppress(*one.may):
            one.read(directory)


@EACH
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_whatever_stands_in_a_small_file_its_reader_knows_what_to_say(
    one: Small, data: st.DataObject
) -> None:
    read(one, data.draw(altered(one.sound)))


@EACH
def test_a_high_bit_and_any_depth_are_said_like_any_other_fault(one: Small) -> None:
    for place in range(0, len(one.sound), 3):
        read(one, flip(one.sound, place * 8 + 7))
    read(one, DEEP)
    read(one, b'{"x":' * 50_000)


@pytest.mark.parametrize("name", ["the order", "the identity", "the exit", "run.json"])
def test_a_folder_in_a_files_place_is_said(name: str) -> None:
    with pytest.raises(CockpitError, match=r"json cannot be read: Is a directory"):
        read(FILES[name]._replace(may=()), None)


@settings(deadline=None)
@given(st.integers(min_value=2**31) | st.integers(max_value=0))
@example(2**70)
def test_a_number_that_no_process_can_have_gets_no_signal(pid: int) -> None:
    assert not send_signal(pid, 0, "boot", 0)  # type: ignore[arg-type]  # 0 asks only


@pytest.mark.parametrize("before", [None, b"\xff{", DEEP])
def test_an_engines_last_word_is_left_also_where_no_view_can_be_read(
    before: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "live.json"
    if before is not None:
        path.write_bytes(before)
    lastword.leave_word(path, "it did not come up")
    seen = codec.read(path)
    assert seen is not None
    assert (seen.trouble, seen.engine_pid) == ("it did not come up", lastword.NOBODY)


@pytest.mark.parametrize(
    "content",
    [
        b'{"exit":0,"ended":"exited","took_s":1e300}',
        b'{"exit":0,"ended":"exited","took_s":-1.0}',
        b'{"exit":1%s,"ended":"exited","took_s":1.0}' % (b"0" * 30),
        b'{"exit":0,"ended":"exited","took_s":1.0,"recorded":{"a":%s}}' % (b"[" * 40 + b"]" * 40),
    ],
    ids=["a very long time", "a time below none", "a great status", "deep"],
)
def test_an_end_that_the_journal_could_not_tell_is_no_end(content: bytes) -> None:
    with pytest.raises(CockpitError, match=r"exit\.json cannot be read"):
        read(FILES["the exit"]._replace(may=()), content)
