"""A Docker engine of the lab's own: its data, socket and processes lie in one folder."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

from tests.lab.fix_servers import running

READY_S = 30.0


@dataclass(frozen=True)
class Engine:
    """A running engine, and the environment in which `docker` talks to it."""

    folder: Path
    environment: Mapping[str, str]

    @property
    def host(self) -> str:
        return self.environment["DOCKER_HOST"]

    def docker(self, *words: str, timeout: float = 60) -> str:
        """What the command says; the test fails with its complaint."""
        done = subprocess.run(
            ("docker", *words),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
        return done.stdout


@contextmanager
def engine(folder: Path, compose: Path) -> Iterator[Engine]:
    """An engine with the Compose plugin; everything of it is gone afterwards."""
    with own_networks() as networks, engine_with(networks, folder, compose) as made:
        yield made


@contextmanager
def own_networks() -> Iterator[str]:
    """Addresses that no other engine of these tests on this host gives to its networks."""
    for second in range(213, 221):
        with Path(gettempdir(), f"cockpit-lab-10.{second}.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield f"10.{second}.0.0/16"
            return
    message = "eight engines of these tests run on this host already"
    raise AssertionError(message)


@contextmanager
def engine_with(networks: str, folder: Path, compose: Path) -> Iterator[Engine]:
    """An engine whose networks lie in these addresses."""
    plugins = folder / "client" / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-compose").symlink_to(compose)
    host = f"unix://{folder / 'docker.sock'}"
    own = {"DOCKER_HOST": host, "DOCKER_CONFIG": str(plugins.parent)}
    environment = {**os.environ, **own}
    # Containers reach each other and this host's loopback reaches them; nothing else is needed,
    # so the host's firewall stays as it is.
    # In a process namespace of its own, everything that the engine started ends with it, however
    # it and the tests end; in a mount namespace, so do its mounts.
    words = (
        *("unshare", "--pid", "--fork", "--kill-child", "--mount-proc"),
        *("dockerd", "--bridge", "none", "--iptables=false", "--ip-masq=false"),
        *("--data-root", folder / "data", "--exec-root", folder / "exec"),
        *("--pidfile", folder / "pid", "--host", host),
        *("--default-address-pool", f"base={networks},size=24"),
    )

    def is_ready() -> bool:
        asked = subprocess.run(
            ("docker", "info"), env=environment, capture_output=True, check=False
        )
        return asked.returncode == 0

    try:
        with running(words, folder / "dockerd.log", is_ready):
            made = Engine(folder, environment)
            try:
                yield made
            finally:
                empty(made)
                end(folder / "docker.sock")
    finally:
        shutil.rmtree(folder / "data", ignore_errors=True)


def empty(made: Engine) -> None:
    """No container, network or volume outlives the tests."""
    if containers := made.docker("ps", "--all", "--quiet").split():
        made.docker("rm", "--force", "--volumes", *containers)
    made.docker("network", "prune", "--force")


def listening(listener: Path) -> int:
    """The engine's number in this namespace: it is known by the socket alone."""
    with socket.socket(socket.AF_UNIX) as ours:
        ours.connect(str(listener))
        told = ours.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", told)[0]
    return pid


def end(listener: Path) -> None:
    """Ask the engine to go."""
    pid = listening(listener)
    os.kill(pid, signal.SIGTERM)
    until(lambda: not Path(f"/proc/{pid}").exists(), 20, "the engine does not end")


def until(holds: Callable[[], bool], seconds: float, otherwise: str) -> float:
    """Wait for a condition; the seconds that it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, otherwise
        time.sleep(0.1)
    return time.monotonic() - began
