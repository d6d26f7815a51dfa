"""The secrets of a container: known to the redactor before a line of its log is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cockpit.runbook.literals import is_secret_key
from cockpit.secrets import LONGEST, Secrets
from cockpit.stack.secrets import MOUNT

_IN_ADDRESS = re.compile(r"://[^/\s:@]*:(?P<password>[^/\s@]+)@")


def learn(secrets: Secrets, inspected: Mapping[str, Any], is_local: bool) -> None:  # noqa: FBT001 - an answer, not a switch
    """Learn what its variables and its secrets' files hold; files of another host are not read."""
    for name, value in _in_variables(inspected):
        secrets.learn(name, value)
    for name, path in _files(inspected) if is_local else ():
        with suppress(OSError, UnicodeDecodeError), path.open("rb") as file:
            secrets.learn(name, file.read(LONGEST).decode())


def _in_variables(inspected: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for one in (inspected.get("Config") or {}).get("Env") or ():
        name, _, value = str(one).partition("=")
        if is_secret_key(name):
            yield name, value
        elif match := _IN_ADDRESS.search(value):
            yield name, match["password"]


def _files(inspected: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    for one in inspected.get("Mounts") or ():
        path = Path(str(one.get("Source", "")))
        if str(one.get("Destination", "")).startswith(MOUNT) and path.is_file():
            yield path.stem, path
