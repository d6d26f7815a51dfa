"""Facts of this host: its clock, its listening sockets, the files of secrets, and git."""

from __future__ import annotations

import asyncio
import ctypes
import ipaddress
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from cockpit.errors import CockpitError, NotInstalled
from cockpit.secrets import opened, reachable_by_others
from cockpit.stack.digest import digest
from cockpit.stack.engine import said
from cockpit.stack.facts import Bound, SecretFile, SecretProblem
from cockpit.stack.placeholders import is_placeholder

_TABLES = (("tcp", "tcp"), ("tcp6", "tcp"), ("udp", "udp"), ("udp6", "udp"))
_LISTENING = {"tcp": "0A", "udp": "07"}
_TIME_ERROR = 5
_PEM = re.compile(rb"-----BEGIN ([A-Z ]+)-----")


def is_clock_set() -> bool | None:
    """Whether the kernel counts its clock as synchronised, adjtimex(2); None: it does not say."""
    libc = ctypes.CDLL(None, use_errno=True)
    # struct timex is 208 bytes on 64-bit Linux; `modes` 0 only reads.
    state = libc.adjtimex(ctypes.create_string_buffer(512))
    return None if state < 0 else state != _TIME_ERROR


def listening() -> list[Bound]:
    """Every port that somebody on this host listens at."""
    owners = _owners()
    found = []
    for table, protocol in _TABLES:
        with suppress(FileNotFoundError):
            text = Path(f"/proc/net/{table}").read_text(encoding="ascii")
            found += [
                Bound(address, port, protocol, owners.get(inode, ""))
                for address, port, inode in sockets(text, _LISTENING[protocol])
            ]
    return found


def sockets(table: str, state: str) -> Iterator[tuple[str, int, str]]:
    """Address, port and inode of the sockets in a state, of a table as in /proc/net/tcp."""
    for line in table.splitlines()[1:]:
        words = line.split()
        if words[3] == state:
            address, _, port = words[1].partition(":")
            yield _address(address), int(port, 16), words[9]


def _address(text: str) -> str:
    """The kernel writes 32-bit words in the machine's own order."""
    words = [bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _owners() -> dict[str, str]:
    """The program behind each socket that this user may see, by inode."""
    owners: dict[str, str] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
            for entry in os.scandir(process / "fd"):
                with suppress(OSError):
                    link = Path(entry.path).readlink().name
                    if link.startswith("socket:["):
                        owners[link[8:-1]] = name
    return owners


async def secrets(config: Mapping[str, Any]) -> dict[str, SecretFile]:
    """What is wrong with the file of each secret of a project."""
    declared = (config.get("secrets") or {}).items()
    files = {name: Path(one["file"]) for name, one in declared if one.get("file")}
    found = await asyncio.gather(*(_secret(path) for path in files.values()))
    return dict(zip(files, found, strict=True))


async def _secret(path: Path) -> SecretFile:
    file = await asyncio.to_thread(secret, path)
    if "missing" in file.problems:
        return file
    match await is_tracked(path):
        case True:
            problems = {**file.problems, "tracked": f"is tracked by git: {path}"}
            return replace(file, problems=problems)
        case None:
            return replace(file, untold="lies in a git repository, and git is not here to ask")
    return file


def secret(path: Path) -> SecretFile:
    """What is wrong with one file, git aside."""
    try:
        content = opened(path)[0].strip()
    except IsADirectoryError:
        return SecretFile({"missing": f"is not a file: {path}"})
    except OSError as error:
        words = "has no file" if isinstance(error, FileNotFoundError) else "cannot be read"
        return SecretFile({"missing": f"{words}: {path}"})
    problems: dict[SecretProblem, str] = {}
    if not content:
        problems["empty"] = f"is empty: {path}"
    elif is_placeholder(content.decode(errors="replace")):
        problems["placeholder"] = f"is a placeholder: {path}"
    if (reason := reachable_by_others(path)).startswith("can be read"):
        problems["readable"] = f"{reason}: {path}"
    return SecretFile(problems, digest(content) if content and not _is_public(content) else "")


def _is_public(content: bytes) -> bool:
    """Whether a file holds certificates alone, which every environment may share."""
    labels = _PEM.findall(content)
    return bool(labels) and content.startswith(b"-----BEGIN ") and set(labels) == {b"CERTIFICATE"}


def _is_within_git(path: Path) -> bool:
    return any((folder / ".git").exists() for folder in path.resolve().parents)


async def is_tracked(path: Path) -> bool | None:
    """Whether git keeps a file; None where there is a repository, and no git to ask.

    Nothing that the repository configures is run.
    """
    safe = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false")
    words = ("git", *safe, "ls-files", "--error-unmatch", "--", path.name)
    try:
        await said(words, path.parent)
    except NotInstalled:
        return None if await asyncio.to_thread(_is_within_git, path) else False
    except CockpitError:
        return False  # no repository, or a file that it does not know
    return True
