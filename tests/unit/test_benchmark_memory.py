from __future__ import annotations

import subprocess
import sys

CHILD = "from benchmarks.journal_run import peak_mib; print(peak_mib())"
PARENT = f"""if True:
    import os, sys
    held = bytearray(b"x") * (400 << 20)
    os.execv(sys.executable, [sys.executable, "-c", {CHILD!r}])
"""


def test_the_memory_that_is_measured_is_not_that_of_whoever_started_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PARENT], capture_output=True, text=True, check=True
    )
    assert 1 < float(done.stdout) < 300
