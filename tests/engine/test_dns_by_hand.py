"""Records that a person keeps by hand are known by what name servers say, never by errors."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from cockpit.errors import TargetError
from cockpit.propagation.providers.manual import ByHand
from cockpit.redact import Redactor
from cockpit.runbook.targets import Authority, DnsTarget
from cockpit.secrets import Secrets
from tests.fakes.dns_servers import Respond, own_net, reply_to, serving

NAME = "www.shop.test."


def made(wire: bytes) -> dns.message.Message:
    reply = dns.message.make_response(dns.message.from_wire(wire))
    reply.flags |= dns.flags.AA
    return reply


def error(code: dns.rcode.Rcode) -> Respond:
    def respond(wire: bytes) -> bytes:
        reply = made(wire)
        reply.set_rcode(code)
        return reply.to_wire()

    return respond


def stray(wire: bytes) -> bytes:
    reply = made(wire)
    reply.answer.append(dns.rrset.from_text("other.shop.test.", 60, "IN", "A", "192.0.2.9"))
    return reply.to_wire()


def good(wire: bytes) -> bytes:
    reply = reply_to(wire, "192.0.2.10")
    reply.flags |= dns.flags.AA
    return reply.to_wire()


SENSELESS = [error(code) for code in (dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.YXDOMAIN)]


@pytest.mark.parametrize("senseless", [*SENSELESS, stray], ids=["formerr", "notimp", "yx", "stray"])
async def test_an_answer_that_makes_no_sense_is_never_taken_for_an_empty_set(
    senseless: Respond,
) -> None:
    net = own_net()
    async with serving(f"{net}.1", senseless) as first, serving(f"{net}.2", good) as second:
        one = Authority(name="ns1", address=f"{net}.1", port=first)
        other = Authority(name="ns2", address=f"{net}.2", port=second)

        def by_hand(*authorities: Authority) -> ByHand:
            target = DnsTarget(
                kind="dns",
                zone="shop.test.",
                names=(NAME,),
                old="192.0.2.10",
                new="192.0.2.20",
                provider="manual",
                authorities=authorities,
                resolvers=(),
            )
            return ByHand(target, Secrets({}, Redactor()))

        with pytest.raises(TargetError, match="no name server tells"):
            await by_hand(one).read((NAME,))
        (found,) = await by_hand(one, other).read((NAME,))
    assert found.values == ("192.0.2.10",)
