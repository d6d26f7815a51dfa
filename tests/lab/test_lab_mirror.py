from __future__ import annotations

import json
import os
import random
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cockpit.clock import live_clock
from cockpit.engine.layout import RunDirectory
from cockpit.engine.start import read_state
from cockpit.notify.mirror import MirrorFeed
from cockpit.redact import Redactor
from cockpit.runbook.targets import RcloneMirror
from cockpit.secrets import Secrets
from tests.fakes.crash_runs import Run, eventually, new_run
from tests.lab.fix_servers import free_port, loopback, running
from tests.lab.stack_parts import program

KEY, SECRET = "cockpit-key", "cockpit-secret-of-the-lab"
IDENTITY = {
    "name": "cockpit",
    "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
    "actions": ["Read", "Write", "List", "Tagging", "Admin"],
}


def configured(folder: Path, *lines: str) -> Path:
    path = folder / "rclone.conf"
    path.touch(0o600)
    path.write_text("\n".join(("[there]", *lines, "")))
    return path


def rclone(config: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    command = ("rclone", "--config", config, "--retries", "1", *words)
    env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)


def answers(address: str, port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex((address, port)) == 0


@contextmanager
def bucket(folder: Path) -> Iterator[Path]:
    """A store that speaks S3 and checks keys, with a bucket in it: what rclone knows of it."""
    address = loopback() + ".1"
    # Its parts meet at sockets in /tmp that are named for their ports alone: two stores with the
    # same ports would join each other, whatever their addresses.
    first = random.randint(10_000, 50_000)
    ports = {name: first + n for n, name in enumerate(("master", "volume", "filer", "s3"))}
    (folder / "data").mkdir()
    (folder / "s3.json").write_text(json.dumps({"identities": [IDENTITY]}))
    words: tuple[str | Path, ...] = (
        *(program("weed"), "server", f"-dir={folder / 'data'}", f"-ip={address}"),
        *(f"-ip.bind={address}", "-s3", f"-s3.config={folder / 's3.json'}"),
        *(f"-{name}.port={port}" for name, port in ports.items()),
    )
    with running(words, folder / "weed.log", lambda: answers(address, ports["s3"])):
        config = configured(
            folder,
            *("type = s3", "provider = Other", f"access_key_id = {KEY}"),
            *(f"secret_access_key = {SECRET}", f"endpoint = http://{address}:{ports['s3']}"),
        )
        eventually(lambda: rclone(config, "mkdir", "there:backup").returncode == 0, "the bucket")
        yield config
    for number in (port + more for port in ports.values() for more in (0, 10_000)):
        for left in Path("/tmp").glob(f"seaweedfs-*-{number}.sock"):
            left.unlink()


@contextmanager
def other_host(folder: Path) -> Iterator[Path]:
    """A host that is reached by SFTP: what rclone knows of it."""
    (folder / "backup").mkdir()
    port = free_port("127.0.0.1")
    words = ("rclone", "serve", "sftp", folder, "--addr", f"127.0.0.1:{port}")
    given = ("--user", "cockpit", "--pass", SECRET, "--cache-dir", folder / "cache")
    hidden = subprocess.run(
        ("rclone", "obscure", SECRET), capture_output=True, text=True, check=True
    )
    with running((*words, *given), folder / "sftp.log", lambda: answers("127.0.0.1", port)):
        yield configured(
            folder,
            *("type = sftp", "host = 127.0.0.1", f"port = {port}", "user = cockpit"),
            *(f"pass = {hidden.stdout.strip()}", "shell_type = none"),
        )


@pytest.fixture(params=[bucket, other_host])
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "there"
    folder.mkdir()
    with request.param(folder) as config:
        yield config


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return new_run(tmp_path / "run")


def mirror(run: Run, config: Path, patience_s: float = 60.0) -> MirrorFeed:
    settings = RcloneMirror(kind="rclone", remote="there:backup/cockpit", config=str(config))
    return MirrorFeed(
        settings, run.directory.path, Secrets({}, Redactor()), live_clock(), patience_s
    )


async def test_what_rclone_brought_there_is_the_run_and_its_chain_holds(
    run: Run, remote: Path, tmp_path: Path
) -> None:
    run.directory.way_back.write_text("nothing yet\n")
    feed = mirror(run, remote)
    await feed.beat(read_state(run.directory).head)
    assert feed.tile().state == "fine", feed.tile().detail
    run.directory.way_back.write_text("step one back\n")
    await feed.beat(read_state(run.directory).head)
    assert feed.tile().state == "fine", feed.tile().detail
    back = tmp_path / "back"
    assert rclone(remote, "copy", "there:backup/cockpit", back).returncode == 0
    copy = RunDirectory(back / run.directory.name)
    assert copy.way_back.read_text() == "step one back\n"
    assert read_state(copy).damage == ""
    assert read_state(copy).head == read_state(run.directory).head


async def test_a_place_that_refuses_the_key_is_said_without_the_key(run: Run, remote: Path) -> None:
    wrong = remote.read_text().replace(SECRET, SECRET.swapcase())
    remote.write_text(wrong.replace("user = cockpit", "user = nobody"))
    feed = mirror(run, remote)
    await feed.beat(read_state(run.directory).head)
    told = feed.tile().detail[-1]
    assert feed.tile().state == "slow"
    assert told.startswith("there:backup/cockpit: "), told
    assert SECRET.swapcase() not in str(feed.tile())
