"""What outlives a login on this host: proved by trying it, and what logind is told to do."""

from __future__ import annotations

import getpass
import os
import pty
import secrets
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from cockpit import logind, systemd
from cockpit.commands.diagnosis import Diagnosis
from cockpit.engine import detach, no_op

APPEARS_S = 15.0
"""Real seconds in which what is tried must have begun."""
ANSWERS_S = 3.0
"""Real seconds in which what outlived its login leaves word."""
WHAT = "outliving a login"
_MEND = (
    "set KillUserProcesses=no in /etc/systemd/logind.conf.d/cockpit.conf, or name {user} in "
    "KillExcludeUsers; or run the cockpit as root"
)


def outliving() -> Diagnosis:
    """Start a no-op as an engine is started, end what started it, and see whether it lives."""
    units = systemd.can_start_units()
    forms = ["unit", "session"] if units else ["session"]
    try:
        lived = tried(forms)
    except (OSError, subprocess.SubprocessError, TimeoutError) as error:
        return Diagnosis(WHAT, f"could not be tried: {error}", "run `cockpit doctor` again")
    names = {"unit": "a unit of its own", "session": "a session of its own"}
    told = "; ".join(f"{names[one]} {'lives on' if one in lived else 'is ended'}" for one in forms)
    how = "its scope stopped" if units else "its terminal hung up, its parent killed"
    good = forms[0] in lived
    mend = "" if good else "look into the host's journal; until then run the cockpit inside tmux"
    return Diagnosis(WHAT, f"tried, {how}: {told}", mend)


def kill_user_processes() -> Diagnosis:
    """What logind does to the processes of a login that ends."""
    if not systemd.BOOTED.is_dir():
        return Diagnosis("logind", "systemd does not run this host: no login's processes are ended")
    settings, user = logind.configured(), getpass.getuser()
    words = "KillUserProcesses is in no file: the default of this systemd counts"
    if settings.kills is not None:
        words = f"KillUserProcesses={'yes' if settings.kills else 'no'} ({settings.where})"
    kills = settings.kills_of(user)
    if systemd.can_start_units():
        warning = ": engines and steps are units, which it does not touch" if settings.kills else ""
        return Diagnosis("logind", words + warning)
    if kills is False:
        return Diagnosis("logind", f"{words}: what {user} leaves running stays")
    ends = "ends" if kills else "may end"
    return Diagnosis("logind", f"{words}: it {ends} the engine at logout", _MEND.format(user=user))


def tried(forms: list[str]) -> frozenset[str]:
    """Which of these forms outlives the end of the login that started it."""
    with TemporaryDirectory(prefix="cockpit-doctor-") as name:
        folder = Path(name)
        argv = detach.python("cockpit.engine.no_op", "begin", name, *forms)
        drop = _in_scope(argv) if "unit" in forms else _at_terminal(argv)
        wanted = [folder / no_op.BEGUN, *(folder / f"{form}.ready" for form in forms)]
        try:
            _wait(lambda: all(path.exists() for path in wanted), APPEARS_S)
        finally:
            drop()
        (folder / no_op.DROPPED).touch()
        with suppress(TimeoutError):
            _wait(lambda: all((folder / form).exists() for form in forms), ANSWERS_S)
        return frozenset(form for form in forms if (folder / form).exists())


def _in_scope(argv: list[str]) -> Callable[[], None]:
    """Start it in a scope as logind gives each login one; what ends it ends that as logind does."""
    unit = f"cockpit-doctor-{secrets.token_hex(4)}.scope"
    words = ["systemd-run", "--quiet", "--scope", "--collect", f"--unit={unit}", "--", *argv]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def drop() -> None:
        subprocess.run(["systemctl", "stop", unit], check=False, capture_output=True, timeout=60)
        process.kill()
        process.wait()

    return drop


def _at_terminal(argv: list[str]) -> Callable[[], None]:
    """Start it at a terminal of its own; what ends it hangs that up, and kills it."""
    child, terminal = pty.fork()
    if child == 0:
        try:
            os.execv(argv[0], argv)  # noqa: S606  the program itself, at that terminal
        finally:
            os._exit(127)

    def drop() -> None:
        os.close(terminal)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    return drop


def _wait(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing in {seconds:g} s")
        time.sleep(0.02)
