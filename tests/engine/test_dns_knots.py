from __future__ import annotations

import base64
import random
from typing import Any

import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cockpit.clock import live_clock
from cockpit.propagation.ask import Server, ask
from cockpit.propagation.knots import is_knotted
from cockpit.propagation.volley import volley
from tests.fakes.dns_servers import NEW, own_net, reply_to, serving

NAME = "www.shop.test."
LONG = b"\1a" * 120 + b"\0"


def knotted(wire: bytes) -> bytes:
    """An answer whose 75 records all lead to one name of 120 labels."""
    question = wire[12 : wire.index(0, 12) + 5]
    pointer = (0xC000 | 12 + len(question)).to_bytes(2)
    first = LONG + b"\xff\1\0\1\0\0\0\x3c\0\0"
    record = pointer + b"\0\2\0\1\0\0\0\x3c\0\2" + pointer
    return wire[:2] + b"\x81\x80\0\1\0\x4c" + bytes(4) + question + first + record * 75


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How long the packets were that dnspython was given from here on."""
    sizes: list[int] = []
    parse = dns.message.from_wire

    def measured(wire: bytes, **more: Any) -> dns.message.Message:
        sizes.append(len(wire))
        return parse(wire, **more)

    monkeypatch.setattr(dns.message, "from_wire", measured)
    return sizes


@pytest.mark.parametrize("alone", [False, True])
async def test_a_packet_made_to_keep_the_parser_busy_never_reaches_it_and_the_true_answer_counts(
    monkeypatch: pytest.MonkeyPatch, *, alone: bool
) -> None:
    def respond(wire: bytes) -> list[bytes]:
        return [knotted(wire), reply_to(wire, NEW).to_wire()]

    net = own_net()
    async with serving(f"{net}.1", respond) as port:
        sizes, server = counted(monkeypatch), Server(f"{net}.1", port)
        if alone:
            reply = await ask(server, NAME, "A", live_clock(), 2.0)
        else:
            (told,) = await volley([(server, NAME, "A")], live_clock(), 2.0)
            assert told is not None
            reply = told
    assert reply.values == (NEW,)
    assert max(sizes, default=0) < 200


@pytest.mark.parametrize(
    ("owner", "kind", "values"),
    [
        (NAME, "A", [f"10.0.{at // 250}.{at % 250}" for at in range(2000)]),
        ("shop.test.", "NS", [f"{chr(97 + at)}.gtld-servers.test." for at in range(26)]),
        (".".join("0" * 32) + ".ip6.arpa.", "NS", [f"ns{at}.shop.test." for at in range(8)]),
        ("a.b.c.d.e.f.g.h.shop.test.", "A", [f"10.0.0.{at}" for at in range(50)]),
    ],
)
def test_large_sets_and_long_names_of_honest_servers_are_read(
    owner: str, kind: str, values: list[str]
) -> None:
    reply = dns.message.make_response(dns.message.make_query(owner, kind))
    reply.answer.append(dns.rrset.from_text(owner, 60, "IN", kind, *values))
    assert not is_knotted(reply.to_wire(max_size=65535))


def test_no_address_and_no_signature_is_taken_for_a_pointer() -> None:
    answers = [
        dns.rrset.from_text(NAME, 60, "IN", "A", *(f"192.77.{at}.{to}" for to in range(40)))
        for at in range(256)
    ]
    chance = random.Random(7)
    for covered in ("A", "NS", "TXT") * 100:
        text = base64.b64encode(chance.randbytes(256)).decode()
        words = f"{covered} 8 3 60 20270101000000 20260101000000 12345 shop.test. {text}"
        answers.append(dns.rrset.from_text(NAME, 60, "IN", "RRSIG", words))
    for answer in answers:
        reply = dns.message.make_response(dns.message.make_query(NAME, "A"))
        reply.answer.extend([answer] * 12)
        assert not is_knotted(reply.to_wire(max_size=65535))


def test_a_list_of_names_in_a_record_that_nobody_asked_for_is_told_as_well() -> None:
    question = dns.message.make_query(NAME, "A").to_wire()[12:]
    first = LONG + b"\xff\1\0\1\0\0\0\x3c\0\0"
    servers = b"\4\1\0\4abcdkeyy" + (0xC000 | 12 + len(question)).to_bytes(2) * 500
    record = b"\xc0\x0c\0\x37\0\1\0\0\0\x3c" + len(servers).to_bytes(2) + servers
    wire = b"\0\1\x81\x80\0\1\0\2\0\0\0\0" + question + first + record
    assert dns.message.from_wire(wire).answer[1].rdtype == dns.rdatatype.HIP
    assert is_knotted(wire)


@given(st.binary(max_size=600))
def test_any_bytes_are_judged(tail: bytes) -> None:
    is_knotted(b"\0\1\x81\x80\0\1\0\x50\0\2\0\1" + tail)
