from __future__ import annotations

import errno
import os
import re
import resource
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import pytest

from cockpit.clock import live_clock
from cockpit.commands.dns import look
from cockpit.commands.dns_run import Known
from cockpit.propagation import volley as volleys
from cockpit.propagation.ask import Server
from cockpit.propagation.classify import Reply
from cockpit.propagation.volley import NO_TIME, volley
from cockpit.propagation.watch import PropagationWatch
from cockpit.runbook.targets import Authority, DnsTarget, Resolver, WatchedRecord
from tests.fakes.dns_lab import runbook_of
from tests.fakes.dns_servers import NEW, OLD, ZONE, Respond, Zone, own_net, reply_to, serving
from tests.fakes.dns_targets import dns_target

NAME = "www.shop.test."
DEADLINE_S = 1.0
BUSY_S = 10.0
"""What a machine under tests may add to a deadline."""


def bare(wire: bytes, code: dns.rcode.Rcode) -> bytes:
    """An error without its question: twelve bytes."""
    return wire[:2] + bytes([0x80, 0x80 | code]) + bytes(8)


async def told(respond: Respond, *, authoritative: bool = False) -> Reply:
    address = f"{own_net()}.1"
    async with serving(address, respond) as port:
        server = Server(address, port, authoritative)
        (reply,) = await volley([(server, NAME, "A")], live_clock(), DEADLINE_S)
    assert reply is not None
    return reply


@pytest.mark.parametrize("authoritative", [False, True])
@pytest.mark.parametrize(
    ("code", "outcome", "note"),
    [
        (dns.rcode.REFUSED, "refused", ""),
        (dns.rcode.SERVFAIL, "servfail", ""),
        (dns.rcode.FORMERR, "error", "FORMERR"),
        (dns.rcode.NOTIMP, "error", "NOTIMP"),
    ],
)
async def test_an_error_without_its_question_is_that_error_and_no_silence(
    code: dns.rcode.Rcode, outcome: str, note: str, *, authoritative: bool
) -> None:
    reply = await told(lambda wire: bare(wire, code), authoritative=authoritative)
    assert (reply.outcome, reply.note) == (outcome, note)


async def test_an_answer_without_its_question_is_none_whatever_it_says() -> None:
    def respond(wire: bytes) -> list[bytes]:
        forged = reply_to(wire, NEW).to_wire()
        without = forged[:4] + b"\0\0" + forged[6:12] + forged[wire.index(0, 12) + 5 :]
        return [without, bare(wire, dns.rcode.NOERROR), bare(wire, dns.rcode.NXDOMAIN)]

    assert (await told(respond)).outcome == "timeout"


async def test_an_error_of_another_id_is_nobodys_and_one_before_the_answer_costs_nothing() -> None:
    def other(wire: bytes) -> bytes:
        return bare(bytes([wire[0] ^ 1]) + wire[1:], dns.rcode.REFUSED)

    assert (await told(other)).outcome == "timeout"
    seen: list[bytes] = []

    def first_forged(wire: bytes) -> list[bytes]:
        seen.append(wire)
        true = reply_to(wire, NEW).to_wire()
        return [bare(wire, dns.rcode.REFUSED), true] if len(seen) == 1 else [true]

    assert (await told(first_forged)).values == (NEW,)


@pytest.mark.parametrize("code", [dns.rcode.FORMERR, dns.rcode.NOTIMP])
@pytest.mark.parametrize("is_bare", [False, True])
async def test_a_server_that_does_not_know_edns_is_asked_without_it(
    code: dns.rcode.Rcode, *, is_bare: bool
) -> None:
    with_edns: list[bool] = []

    def ancient(wire: bytes) -> bytes:
        query = dns.message.from_wire(wire)
        with_edns.append(query.edns >= 0)
        if query.edns < 0:
            return reply_to(wire, NEW).to_wire()
        reply = dns.message.make_response(query)
        reply.use_edns(edns=False)
        reply.set_rcode(code)
        return bare(wire, code) if is_bare else reply.to_wire()

    assert (await told(ancient)).values == (NEW,)
    assert with_edns == [True, True, False]


def cut(wire: bytes) -> bytes:
    reply = reply_to(wire)
    reply.flags |= dns.flags.TC
    return reply.to_wire()


@contextmanager
def deaf(address: str, port: int) -> Iterator[None]:
    """A port that lets everybody connect, and says nothing."""
    with socket.create_server((address, port), backlog=200):
        yield


async def test_many_that_cut_answers_short_and_are_deaf_over_tcp_make_no_sweep_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(volleys, "FOLLOW_UPS", 3)
    clock, net, many = live_clock(), own_net(), 90
    async with AsyncExitStack() as stack:
        servers = []
        for at in range(many):
            port = await stack.enter_async_context(serving(f"{net}.{at + 1}", cut))
            stack.enter_context(deaf(f"{net}.{at + 1}", port))
            servers.append(Server(f"{net}.{at + 1}", port))
        began = clock.real()
        replies = await volley([(one, NAME, "A") for one in servers], clock, DEADLINE_S)
        took = clock.real() - began
    assert {reply.outcome for reply in replies if reply} == {"timeout"}
    assert NO_TIME in {reply.note for reply in replies if reply}
    # One after another, a second try's time each, they take 18 s.
    assert took < DEADLINE_S + BUSY_S


async def test_one_that_is_deaf_over_tcp_is_tried_once_and_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(volleys, "FOLLOW_UPS", 2)
    net = own_net()
    async with (
        serving(f"{net}.1", cut) as port,
        serving(f"{net}.2", cut, tcp=lambda wire: reply_to(wire, NEW).to_wire()) as good,
    ):
        with deaf(f"{net}.1", port):
            names = [f"n{at}.shop.test." for at in range(20)]
            questions = [(Server(f"{net}.1", port), name, "A") for name in names]
            questions.append((Server(f"{net}.2", good), NAME, "A"))
            *silent, last = await volley(questions, live_clock(), 2 * DEADLINE_S)
    assert {reply.outcome for reply in silent if reply} == {"timeout"}
    assert last is not None
    assert last.values == (NEW,)


class NoSix(socket.socket):
    """A socket of a host whose kernel has no IPv6."""

    def __init__(self, family: int = -1, *rest: Any, **named: Any) -> None:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        super().__init__(family, *rest, **named)


def target_of(net: str, port: int, *more: Resolver) -> DnsTarget:
    return dns_target(
        authorities=(Authority(name="ns1", address=f"{net}.1", port=port),),
        resolvers=(Resolver(name="four", address=f"{net}.1", port=port), *more),
    )


async def test_hints_of_a_service_are_compared_as_a_whole_however_they_are_written() -> None:
    net, zone, www = own_net(), Zone.at(OLD, 60), f"www.{ZONE}"
    moves = WatchedRecord(
        name=www,
        type="SVCB",
        old=(f"1 . port=8443 ipv4hint={OLD}",),
        new=(f"1 . port=8443 ipv4hint={NEW}",),
    )
    async with serving(f"{net}.1", zone.answer) as port:
        watch = PropagationWatch(replace(target_of(net, port), records=(moves,)), live_clock())
        for hint, state in ((OLD, "old"), (NEW, "new"), ("192.0.2.99", "other")):
            value = f'1 . ipv4hint="{hint}" port="8443"'
            zone.records[www, "SVCB"] = 60, frozenset([value])
            grid = await watch.look()
            assert [row.beside[0].state for row in grid.rows] == [state] * 2


async def test_a_host_without_ipv6_says_so_in_the_rows_that_need_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(socket, "socket", NoSix)
    net = own_net()
    async with serving(f"{net}.1", Zone.at(OLD).answer) as port:
        six = (
            Resolver(name="six", address="::1", port=port),
            Resolver(name="six by TCP", address="::1", port=port, way="tcp"),
        )
        runbook = runbook_of(target_of(net, port, *six))
        code = await look(runbook, live_clock(), Known(), once=True)
    text = capsys.readouterr().out
    assert code == 0, "the name servers were heard"
    why = "address family not supported by protocol"
    assert f"six @, www, api: no IPv6 socket: {why}" in text
    assert f"six by TCP @, www, api: {why}" in text
    assert re.search(r"^four +· old", text, re.MULTILINE)


@contextmanager
def files_left(count: int) -> Iterator[None]:
    """As many more files as that can be opened by this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(one.name) for one in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 32, hard))
    taken: list[int] = []
    try:
        while True:
            try:
                taken.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                break
        for one in taken[len(taken) - count :]:
            os.close(one)
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for one in taken[: len(taken) - count]:
            os.close(one)


@pytest.mark.parametrize("count", [0, 1, 4])
async def test_too_few_files_leave_cells_unknown_with_the_reason_and_end_nothing(
    count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    net = own_net()
    async with serving(f"{net}.1", Zone.at(OLD).answer) as port:
        tls = Resolver(name="tls", address=f"{net}.1", port=port, way="tls")
        runbook = runbook_of(target_of(net, port, tls))
        with files_left(count):
            code = await look(runbook, live_clock(), Known(), once=True)
    text = capsys.readouterr().out
    assert code == 2 if count < 2 else code in (0, 2)
    if count < 2:
        assert "ns1 @, www, api: no IPv4 socket: too many open files" in text
        assert "too many open files" in text.partition("\ntls ")[2]
