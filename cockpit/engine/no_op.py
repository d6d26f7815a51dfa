"""What `cockpit doctor` starts to see what outlives a login: it changes nothing.

`begin FOLDER FORM…` starts one of each form and waits to be ended; `wait FOLDER FORM` waits until
the folder says that its parent was dropped, and then leaves word that it lives.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from cockpit import systemd
from cockpit.durable import replace_file
from cockpit.engine import detach

BEGUN = "begun"
DROPPED = "dropped"
PATIENCE_S = 30.0
"""Real seconds after which either ends by itself."""
_LOOK_S = 0.02


def begin(folder: Path, forms: list[str]) -> None:
    """Start one of each form, as an engine is started, and wait to be ended."""
    log = folder / "log"
    for form in forms:
        argv = detach.python("cockpit.engine.no_op", "wait", str(folder), form)
        if form == "unit":
            detach.in_unit(("cockpit", "doctor"), argv, log).process.wait(detach.STARTS_S)
        else:
            detach.in_session(argv, log)
    replace_file(folder / BEGUN, b"")
    time.sleep(PATIENCE_S)


def wait(folder: Path, form: str) -> None:
    """Leave word once the parent was dropped."""
    deadline = time.monotonic() + PATIENCE_S
    replace_file(folder / f"{form}.ready", b"")
    while folder.is_dir() and time.monotonic() < deadline:
        if (folder / DROPPED).exists():
            replace_file(folder / form, systemd.unit_of().encode())
            return
        time.sleep(_LOOK_S)


def main(words: list[str]) -> None:
    """Play one of the two."""
    role, folder, *forms = words
    if role == "begin":
        begin(Path(folder), forms)
    else:
        wait(Path(folder), forms[0])


if __name__ == "__main__":
    main(sys.argv[1:])
