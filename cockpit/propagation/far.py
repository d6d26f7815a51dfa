"""Questions asked on another host: an office's or provider's resolver that answers nobody else.

The system's ssh runs `dig` there, which most hosts have: nothing is installed, and no port is
opened. It never asks for a password, knows the host's key beforehand or refuses, and is ended
after its time. What comes back is read line by line; a line that is not understood makes the
whole answer one that was not heard.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from cockpit.clock import Clock
from cockpit.propagation.ask import BOGUS, Server
from cockpit.propagation.classify import Reply, canonical
from cockpit.propagation.reading import Heard, read

CONNECT_S = 4
"""Real seconds in which ssh must be connected."""
EACH_S = 1
"""Real seconds that dig waits for one answer; it asks once."""
MOST = 256 * 1024
"""Bytes of dig's output that are read."""
OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    f"ConnectTimeout={CONNECT_S}",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "LogLevel=ERROR",
)
KEPT = ("PATH", "HOME", "USER", "SSH_AUTH_SOCK")
Question = tuple[Server, str, str]


class Garbled(ValueError):
    """What came back is not what dig prints."""


def command(server: Server, asked: Sequence[tuple[str, str]], *, disabled: bool) -> list[str]:
    """The argument list: ssh, its options, the host, and dig's words as one quoted text."""
    wanted = ["dig", "+nocmd", "+nsid", f"+time={EACH_S}", "+tries=1"]
    wanted += ["+tcp"] if server.way == "tcp" else []
    wanted += ["+cdflag"] if disabled else []
    wanted += [f"@{server.address}", "-p", str(server.port)]
    for name, kind in asked:
        wanted += ["-q", name, "-t", kind]
    options = [word for one in OPTIONS for word in ("-o", one)]
    own = ["-F", server.ssh_config] if server.ssh_config else []
    return ["ssh", *own, *options, "-T", "--", server.through, shlex.join(wanted)]


async def ask_far(questions: Sequence[Question], clock: Clock) -> list[Reply]:
    """A reply to each question, in order; each server is asked by one connection to its host."""
    numbered = sorted(enumerate(questions), key=lambda one: one[1][0])
    groups = [list(group) for _, group in groupby(numbered, key=lambda one: one[1][0])]
    told = await asyncio.gather(*(_ask_one([one for _, one in group], clock) for group in groups))
    replies = {
        at: reply
        for group, found in zip(groups, told, strict=True)
        for (at, _), reply in zip(group, found, strict=True)
    }
    return [replies[at] for at in range(len(questions))]


async def _ask_one(questions: Sequence[Question], clock: Clock) -> list[Reply]:
    replies = await _told(questions, clock)
    failed = [at for at, one in enumerate(replies) if one.outcome == "servfail"]
    if failed:
        # A failure is told apart from bogus data by asking again with checking disabled.
        again = await _told([questions[at] for at in failed], clock, disabled=True)
        for at, unchecked in zip(failed, again, strict=True):
            if unchecked.values:
                note = "; ".join(filter(None, (BOGUS, replies[at].note)))
                replies[at] = replies[at]._replace(note=note)
    return replies


async def _told(
    questions: Sequence[Question], clock: Clock, *, disabled: bool = False
) -> list[Reply]:
    server, asked = questions[0][0], [(name, kind) for _, name, kind in questions]
    began = clock.now()
    output, trouble = await _run(command(server, asked, disabled=disabled), len(asked))
    try:
        # When each answer came is not told: the beginning accuses nobody of keeping it too long.
        found = {} if trouble else dict(answers(output, began))
    except Garbled as error:
        found, trouble = {}, str(error)
    silent = Reply("timeout", at=began, note=trouble)
    return [found.get((canonical(name), kind), silent) for name, kind in asked]


async def _run(argv: Sequence[str], count: int) -> tuple[str, str]:
    """What the program prints, and in words what went wrong; it is ended after its time."""
    environment = {key: os.environ[key] for key in KEPT if key in os.environ} | {"LC_ALL": "C"}
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
    except OSError as error:
        return "", f"ssh cannot be started: {(error.strerror or str(error)).lower()}"
    try:
        async with asyncio.timeout(2 * CONNECT_S + count * (EACH_S + 1)):
            said, wrong = await asyncio.gather(_most(process.stdout), _most(process.stderr))
            code = await process.wait()
    except TimeoutError:
        return "", "ssh did not come back in time"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code == 255:
        return "", f"ssh: {_last(wrong)}"
    if code == 127:
        return "", "there is no dig on that host"
    return said, ""


async def _most(stream: asyncio.StreamReader | None) -> str:
    """What a stream says, up to a limit; the rest is read and dropped, so that nobody blocks."""
    kept = b""
    while stream is not None and (piece := await stream.read(65536)):
        kept += piece[: MOST - len(kept)]
    return kept.decode("utf-8", "replace")


def _last(text: str) -> str:
    lines = ["".join(filter(str.isprintable, one)) for one in text.splitlines() if one.strip()]
    return lines[-1][:120] if lines else "it could not connect"


# -- what dig prints ----------------------------------------------------------------------------

_HEADER = re.compile(r";; ->>HEADER<<- opcode: QUERY, status: ([A-Z0-9]+), id: \d+")
_FLAGS = re.compile(r";; flags:([ a-z]*); QUERY: 1, ANSWER: (\d+), AUTHORITY: (\d+), .*")
_QUESTION = re.compile(r";(\S+)\s+IN\s+(\S+)")
_EDE = re.compile(r"; EDE: (\d+)\b.*")
_NSID = re.compile(r"; NSID: ((?:[0-9a-f]{2} ?)+).*")
_TOOK = re.compile(r";; Query time: (\d+) [mu]sec")
_RECORD = re.compile(r"(\S+)\s+(\d+)\s+IN\s+(\S+)\s+(.+)")


def answers(text: str, at: float) -> Iterator[tuple[tuple[str, str], Reply]]:
    """Each answer in dig's output by its question; Garbled where there is something else."""
    blocks = text.split(";; Got answer:")[1:]
    for block in blocks:
        lines = [line.strip() for line in block.splitlines()]
        yield _answer(lines, at)


def _answer(lines: Sequence[str], at: float) -> tuple[tuple[str, str], Reply]:
    status, flags = _one(_HEADER, lines), _one(_FLAGS, lines)
    question, took = _one(_QUESTION, lines), _one(_TOOK, lines)
    sections = _sections(lines)
    counts = [len(sections.get(name, ())) for name in ("ANSWER", "AUTHORITY")]
    if "qr" not in flags[1].split() or counts != [int(flags[2]), int(flags[3])]:
        raise Garbled("what dig printed there is not whole")
    name, kind = question[1], question[2]
    try:
        message = _message((name, kind), status[1], flags[1].split(), sections)
        message.use_edns(0, options=list(_options(lines)))
    except (dns.exception.DNSException, ValueError) as error:
        raise Garbled("what dig printed there makes no sense") from error
    unit = 1e-6 if took[0].endswith("usec") else 1e-3
    heard = Heard(message, int(took[1]) * unit)
    return (canonical(name), kind), read(heard, at, authoritative=False)


def _one(pattern: re.Pattern[str], lines: Sequence[str]) -> re.Match[str]:
    found = [match for line in lines if (match := pattern.fullmatch(line))]
    if len(found) != 1:
        raise Garbled("what dig printed there is not whole")
    return found[0]


def _sections(lines: Sequence[str]) -> Mapping[str, list[re.Match[str]]]:
    sections: dict[str, list[re.Match[str]]] = {}
    here: list[re.Match[str]] | None = None
    for line in lines:
        if line.startswith(";; ") and line.endswith(" SECTION:"):
            here = sections.setdefault(line[3:].removesuffix(" SECTION:"), [])
        elif not line or line.startswith(";"):
            here = here if line.startswith(";") and not line.startswith(";;") else None
        elif here is None or (match := _RECORD.fullmatch(line)) is None:
            raise Garbled(f"dig printed something else there: {_last(line)}")
        else:
            here.append(match)
    return sections


def _message(
    question: tuple[str, str],
    status: str,
    flags: Collection[str],
    sections: Mapping[str, list[re.Match[str]]],
) -> dns.message.QueryMessage:
    message = dns.message.make_query(*question)
    message.flags |= dns.flags.QR | dns.flags.RA
    # Of the question's own AD nothing is left: dig asks with it, too.
    proved = dns.flags.AD if "ad" in flags else dns.flags.Flag(0)
    message.flags = message.flags & ~dns.flags.AD | proved
    message.set_rcode(dns.rcode.from_text(status))
    for name, section in (("ANSWER", message.answer), ("AUTHORITY", message.authority)):
        for match in sections.get(name, ()):
            owner, ttl, kind, rdata = match.groups()
            one = dns.rrset.from_text(owner, int(ttl), "IN", kind, rdata)
            known = message.find_rrset(section, one.name, one.rdclass, one.rdtype, create=True)
            for record in one:
                known.add(record, one.ttl)
    return message


def _options(lines: Sequence[str]) -> Iterator[dns.edns.Option]:
    for line in lines:
        if match := _EDE.fullmatch(line):
            yield dns.edns.EDEOption(dns.edns.EDECode.make(int(match[1])))
        elif match := _NSID.fullmatch(line):
            yield dns.edns.NSIDOption(bytes.fromhex(match[1]))
