"""DNS targets: names inside the zone, answers of the record's type, servers that can be asked."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from cockpit.runbook.broken import reads
from cockpit.runbook.draft import Draft
from cockpit.runbook.problems import Problem, listed, meant
from cockpit.runbook.providers import EXAMPLES, OPTIONS, keys_of
from cockpit.runbook.rules import each
from cockpit.runbook.targets import Authority, DnsTarget, Resolver, WatchedRecord

_NAME = re.compile(
    r"(?:\*\.)?(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*"
    r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?"
)


def _targets(draft: Draft) -> Iterator[DnsTarget]:
    return (target for target in draft.targets if isinstance(target, DnsTarget))


def type_of(answer: str) -> str:
    """The record type that gives such an answer: `A`, `AAAA`, `CNAME`, or empty for none."""
    try:
        return "A" if ipaddress.ip_address(answer).version == 4 else "AAAA"
    except ValueError:
        is_name = len(answer) < 254 and _NAME.fullmatch(answer) and not answer[-1:].isdigit()
        return "CNAME" if is_name else ""


@each(_targets)
def answers(draft: Draft, target: DnsTarget) -> Iterator[Problem]:
    """Answers that no record of the type can give."""
    for key in ("old", "new"):
        answer: str | None = getattr(target, key, None)
        if answer is None:
            continue
        found = type_of(answer)
        if not found:
            what = f"`{key}` is neither an address nor a name"
            yield draft.problem(target, what, "write what the record answers", key=key)
        elif found != target.record_type:
            what = (
                f"`{key}` is the answer of a record of type {found} and `record_type` is"
                f" {target.record_type}: a change of record type"
            )
            mend = "switch between answers of one type; change the type before T-48h, by hand"
            yield draft.problem(target, what, mend, key=key)


@each(_targets)
def switched(draft: Draft, target: DnsTarget) -> Iterator[Problem]:
    """A switch that switches nothing."""
    if target.old.rstrip(".").lower() == target.new.rstrip(".").lower():
        what = "`old` and `new` are the same answer"
        yield draft.problem(target, what, "write where the names lead afterwards", key="new")


@each(_targets)
def names(draft: Draft, target: DnsTarget) -> Iterator[Problem]:
    """Names outside the zone, or twice."""
    zone = target.zone.rstrip(".").lower()
    if not _NAME.fullmatch(target.zone):
        yield draft.problem(target, "`zone` is no name", "write `example.com`", key="zone")
        return
    seen: set[str] = set()
    for index, name in enumerate(target.names):
        bare = name.rstrip(".").lower()
        what = ""
        if not _NAME.fullmatch(name) or not f".{bare}".endswith(f".{zone}"):
            what, mend = f"`{name[:60]}` is no name in the zone `{zone}`", "write it in full"
        elif bare in seen:
            what, mend = f"`{name}` is listed twice", "take one out"
        elif bare == zone and getattr(target, "record_type", "") == "CNAME":
            what, mend = f"`{name}` is the zone's apex and cannot be a CNAME", "use A or AAAA"
        seen.add(bare)
        if what:
            yield draft.problem(target, what, mend, key="names", item=index)


@each(_targets)
def provider(draft: Draft, target: DnsTarget) -> Iterator[Problem]:
    """A provider that lacks what it needs, or is given what it does not look at."""
    needed, heeded = keys_of(target.provider)
    for key, example in EXAMPLES.items():
        if not reads(target, key):
            continue
        given = getattr(target, key)
        if key in needed and not given:
            what = f"the provider `{target.provider}` lacks `{key}`"
            yield draft.problem(target, what, f"add `{key}:` with {example}", key="provider")
        elif given and key not in (*needed, *heeded):
            what = f"the provider `{target.provider}` does not look at `{key}`"
            yield draft.problem(target, what, "take it out", key=key)


@each(_targets)
def options(draft: Draft, target: DnsTarget) -> Iterator[Problem]:
    """Options that no module of octoDNS takes."""
    known = OPTIONS.get(target.provider, tuple(target.options))
    for name in target.options:
        if name not in known:
            what = f"the provider `{target.provider}` takes no option `{name[:60]}`"
            mend = meant(name, known, f"it takes {listed(known)}" if known else "take it out")
            yield draft.problem(target, what, mend, key="options", item=name)


@each(_targets)
def servers(draft: Draft, target: DnsTarget) -> Iterator[Problem]:
    """Authoritative servers and resolvers that cannot be asked, or twice."""
    for key, word in (("authorities", "authority"), ("resolvers", "resolver")):
        listed: tuple[Authority | Resolver, ...] = getattr(target, key, ())
        seen: set[str] = set()
        for one in listed:
            name: str = getattr(one, "name", "")
            if type_of(getattr(one, "address", "::")) not in ("A", "AAAA"):
                what = f"the address of the {word} `{name[:60]}` is no IP address"
                yield draft.problem(one, what, "write its address, not a name", key="address")
            if name in seen - {""}:
                what = f"a second {word} is called `{name[:60]}`"
                yield draft.problem(one, what, "give each a name of its own", key="name")
            seen.add(name)


def _resolvers(draft: Draft) -> Iterator[Resolver]:
    for target in _targets(draft):
        yield from getattr(target, "resolvers", ())


@each(_resolvers)
def weights(draft: Draft, one: Resolver) -> Iterator[Problem]:
    """Resolvers whose weight cannot be."""
    if one.weight < 0:
        what = f"the weight of `{one.name}` is negative"
        yield draft.problem(one, what, "write zero or more", key="weight")


_SSH_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:@[A-Za-z0-9][A-Za-z0-9.-]*)?")


@each(_resolvers)
def through(draft: Draft, one: Resolver) -> Iterator[Problem]:
    """Resolvers that are asked on a host that is none, or in a way that dig does not know."""
    if not one.through:
        return
    if not _SSH_HOST.fullmatch(one.through):
        what = f"`{one.through[:60]}` is no host for ssh"
        yield draft.problem(one, what, "write `user@host`, or a host of ssh's", key="through")
    if one.way not in ("udp", "tcp"):
        what = f"`{one.name}` is asked through a host by `{one.way}`"
        yield draft.problem(one, what, "write `way: udp` or `tcp`, or ask it from here", key="way")
    if draft.environment == "rehearsal":
        what = "a rehearsal would log in on another host"
        yield draft.problem(one, what, "take it out", key="through")


@each(_targets)
def own(draft: Draft, target: DnsTarget) -> Iterator[Problem]:
    """A rehearsal that would ask beyond its lab, and a relative ssh configuration."""
    if target.own_resolvers and draft.environment == "rehearsal":
        what = "a rehearsal would ask this host's own resolvers"
        yield draft.problem(target, what, "take it out", key="own_resolvers")
    if target.public_resolvers and draft.environment == "rehearsal":
        what = "a rehearsal would ask public resolvers"
        yield draft.problem(target, what, "take it out", key="public_resolvers")
    if target.ssh_config and not target.ssh_config.startswith("/"):
        what = f"`{target.ssh_config[:60]}` is no absolute path"
        yield draft.problem(target, what, "write where it lies from `/` on", key="ssh_config")


@each(_resolvers)
def behaviour(draft: Draft, one: Resolver) -> Iterator[Problem]:
    """Resolvers that are said to clamp at nothing, or clamp unsaid."""
    if (one.behaviour == "clamps") != (one.clamp > 0):
        what = f"`{one.name}` has `behaviour: {one.behaviour}` and clamps at {one.clamp:g} s"
        mend = "write `behaviour: clamps` and `clamp:` above zero, or neither"
        yield draft.problem(one, what, mend, key="behaviour")


def _value(kind: str, text: str) -> str:
    """What a value of that record type looks like, where this one does not; else empty."""
    if kind in ("A", "AAAA", "CNAME"):
        return "" if type_of(text) == kind else f"a value of type {kind}"
    shape, example = _SHAPES.get(kind, (r"(?s).+", "some text"))
    return "" if re.fullmatch(shape, text) else f"{example}, for one"


_SHAPES = {
    "MX": (r"\d+\s+\S+", "`10 mail.example.com.`"),
    "CAA": (r"\d+\s+[a-zA-Z0-9]+\s+\S.*", '`0 issue "letsencrypt.org"`'),
    "HTTPS": (r"\d+\s+\S.*", "`1 . alpn=h2 ipv4hint=192.0.2.10`"),
    "SVCB": (r"\d+\s+\S.*", "`1 . alpn=h2 ipv4hint=192.0.2.10`"),
}


@each(_targets)
def records(draft: Draft, target: DnsTarget) -> Iterator[Problem]:
    """Watched records that move by themselves, are no names, or say what their type cannot."""
    moving = {name.rstrip(".").lower() for name in target.names}
    seen: set[tuple[str, str]] = set()
    for one in target.records:
        bare = one.name.rstrip(".").lower()
        if not _NAME.fullmatch(one.name):
            what, mend = f"`{one.name[:60]}` is no name", "write it in full"
            yield draft.problem(one, what, mend, key="name")
        elif one.type == target.record_type and bare in moving:
            what = f"{one.name} {one.type} is what moves: it is watched already"
            yield draft.problem(one, what, "take it out", key="name")
        elif (bare, one.type) in seen:
            what = f"{one.name} {one.type} is listed twice"
            yield draft.problem(one, what, "take one out", key="name")
        seen.add((bare, one.type))
        yield from _values(draft, one)


def _values(draft: Draft, one: WatchedRecord) -> Iterator[Problem]:
    for key, values in (("old", one.old), ("new", one.new or ())):
        for index, text in enumerate(values):
            if wanted := _value(one.type, text):
                what = f"`{text[:60]}` is no value of a record of type {one.type}"
                yield draft.problem(one, what, f"write {wanted}", key=key, item=index)


RULES = (
    *(answers, switched, names, provider, options, servers),
    *(weights, behaviour, through, own, records),
)
