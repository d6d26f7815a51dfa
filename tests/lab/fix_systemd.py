"""A systemd of its own that boots in namespaces of its own, with a boot clock and a boot id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cockpit.clock import NS, boot_ns
from cockpit.engine.processes import descendants

ROOT = Path(__file__).parents[2]
TARGET = """\
[Unit]
Description={name}, of a machine without devices
DefaultDependencies=no
"""
CGROUPS = """\
set -e
mount --make-rprivate /
mkdir -p "$1/cgroups"
mount -t cgroup -o none,name=systemd cgroup "$1/cgroups"
"""
OUTER = (
    CGROUPS
    + """\
mkdir "$1/cgroups/$2"
echo $$ >"$1/cgroups/$2/cgroup.procs"
exec unshare --mount --pid --fork --ipc --uts --net --cgroup --kill-child --mount-proc \\
    --time --boottime "$3" bash "$1/init.sh" "$1"
"""
)
CLEAN = CGROUPS + 'find "$1/cgroups/$2" -depth -type d -exec rmdir {} +\n'
INIT = """\
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/systemd
mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
mkdir /sys/fs/cgroup/systemd
mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
mount --bind "$1/etc" /etc/systemd
mount --bind "$1/boot_id" /proc/sys/kernel/random/boot_id
ip link set lo up
exec env -i container=lab "PATH=$PATH" \
    SYSTEMD_UNIT_PATH=/etc/systemd/system:/run/systemd/transient \
    /lib/systemd/systemd --system --unit=multi-user.target --log-target=console
"""
UPTIME_S = 60
"""What the boot clock reads when the machine boots."""
BOOTS_S = 60.0


@dataclass
class Machine:
    """One machine, which can be switched off and on again."""

    folder: Path
    _holder: subprocess.Popen[bytes] | None = None
    _init: int = 0
    _children: list[subprocess.Popen[str]] = field(default_factory=list)

    def install(self) -> None:
        """Its disk: unit files that ask for no device, and logind's drop-ins."""
        for name in ("system", "logind.conf.d"):
            (self.folder / "etc" / name).mkdir(parents=True)
        for name in ("multi-user", "sysinit", "basic", "shutdown", "network-online"):
            unit = self.folder / "etc" / "system" / f"{name}.target"
            unit.write_text(TARGET.format(name=name))
        for name, text in (("outer", OUTER), ("init", INIT), ("clean", CLEAN)):
            (self.folder / f"{name}.sh").write_text(text)

    def boot(self) -> None:
        """Switch it on, and wait until systemd runs."""
        (self.folder / "boot_id").write_text(f"{uuid.uuid4()}\n")
        offset = UPTIME_S - boot_ns() // NS
        with (self.folder / "console").open("ab") as console:
            self._holder = subprocess.Popen(
                self._script("outer", str(offset)),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        self._until(self._found_init, "its first process")
        self._until(self._is_up, "systemd")

    def _script(self, name: str, *words: str) -> list[str | Path]:
        """A script in a mount namespace of its own; the machine has a cgroup of its own."""
        script = self.folder / f"{name}.sh"
        return ["unshare", "--mount", "bash", script, self.folder, self.cgroup, *words]

    @property
    def cgroup(self) -> str:
        return f"cockpit-lab-{os.getpid()}"

    def _found_init(self) -> bool:
        assert self._holder is not None
        named = [one for one in descendants(self._holder.pid) if one.name == "systemd"]
        self._init = named[0].pid if named else 0
        return bool(named)

    def _is_up(self) -> bool:
        done = self.try_run("systemctl", "is-active", "multi-user.target")
        return done.stdout.strip() == "active"

    def _until(self, holds: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + BOOTS_S
        while not holds():
            assert self._holder is not None
            told = (self.folder / "console").read_text(errors="replace")[-2000:]
            assert self._holder.poll() is None, f"the machine went down: {told}"
            assert time.monotonic() < deadline, f"{what} did not come: {told}"
            time.sleep(0.05)

    def power_off(self) -> None:
        """Pull the plug: every process of it is gone at once."""
        if self._holder is None:
            return
        if self._init:
            os.kill(self._init, signal.SIGKILL)
        self._holder.wait(10)
        for child in self._children:
            child.wait(10)
        self._holder, self._children = None, []
        # Its processes may take a moment to leave their cgroups.
        deadline = time.monotonic() + BOOTS_S
        while subprocess.run(self._script("clean"), capture_output=True, check=False).returncode:
            assert time.monotonic() < deadline, "its cgroups stay"
            time.sleep(0.1)

    # -- inside ---------------------------------------------------------------------------------

    def _inside(self, argv: tuple[str | Path, ...]) -> list[str | Path]:
        return ["nsenter", "-t", str(self._init), "-m", "-p", "-i", "-u", "-n", "-C", "-T", *argv]

    def try_run(self, *argv: str | Path, seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a program inside, as a daemon of the machine would, outside every login."""
        return subprocess.run(
            self._inside(argv),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env=self.environment,
        )

    def run(self, *argv: str | Path, seconds: float = 60.0) -> str:
        """Run a program inside that has to succeed; what it printed."""
        done = self.try_run(*argv, seconds=seconds)
        assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout

    def python(self, code: str, *words: str | Path, seconds: float = 60.0) -> str:
        """Run a few lines of Python inside."""
        return self.run(sys.executable, "-c", code, *words, seconds=seconds).strip()

    def login(self, scope: str, *argv: str | Path) -> subprocess.Popen[str]:
        """Run a program in the scope of a login, as logind puts an SSH connection's shell."""
        process = subprocess.Popen(
            self._inside(
                ("systemd-run", "--quiet", "--scope", "--collect", f"--unit={scope}", "--", *argv)
            ),
            env=self.environment,
            text=True,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._children.append(process)
        return process

    def log_out(self, scope: str) -> None:
        """End a login as logind does where it kills user processes: its scope is stopped."""
        self.run("systemctl", "stop", scope)

    @property
    def environment(self) -> dict[str, str]:
        """What a program inside sees."""
        kept = {name: os.environ[name] for name in ("PATH", "COCKPIT_HOME", "LANG", "TZ")}
        bytecode = {"PYTHONPYCACHEPREFIX": str(self.folder / "bytecode")}
        return {**kept, **bytecode, "PYTHONPATH": str(ROOT), "HOME": "/root"}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine that is on."""
    made = Machine(tmp_path / "machine")
    made.folder.mkdir()
    made.install()
    try:
        made.boot()
        yield made
    finally:
        made.power_off()
