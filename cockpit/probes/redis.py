"""A Redis: whether it answers, has room, and gets its data to disk."""

from __future__ import annotations

import asyncio
import ssl

from cockpit.errors import TargetError
from cockpit.probes.http import PATIENCE_S, milliseconds
from cockpit.probes.sample import ProbeContext, Sample, figures, paced
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import RedisTarget
from cockpit.secrets import Secrets
from cockpit.stack.model import shown

CROWDED = 0.9
"""The share of `maxmemory` from which memory is short."""
LARGEST = 1_000_000
"""Bytes of an answer that are read."""
ON_DISK = ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status")


async def sample(probe: Probe, context: ProbeContext) -> Sample:
    """Log in, ask INFO once, and leave."""
    target = context.target(probe, RedisTarget)
    began = context.clock.real()
    try:
        async with asyncio.timeout(max(PATIENCE_S, 2 * probe.slow_over)):
            said = await _info(target, context.secrets)
    except (OSError, EOFError) as error:
        words = str(error) or "no answer in time"
        return Sample("down", "no answer", detail=(f"{target.host}:{target.port}: {words}",))
    took = context.clock.real() - began
    told = info(said)
    if not told.keys() >= {"redis_version", "used_memory"}:
        raise TargetError("it answers, but not as a Redis does", where=target.host)
    return judged(told, took, probe.slow_over)


def info(text: str) -> dict[str, str]:
    """The `name:value` lines of INFO."""
    pairs = (line.partition(":") for line in text.splitlines() if not line.startswith("#"))
    return {name: value.strip() for name, _, value in pairs if value}


def judged(said: dict[str, str], took: float, slow_over: float) -> Sample:
    """One tile from what INFO says."""
    used, most = int(said.get("used_memory", 0)), int(said.get("maxmemory", 0))
    failing = [name for name in ON_DISK if said.get(name, "ok") != "ok"]
    crowded = bool(most) and used >= CROWDED * most
    detail = figures(
        {
            "memory": f"{shown(used)} of {shown(most) if most else 'no limit of its own'}",
            "clients": said.get("connected_clients", "?"),
            "keys evicted": said.get("evicted_keys", "?"),
            "role": said.get("role", "?"),
            "answered in": milliseconds(took),
            "Redis": said.get("redis_version", "?"),
        }
    )
    if failing:
        return Sample("down", "cannot write to disk", float(used), (*failing, *detail))
    if said.get("loading") == "1":
        return Sample("slow", "loading its data", float(used), detail)
    short = f"memory of Redis {used / most * 100:.0f}%" if crowded else ""
    figure = short.replace("of Redis ", "") or shown(used)
    state = paced(is_slow=crowded or took > slow_over)
    return Sample(state, figure, float(used), detail, short)


async def _info(target: RedisTarget, secrets: Secrets) -> str:
    context = ssl.create_default_context() if target.tls else None
    reader, writer = await asyncio.open_connection(
        target.host, target.port, ssl=context, limit=LARGEST
    )
    try:
        if target.password:
            writer.write(command("AUTH", secrets.value(target.password)))
            await _answer(reader, target)
        writer.write(command("INFO"))
        return await _answer(reader, target)
    finally:
        writer.transport.abort()


def command(*words: str) -> bytes:
    """A command as the Redis protocol writes it, RESP 2."""
    parts = (word.encode() for word in words)
    return b"".join(
        (b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
    )


async def _answer(reader: asyncio.StreamReader, target: RedisTarget) -> str:
    line = (await reader.readuntil(b"\r\n")).decode(errors="replace").rstrip()
    if line.startswith("-"):
        # An error's first word says which; the rest may quote what was sent.
        refusal = line[1:].partition(" ")[0]
        mend = "is the password in the secret's file the present one?"
        raise TargetError(f"Redis refused: {refusal}", where=target.host, mend=mend)
    if not line.startswith("$"):
        return line[1:]
    size = int(line[1:])
    if size > LARGEST:
        raise TargetError("its answer is too large", where=target.host)
    return (await reader.readexactly(size + 2)).decode(errors="replace")
