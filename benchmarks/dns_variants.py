"""One sweep by one way, in a process of its own.

`python -m benchmarks.dns_variants WAY PORT N [ticking]`: prints figures as JSON. The longest stall
is measured by a ticker in the loop, which takes 20 ms of processor in two seconds: as much as a
third of a sweep. So the processor's time is taken of a sweep without it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.message

from cockpit.clock import live_clock
from cockpit.propagation.ask import Server
from cockpit.propagation.volley import volley

NAME = "www.shop.test."
KINDS = ("A", "AAAA", "MX", "TXT")
TIMEOUT_S = 2.0
TICK_S = 0.02
AT_ONCE = 1000
Sweep = Callable[[list[str], int], Awaitable[int]]


def address(number: int) -> str:
    """The address of one resolver of the responder's."""
    return f"127.54.{number // 250}.{number % 250 + 1}"


async def by_cockpit(addresses: list[str], port: int) -> int:
    """The cockpit's own sweep."""
    questions = [(Server(one, port), NAME, kind) for one in addresses for kind in KINDS]
    replies = await volley(questions, live_clock(), TIMEOUT_S)
    return sum(reply is not None and reply.outcome == "answer" for reply in replies)


async def by_gather(addresses: list[str], port: int) -> int:
    """Dnspython's asyncquery in a gather, so many at once."""
    turn = asyncio.Semaphore(AT_ONCE)
    backend = dns.asyncbackend.get_backend("asyncio")

    async def one(where: str, kind: str) -> bool:
        query = dns.message.make_query(NAME, kind, use_edns=0, payload=1232)
        async with turn:
            try:
                await dns.asyncquery.udp(
                    query, where, timeout=TIMEOUT_S, port=port, backend=backend
                )
            except (dns.exception.DNSException, OSError):
                return False
        return True

    return sum(await asyncio.gather(*(one(each, kind) for each in addresses for kind in KINDS)))


WAYS: dict[str, Sweep] = {"cockpit": by_cockpit, "gather": by_gather}


async def _longest_stall(until: asyncio.Event) -> float:
    longest, last = 0.0, time.perf_counter()
    while not until.is_set():
        await asyncio.sleep(TICK_S)
        now = time.perf_counter()
        longest, last = max(longest, now - last - TICK_S), now
    return longest


def _memory_kib() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _dropped() -> int:
    """Datagrams that the kernel dropped at full receive buffers, this machine over."""
    lines = Path("/proc/net/snmp").read_text(encoding="ascii").splitlines()
    names, values = (line.split() for line in lines if line.startswith("Udp:"))
    return int(values[names.index("RcvbufErrors")])


async def measure(way: str, port: int, resolvers: int, *, ticking: bool) -> dict[str, float]:
    """One sweep's figures; what is loaded at first use is loaded before."""
    addresses = [address(number) for number in range(resolvers)]
    await WAYS[way](addresses[:5], port)
    gc.collect()
    over = asyncio.Event()
    ticker = asyncio.create_task(_longest_stall(over)) if ticking else None
    await asyncio.sleep(0)
    memory, dropped = _memory_kib(), _dropped()
    used, began = time.process_time(), time.perf_counter()
    answers = await WAYS[way](addresses, port)
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    over.set()
    return {
        "wall_s": wall,
        "cpu_s": cpu,
        "answers": answers,
        **({"stall_ms": await ticker * 1000} if ticker else {}),
        "dropped": _dropped() - dropped,
        "growth_mib": (_memory_kib() - memory) / 1024,
    }


if __name__ == "__main__":
    _, low = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(low, 4096), low))
    way, port, resolvers, *rest = sys.argv[1:]
    said = asyncio.run(measure(way, int(port), int(resolvers), ticking="ticking" in rest))
    sys.stdout.write(json.dumps(said))
