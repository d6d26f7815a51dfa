"""Whether a resolver may count: it must know what the authorities know, and invent nothing.

Lists of public resolvers are full of those that rewrite answers, deny strangers, or are gone. Each
is asked for a name whose answer the authorities have just given, and for a random one that they
have just denied. Neither is a name that moves, so the caches that are watched stay as they are.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence

from cockpit.clock import Clock
from cockpit.propagation.ask import Server
from cockpit.propagation.classify import Reply, canonical
from cockpit.propagation.sweep import DEADLINE_S, ask_each, server_of
from cockpit.propagation.volley import NOT_ASKED, Question
from cockpit.runbook.targets import DnsTarget, Resolver

AGAIN_S = 60.0
"""Real seconds after which everyone is vetted anew."""


async def vet(
    target: DnsTarget,
    resolvers: Sequence[Resolver],
    clock: Clock,
    deadline_s: float = DEADLINE_S,
    *,
    counted: Collection[str] = (),
) -> Mapping[str, str]:
    """Why each of these resolvers is left out, by name; empty where it counts.

    Those named in `counted` have users who ask them: no answer leaves them in, as who does not
    follow, since the zone that breaks is the one that they are vetted by. Only a lie puts them
    out. Nobody is judged where no authority tells what is right.
    """
    invented = f"cockpit-{secrets.token_hex(8)}.{canonical(target.zone)}"
    right = await _right(target, invented, clock, deadline_s)
    if right is None:
        return {}
    questions = [
        (server_of(one, target.ssh_config), name, kind)
        for one in resolvers
        for name, kind in ((target.zone, "NS"), (invented, "A"))
    ]
    replies = await ask_each(questions, clock, deadline_s)
    return {
        one.name: _why(replies[2 * at], replies[2 * at + 1], right, stays=one.name in counted)
        for at, one in enumerate(resolvers)
    }


async def _right(
    target: DnsTarget, invented: str, clock: Clock, deadline_s: float
) -> tuple[Reply, Reply] | None:
    """What the authorities say themselves to both questions; None where none of them does."""
    questions: list[Question] = [
        (Server(one.address, one.port, authoritative=True), name, kind)
        for one in target.authorities
        for name, kind in ((target.zone, "NS"), (invented, "A"))
    ]
    replies = await ask_each(questions, clock, deadline_s)
    for control, denied in zip(replies[::2], replies[1::2], strict=True):
        if control and control.values and denied and denied.outcome in ("answer", "no_name"):
            return control, denied
    return None


def _why(
    control: Reply | None, denied: Reply | None, right: tuple[Reply, Reply], *, stays: bool
) -> str:
    if control is None or denied is None or control.note == NOT_ASKED:
        return ""
    known, absent = right
    if not (stays and not control.values):
        if control.outcome in _NO_ANSWER:
            why = _NO_ANSWER[control.outcome]
            return f"{why}: {control.note}" if control.note else why
        if _values(control) != _values(known):
            return f"gives other name servers for the zone: {', '.join(control.values) or 'none'}"
    other = denied.outcome in ("answer", "no_name") and _values(denied) != _values(absent)
    if other and not (stays and not denied.values):
        return f"invents an answer for a name that is not there: {', '.join(denied.values)}"
    return ""


_NO_ANSWER = {
    "timeout": "keeps silent",
    "refused": "refuses to answer us",
    "servfail": "fails",
    "error": "answers with an error",
}


def _values(reply: Reply) -> tuple[str, ...]:
    return tuple(sorted(map(canonical, reply.values)))
