from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cockpit.engine.attempt_files import Locks
from cockpit.engine.locks import can_be_shared, take
from cockpit.engine.processes import start_time
from cockpit.errors import Refused

ENGINE = """
import fcntl, json, os, sys
from cockpit.engine.processes import this_process
held = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(held, fcntl.LOCK_EX)
print(json.dumps([*this_process(), held]), flush=True)
sys.stdin.read()
"""


def engine(path: Path) -> tuple[subprocess.Popen[str], Locks]:
    """A process that holds a target's lock, as an engine does."""
    process = subprocess.Popen(
        (sys.executable, "-c", ENGINE, path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    pid, started, held = json.loads(process.stdout.readline())
    return process, Locks(pid, started, (held,))


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def is_free(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def test_a_lock_that_a_runner_shares_outlives_the_engine_that_took_it(tmp_path: Path) -> None:
    assert can_be_shared()
    process, locks = engine(tmp_path / "target")
    (shared,) = take(locks)
    end(process)
    assert not is_free(tmp_path / "target")
    os.close(shared)
    assert is_free(tmp_path / "target")


def test_a_runner_whose_engine_is_gone_is_refused(tmp_path: Path) -> None:
    process, locks = engine(tmp_path / "target")
    # The same number, given to another process since.
    other = Locks(locks.pid, (start_time(locks.pid) or 0) - 1, locks.descriptors)
    with pytest.raises(Refused, match="its engine is gone"):
        take(other)
    end(process)
    with pytest.raises(Refused, match="its engine is gone"):
        take(locks)
