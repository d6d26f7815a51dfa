"""Processes that outlive whoever starts them: a transient service, or a session of their own.

A session of its own still lies in the login's scope, and logind may kill all of that at logout.
So as root under systemd it is a service; where that cannot be had, a session, and it says so.
"""

from __future__ import annotations

import getpass
import os
import secrets
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cockpit import logind, systemd
from cockpit.actions.child import KEPT
from cockpit.durable import open_kept

STARTS_S = 20.0
"""Real seconds in which systemd must have started a unit."""
COMES_BACK = (
    ("Restart", "on-failure"),
    ("RestartSec", "1"),
    # A refusal, said in words: it would be the same again.
    ("RestartPreventExitStatus", "1"),
    ("StartLimitIntervalSec", "300"),
    ("StartLimitBurst", "10"),
)
"""An engine that was killed is started again: it watches, and starts nothing."""
_OWN = ("LC_", "COCKPIT_", "PYTHON", "XDG_")
_PROXIES = frozenset(("http_proxy", "https_proxy", "all_proxy", "no_proxy"))


@dataclass(frozen=True, slots=True)
class Started:
    """A detached process, as the one who started it may know it."""

    process: subprocess.Popen[bytes]
    """The process itself; with a unit, the one that asks systemd for it."""
    unit: str = ""

    def reap(self) -> None:
        """Let no dead child linger."""
        self.process.poll()

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or never began."""
        status = self.process.poll()
        if status is None or not self.unit:
            return status is not None
        return status != 0 or not systemd.members(self.unit)

    @property
    def was_refused(self) -> bool:
        """Whether systemd did not start its unit."""
        return bool(self.unit and self.process.poll())


def python(module: str, *words: str) -> list[str]:
    """The command of a module of this program."""
    return [sys.executable, "-m", module, *words]


def in_session(
    argv: Sequence[str],
    log: Path,
    share: Iterable[int] = (),
    environment: Mapping[str, str] = os.environ,
) -> Started:
    """Start a program as a session of its own; OSError where it cannot be."""
    with os.fdopen(open_kept(log, os.O_WRONLY | os.O_APPEND), "ab") as file:
        return Started(
            subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
                pass_fds=tuple(share),
                cwd="/",
                env=environment,
            )
        )


def in_unit(
    name: Sequence[str],
    argv: Sequence[str],
    log: Path,
    environment: Mapping[str, str] = os.environ,
    more: Iterable[tuple[str, str]] = (),
) -> Started:
    """Ask systemd for a program as a service of its own; it is not waited for."""
    unit = systemd.unit_name(*name, secrets.token_hex(3))
    # Anybody on the host may read a unit's variables: it gets none that may hold a secret.
    shown = {name: value for name, value in environment.items() if _is_open(name, value)}
    with os.fdopen(open_kept(log, os.O_WRONLY | os.O_APPEND), "ab") as file:
        return Started(
            subprocess.Popen(
                systemd.transient(unit, argv, log, shown, more),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
                cwd="/",
            ),
            unit,
        )


def _is_open(name: str, value: str) -> bool:
    if name.lower() in _PROXIES:
        return "@" not in value
    return name in KEPT or name.startswith(_OWN)


def unit() -> str:
    """The service of its own that this process lives in; empty where it has none."""
    found = systemd.unit_of()
    return found if found.startswith("cockpit-") else ""


def risk() -> str:
    """Why this process may end with a login, in words; empty where it does not."""
    unit = systemd.unit_of()
    if not (unit.startswith("session-") and unit.endswith(".scope")):
        return ""
    user = getpass.getuser()
    settings = logind.configured()
    if not settings.kills_of(user):
        return ""
    return f"logind ends this engine with the login of {user} ({unit}; {settings.where})"
