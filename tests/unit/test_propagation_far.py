from __future__ import annotations

import asyncio
import os
import shlex
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cockpit.clock import live_clock
from cockpit.propagation.ask import Server
from cockpit.propagation.errand import Errand
from cockpit.propagation.far import Garbled, answers, ask_far, command
from cockpit.propagation.own import nameservers, read_own, with_own
from cockpit.propagation.public import with_public
from cockpit.propagation.watch import PropagationWatch
from cockpit.runbook.targets import Authority, DnsTarget, Resolver

NOON = 1_800_000_000.0
OFFICE = Server("192.0.2.53", through="ops@office", ssh_config="/etc/cockpit/ssh")
SAID = """\
;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 4711
;; flags: qr rd ra; QUERY: 1, ANSWER: 2, AUTHORITY: 0, ADDITIONAL: 1

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags:; udp: 1232
; NSID: 76 69 65 2d 31 ("vie-1")
; EDE: 3 (Stale Answer): (client timeout)
;; QUESTION SECTION:
;www.example.test.\t\tIN\tA

;; ANSWER SECTION:
www.example.test.\t3600\tIN\tCNAME\thost.example.test.
host.example.test.\t27\tIN\tA\t192.0.2.10

;; Query time: 12 msec
;; SERVER: 192.0.2.53#53(192.0.2.53) (UDP)
;; WHEN: Fri Nov 27 14:00:00 UTC 2026
;; MSG SIZE  rcvd: 99
"""
ABSENT = """\
;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NXDOMAIN, id: 4712
;; flags: qr rd ra ad; QUERY: 1, ANSWER: 0, AUTHORITY: 1, ADDITIONAL: 1

;; QUESTION SECTION:
;gone.example.test.\t\tIN\tAAAA

;; AUTHORITY SECTION:
example.test.\t\t900\tIN\tSOA\tns1.example.test. host.example.test. 7 3600 600 604800 300

;; Query time: 4 msec
"""
SILENT = ";; communications error to 192.0.2.53#53: timed out\n;; no servers could be reached\n"


def target(*resolvers: Resolver) -> DnsTarget:
    return DnsTarget(
        kind="dns",
        zone="example.test.",
        names=("example.test.",),
        old="192.0.2.10",
        new="192.0.2.20",
        provider="manual",
        authorities=(Authority(name="ns1", address="127.0.0.1", port=9),),
        resolvers=resolvers,
    )


def test_what_dig_prints_there_becomes_the_reply_that_it_stands_for() -> None:
    found = dict(answers(SILENT + SAID + ABSENT, NOON))
    reply = found["www.example.test.", "A"]
    assert (reply.outcome, reply.values, reply.ttl) == ("answer", ("192.0.2.10",), 27)
    assert [link.target for link in reply.links] == ["host.example.test."]
    assert reply.site == "vie-1"
    assert reply.rtt_ms == pytest.approx(12.0)
    assert "EDE 3" in reply.note
    absent = found["gone.example.test.", "AAAA"]
    assert (absent.outcome, absent.values, absent.ttl) == ("no_name", (), 300)
    assert len(found) == 2, "who kept silent has no answer here"


@pytest.mark.parametrize(
    ("words", "others"),
    [
        ("192.0.2.10", "not an address"),
        ("ANSWER: 2", "ANSWER: 3"),
        (";; flags: qr rd ra;", ";; flags: rd ra;"),
        ("status: NOERROR", "status: SOMETHING"),
        (";; Query time: 12 msec\n", ""),
        ("host.example.test.\t27", "Last login: today\nhost.example.test.\t27"),
    ],
)
def test_an_answer_that_is_not_whole_is_none(words: str, others: str) -> None:
    with pytest.raises(Garbled):
        list(answers(SAID.replace(words, others), NOON))


@given(st.data())
def test_no_damage_to_what_comes_back_gives_another_answer(data: st.DataObject) -> None:
    lines = SAID.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    lines[at] = data.draw(st.sampled_from(["", "\0", lines[at][:7], lines[at] * 2]))
    try:
        found = dict(answers("\n".join(lines), NOON))
    except Garbled:
        return
    for reply in found.values():
        assert reply.values in ((), ("192.0.2.10",))


@given(st.text(max_size=300))
def test_no_text_at_all_is_taken_for_an_answer(text: str) -> None:
    try:
        assert not list(answers(text, NOON))
        assert not list(answers(";; Got answer:\n" + text, NOON))
    except Garbled:
        pass


def test_ssh_asks_for_nothing_and_knows_its_host_or_refuses() -> None:
    argv = command(OFFICE, [("example.test.", "A")], disabled=False)
    options = {argv[at + 1] for at, word in enumerate(argv) if word == "-o"}
    assert {"BatchMode=yes", "StrictHostKeyChecking=yes", "ForwardAgent=no"} <= options
    assert argv[:3] == ["ssh", "-F", "/etc/cockpit/ssh"]
    assert argv[-3:-1] == ["--", "ops@office"]


@given(st.lists(st.tuples(st.text(min_size=1), st.sampled_from(["A", "TXT"])), min_size=1))
def test_a_shell_there_sees_each_name_as_one_word(asked: list[tuple[str, str]]) -> None:
    words = shlex.split(command(OFFICE, asked, disabled=True)[-1])
    assert words[0] == "dig"
    assert words[-4 * len(asked) :] == [w for name, kind in asked for w in ("-q", name, "-t", kind)]


async def test_an_ssh_that_is_not_there_or_hangs_is_a_silence_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for script, words in (
        ("echo 'Connection refused' >&2; exit 255", "ssh: Connection refused"),
        ("exit 127", "there is no dig on that host"),
        ("echo ';; Got answer:'; echo rubbish", "dig printed"),
    ):
        (tmp_path / "ssh").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "ssh").chmod(0o700)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        (reply,) = await ask_far([(OFFICE, "example.test.", "A")], live_clock())
        assert reply.outcome == "timeout"
        assert words in reply.note


async def test_a_host_without_ssh_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (reply,) = await ask_far([(OFFICE, "example.test.", "A")], live_clock())
    assert reply.outcome == "timeout"
    assert reply.note == "ssh cannot be started: no such file or directory"


async def test_a_pause_ends_what_is_asked_on_other_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = tmp_path / "began"
    (tmp_path / "ssh").write_text(
        f"#!/bin/sh\necho $$ > {began}.new\nmv {began}.new {began}\nexec sleep 60\n"
    )
    (tmp_path / "ssh").chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    one = Resolver(name="Office", address="192.0.2.53", through="office")
    errand = Errand(target(one), live_clock())
    assert errand.collect("") == {}
    async with asyncio.timeout(20):
        while not began.exists():  # noqa: ASYNC110  # a file of another process rings no bell
            await asyncio.sleep(0.01)
    task = errand._task
    assert task is not None
    assert errand.collect("no resolver is asked just before the switch") == {}
    await asyncio.wait((task,))
    assert task.cancelled()
    with pytest.raises(ProcessLookupError):
        os.kill(int(began.read_text()), 0)


# -- this host's own ----------------------------------------------------------------------------

RESOLV = """\
# Generated by something
search example.test
nameserver 127.0.0.53
nameserver\t2001:DB8::1   # the office
nameserver 127.0.0.53
nameserver fe80::1%eth0
nameserver not-an-address
 nameserver 192.0.2.53
options edns0 trust-ad
"""


def test_a_resolv_conf_names_each_resolver_once_in_order() -> None:
    assert nameservers(RESOLV) == ("127.0.0.53", "2001:db8::1", "192.0.2.53")


@given(st.text())
def test_no_text_of_a_resolv_conf_is_too_odd(text: str) -> None:
    assert isinstance(nameservers(text), tuple)


def test_the_upstreams_of_a_local_stub_are_read_beside_it(tmp_path: Path) -> None:
    stub, upstream = tmp_path / "stub", tmp_path / "upstream"
    stub.write_text("nameserver 127.0.0.53\n")
    upstream.write_text("nameserver 192.0.2.1\nnameserver 127.0.0.53\n")
    files = (("host", stub), ("upstream", upstream), ("host", tmp_path / "none"))
    assert read_own(files) == (("host", "127.0.0.53"), ("upstream", "192.0.2.1"))


def test_the_hosts_own_resolvers_are_rows_in_no_share_and_never_doubled() -> None:
    listed = Resolver(name="Google", address="8.8.8.8", weight=3.0)
    whole = with_own(target(listed), (("host", "127.0.0.53"), ("upstream", "8.8.8.8")))
    assert [(one.name, one.weight) for one in whole.resolvers] == [
        ("Google", 3.0),
        ("host 127.0.0.53", 0.0),
    ]


async def test_a_row_of_the_hosts_own_is_marked_so(monkeypatch: pytest.MonkeyPatch) -> None:
    own = (("host", "127.0.0.9"), ("upstream", "127.0.0.8"))
    monkeypatch.setattr("cockpit.propagation.watch.read_own", lambda: own)
    asked = replace(target(Resolver(name="one", address="127.0.0.8")), own_resolvers=True)
    grid = await PropagationWatch(asked, live_clock(), 0.2).look("nobody is asked")
    assert [(row.name, row.own) for row in grid.rows if row.role == "resolver"] == [
        ("one", True),
        ("host 127.0.0.9", True),
    ]


# -- public resolvers ---------------------------------------------------------------------------


def test_every_public_resolver_has_an_operator_a_country_and_addresses_of_its_own() -> None:
    everyone = with_public(replace(target(), public_resolvers=("ipv4", "ipv6", "tls"))).resolvers
    assert len(everyone) > 80
    assert len({one.name for one in everyone}) == len(everyone)
    assert len({(one.address, one.way) for one in everyone}) == len(everyone)
    for one in everyone:
        assert len(one.country) == 2
        assert ip_address(one.address).is_global
        assert (one.way == "tls") == bool(one.host)
        assert one.weight == 1.0


def test_public_resolvers_double_nobody_and_take_no_share_from_those_that_are_listed() -> None:
    listed = Resolver(name="our first", address="8.8.8.8", weight=12.0)
    whole = with_public(replace(target(listed), public_resolvers=("ipv4",))).resolvers
    assert [one.name for one in whole if one.address == "8.8.8.8"] == ["our first"]
    assert sum(one.weight for one in whole) == 12.0
    assert with_public(target(listed)) == target(listed)
