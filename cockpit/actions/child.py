"""A program as a child: its own folder, a short environment, its output line by line."""

from __future__ import annotations

import asyncio
import codecs
import errno
import os
import re
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from cockpit.engine.processes import MARK, signal_name
from cockpit.errors import ActionFailed, ActionKilled
from cockpit.runbook.model import Runbook
from cockpit.secrets import Secrets

KEPT = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR"),
        *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR"),
        MARK,
    )
)
"""The operator's variables that a child inherits; others may hold secrets."""
LONGEST = 65_536
"""Characters after which a line without an end is given all the same."""
LAST = 5
"""How many last lines a failure repeats."""
LINGER_S = 2.0
"""Real seconds for output that arrives after the program has ended."""
_LACKING = frozenset((errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE))
_TOO_FULL = "let the host have processes, memory and open files again, then run the step again"
_NOT_THERE = "install it on this host, or correct the runbook's argv and directory"
_END = re.compile(r"\r\n|\n|\r(?!$)")


def environment(runbook: Runbook, secrets: Secrets, own: Mapping[str, str]) -> dict[str, str]:
    """What a child sees: a few of the operator's variables, its own, and where secrets lie."""
    seen = {
        name: value for name, value in os.environ.items() if name in KEPT or name.startswith("LC_")
    }
    # A secret that the operator's shell holds too is not handed on.
    seen = {name: value for name, value in seen.items() if secrets.hide(value) == value}
    files = {f"{name.upper()}_FILE": str(secrets.path(name)) for name in runbook.profile.secrets}
    return {**seen, **files, **own}


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Lines of a byte stream; carriage returns end a line too, as progress bars write them."""
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    rest = ""
    async for chunk in chunks:
        *whole, rest = _END.split(rest + decode(chunk))
        for line in whole:
            yield line
        if len(rest) > LONGEST:
            # Nothing is left out: the other half of a secret would be known to nobody.
            yield rest
            rest = ""
    rest = (rest + decode(b"", True)).rstrip("\r")
    if rest:
        yield rest


async def run(
    argv: Sequence[str],
    directory: Path,
    env: Mapping[str, str],
    secrets: Secrets,
    say: Callable[[str], None],
    keep: Sequence[int] = (),
) -> tuple[str, ...]:
    """Run a program to its end; its last lines, in an ActionFailed where its status is not 0.

    It and what it starts have the descriptors of `keep` open, too.
    """
    last = secrets.tail(LAST)

    def told(line: str) -> None:
        last.add(line)
        say(line)

    async with _pipe() as (reader, end):
        process = await _started(argv, directory, env, end, keep)
        reading = asyncio.create_task(_read(reader, told))
        try:
            status = await process.wait()
            # A grandchild may hold the pipe open for ever; the program itself has ended.
            await asyncio.wait((reading,), timeout=LINGER_S)
            if reading.done():
                reading.result()
        finally:
            reading.cancel()
            if process.returncode is None:
                process.kill()
                await process.wait()
    said = last.lines()
    if status:
        words = "\n".join((f"{argv[0]} {_ended(status)}", *said))
        raise ActionKilled(words) if status < 0 else ActionFailed(words)
    return said


@asynccontextmanager
async def _pipe() -> AsyncIterator[tuple[asyncio.StreamReader, int]]:
    """A pipe of our own: asyncio's would stay open as long as any grandchild writes to it."""
    read, write = os.pipe()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb", buffering=0)
    )
    try:
        yield reader, write
    finally:
        transport.close()
        # The transport closes its file in the loop's next round.
        await asyncio.sleep(0)


async def _started(
    argv: Sequence[str],
    directory: Path,
    env: Mapping[str, str],
    end: int,
    keep: Sequence[int],
) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            cwd=directory,
            env=env,
            stdin=DEVNULL,
            stdout=end,
            stderr=STDOUT,
            pass_fds=keep,
        )
    except OSError as error:
        raise ActionFailed(
            f"{argv[0]} cannot be started: {error.strerror}",
            where=str(directory),
            mend=_TOO_FULL if error.errno in _LACKING else _NOT_THERE,
        ) from error
    finally:
        os.close(end)


async def _read(reader: asyncio.StreamReader, told: Callable[[str], None]) -> None:
    async for line in lines(_chunks(reader)):
        told(line)


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while chunk := await reader.read(LONGEST):
        yield chunk


def _ended(status: int) -> str:
    return f"was ended by {signal_name(-status)}" if status < 0 else f"exited with {status}"
