from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cockpit.errors import TargetError
from cockpit.notify.copying import Copying, copy
from cockpit.notify.heartbeat import HeartbeatFeed
from cockpit.notify.mirror import MirrorFeed
from cockpit.redact import Redactor
from cockpit.runbook.targets import DirectoryMirror, Heartbeat, RcloneMirror
from cockpit.runbook.words import SecretId
from cockpit.secrets import Secrets
from tests.fakes.crash_runs import eventually
from tests.fakes.folded import TOKEN, folded, left
from tests.fakes.small_runbooks import Still, World, runbook, secrets, serving

HEAD = "a" * 64
NONE = Secrets({}, Redactor())


def beating(tmp_path: Path, settings: Heartbeat, clock: Still, **values: str) -> HeartbeatFeed:
    world = World(tmp_path, secrets=values)
    folder = tmp_path / "runs" / "staging" / "small-1"
    folder.mkdir(parents=True, exist_ok=True)
    return HeartbeatFeed(settings, folder, secrets(world, runbook(world)), clock)


# -- the heartbeat ------------------------------------------------------------------------------


async def test_each_sign_of_life_replaces_the_file_and_asks_the_address_behind_its_key(
    tmp_path: Path,
) -> None:
    clock = Still()
    with serving({"/ping/k3y-of-the-run": (200, "OK")}) as (url, asked):
        settings = Heartbeat(url=f"{url}/ping", key=SecretId("beat"), bearer=SecretId("token"))
        feed = beating(tmp_path, settings, clock, beat="k3y-of-the-run", token="a-long-token")
        assert feed.tile().state == "silent"
        await feed.beat("")
    told = json.loads((tmp_path / "runs/staging/small-1/heartbeat.json").read_text())
    assert (told["run"], told["pid"], told["trouble"]) == ("staging/small-1", os.getpid(), "")
    assert [(one.method, one.path) for one in asked] == [("GET", "/ping/k3y-of-the-run")]
    assert asked[0].headers["Authorization"] == "Bearer a-long-token"
    clock.at += 12
    assert (feed.tile().state, feed.tile().figure) == ("fine", "12 s old")
    assert "k3y" not in str(feed.tile())


async def test_a_heartbeat_is_withheld_while_the_engine_cannot_work_and_its_file_says_why(
    tmp_path: Path,
) -> None:
    clock = Still()
    with serving({"/": (200, "")}) as (url, asked):
        feed = beating(tmp_path, Heartbeat(url=f"{url}/", file=str(tmp_path / "beat")), clock)
        await feed.beat("")
        clock.at += 30
        await feed.beat("the host says: No space left on device")
    assert len(asked) == 1
    assert "No space left" in json.loads((tmp_path / "beat").read_text())["trouble"]
    assert (feed.tile().state, feed.tile().figure) == ("slow", "failing, 30 s old")
    assert "withheld: the host says: No space left on device" in feed.tile().detail[-1]


async def test_a_heartbeat_that_nobody_takes_is_shown_with_its_age_and_never_raises(
    tmp_path: Path,
) -> None:
    clock = Still()
    feed = beating(tmp_path, Heartbeat(url="http://127.0.0.1:1/t0ken"), clock)
    await feed.beat("")
    assert (feed.tile().state, feed.tile().figure) == ("slow", "never")
    clock.at += 200
    assert feed.tile().state == "down"
    assert "127.0.0.1: not taken: ConnectError" in feed.tile().detail[-1]
    assert "t0ken" not in str(feed.tile())


async def test_a_refused_sign_of_life_and_an_unwritable_file_are_both_said(tmp_path: Path) -> None:
    with serving({}) as (url, _):
        feed = beating(tmp_path, Heartbeat(url=url), Still())
        await feed.beat("")
        assert "answered 404" in feed.tile().detail[-1]
    feed = beating(tmp_path, Heartbeat(file="/nowhere/beat"), Still())
    await feed.beat("")
    assert "/nowhere/beat: not written: No such file or directory" in feed.tile().detail[-1]


# -- the mirror ---------------------------------------------------------------------------------


@pytest.fixture
def share() -> Iterator[Path]:
    """A folder on another disk than the tests' own, as a mounted share is."""
    with TemporaryDirectory(dir="/dev/shm") as name:  # the one other disk that every Linux has
        yield Path(name)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "staging" / "small-1"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    (folder / "way-back.md").write_text("nothing yet\n")
    (folder / "journal.jsonl").write_text(f"one\t{HEAD}\n")
    return folder


def copying(run: Path, place: Path, head: str = HEAD) -> Copying:
    return Copying(str(run), "staging/small-1", head, str(place))


def held(place: Path) -> dict[str, str]:
    folder = place / "staging" / "small-1"
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def test_a_copy_holds_whole_lines_and_is_closed_to_others(run: Path, share: Path) -> None:
    with (run / "journal.jsonl").open("a") as file:
        file.write("half a li")
    copy(copying(run, share))
    assert held(share)["journal.jsonl"] == f"one\t{HEAD}\n"
    assert held(share)["way-back.md"] == "nothing yet\n"
    with (run / "journal.jsonl").open("a") as file:
        file.write("ne\n")
    (run / "way-back.md").write_text("step one back\n")
    copy(copying(run, share))
    assert held(share)["journal.jsonl"] == f"one\t{HEAD}\nhalf a line\n"
    assert held(share)["way-back.md"] == "step one back\n"
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (share / "staging/small-1").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE((share / "staging/small-1").stat().st_mode) == 0o700


def test_a_journal_that_lost_its_end_never_takes_the_place_of_its_copy(
    run: Path, share: Path
) -> None:
    copy(copying(run, share))
    (run / "journal.jsonl").write_text("")
    with pytest.raises(TargetError, match="lacks its newest event: the copy stays as it is"):
        copy(copying(run, share))
    assert held(share)["journal.jsonl"] == f"one\t{HEAD}\n"


def test_a_copy_that_the_journal_does_not_continue_is_kept_beside_the_new_one(
    run: Path, share: Path
) -> None:
    copy(copying(run, share))
    (run / "journal.jsonl").write_text(f"ONE\t{HEAD}\n")
    copy(copying(run, share))
    copy(copying(run, share))
    kept = {name: text for name, text in held(share).items() if name.startswith("journal.")}
    assert sorted(kept.values()) == [f"ONE\t{HEAD}\n", f"one\t{HEAD}\n"]
    assert kept["journal.jsonl"] == f"ONE\t{HEAD}\n"


def test_a_share_that_is_not_mounted_is_no_mirror(run: Path, tmp_path: Path) -> None:
    (tmp_path / "mount").mkdir()
    with pytest.raises(TargetError, match="on the run's own disk: is the share mounted"):
        copy(copying(run, tmp_path / "mount"))
    with pytest.raises(TargetError, match="is not there: is it mounted"):
        copy(copying(run, tmp_path / "nowhere"))
    assert list((tmp_path / "mount").iterdir()) == []


async def test_the_mirror_shows_how_old_the_copy_is_and_copies_a_new_way_back_at_once(
    run: Path, share: Path
) -> None:
    clock = Still()
    feed = MirrorFeed(DirectoryMirror(kind="directory", directory=str(share)), run, NONE, clock)
    await feed.beat(HEAD)
    assert (feed.tile().state, feed.tile().figure) == ("fine", "0 s old")
    clock.at += 20
    with (run / "journal.jsonl").open("a") as file:
        file.write("two\n")
    await feed.beat(HEAD)
    assert "two" not in held(share)["journal.jsonl"]
    assert feed.tile().figure == "20 s old"
    (run / "way-back.md").write_text("step one back\n")
    await feed.beat(HEAD)
    assert held(share)["way-back.md"] == "step one back\n"
    assert held(share)["journal.jsonl"].endswith("two\n")
    clock.at += 61
    (share / "staging").rename(share / "gone")
    share.chmod(0o700)
    await feed.beat(HEAD)
    assert (feed.tile().state, feed.tile().figure) == ("fine", "0 s old")


async def test_a_mirror_that_fails_is_shown_with_the_age_of_the_last_copy(
    run: Path, share: Path
) -> None:
    clock = Still()
    settings = DirectoryMirror(kind="directory", directory=str(share / "mount"))
    (share / "mount").mkdir()
    feed = MirrorFeed(settings, run, NONE, clock)
    await feed.beat(HEAD)
    (share / "mount").rename(share / "unmounted")
    clock.at += 61
    await feed.beat(HEAD)
    assert (feed.tile().state, feed.tile().figure) == ("slow", "failing, 1 min 1 s old")
    assert "is not there: is it mounted?" in feed.tile().detail[-1]
    clock.at += 240
    assert feed.tile().state == "down"


class Running(Still):
    """A clock whose real seconds go by."""

    def real(self) -> float:
        return time.monotonic()


def in_rclones_place(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Put a program there; gives a configuration of it."""
    fake = folder / "bin" / "rclone"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    config = folder / "rclone.conf"
    config.touch(0o600)
    return config


async def test_a_copy_that_hangs_is_given_up_and_does_not_hang_the_engine(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It never ends, and says who it is.
    config = in_rclones_place(tmp_path, monkeypatch, f'echo $$ > "{tmp_path}/pid"\nsleep 600')
    settings = RcloneMirror(kind="rclone", remote="there:runs", config=str(config))
    feed = MirrorFeed(settings, run, NONE, Running(), patience_s=2.0)
    await feed.beat(HEAD)
    assert "there:runs: no end in 2 s" in feed.tile().detail[-1]
    pid = int((tmp_path / "pid").read_text())
    eventually(lambda: not Path(f"/proc/{pid}").exists(), "the end of what hung")


def test_rclone_gets_no_configuration_that_others_can_read(run: Path, open_folder: Path) -> None:
    config = open_folder / "rclone.conf"
    config.write_text("[there]\ntype = local\n")
    config.chmod(0o644)
    wanted = Copying(str(run), "staging/small-1", HEAD, "there:/x", str(config))
    with pytest.raises(TargetError, match="can be read by other users of this host"):
        copy(wanted)


async def test_what_rclone_says_last_is_shown_without_any_part_of_a_folded_secret(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "said").write_text("refused:\n" * 9_000 + folded(TOKEN))
    config = in_rclones_place(tmp_path, monkeypatch, f'cat "{tmp_path}/said" >&2\nexit 1')
    world = World(tmp_path, secrets={"bucket_key": TOKEN})
    known = secrets(world, runbook(world))
    known.learn_all()
    settings = RcloneMirror(kind="rclone", remote="there:runs", config=str(config))
    feed = MirrorFeed(settings, run, known, Running(), patience_s=20.0)
    await feed.beat(HEAD)
    said = feed.tile().detail[-1]
    assert "[bucket_key hidden]" in said
    assert left(folded(TOKEN), said) == []
