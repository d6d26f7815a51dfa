"""A change of records by hand: nsupdate, a provider's API, or what a person enters."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cockpit.actions import paper_former
from cockpit.actions.paper import Sheet, bearer, block, remarks
from cockpit.propagation import former
from cockpit.propagation.classify import canonical
from cockpit.runbook.actions import DnsAction
from cockpit.runbook.targets import DnsTarget

_ID = 'python3 -c \'import json, sys; [one] = json.load(sys.stdin)["{of}"]; print(one["id"])\''
_RECORD = (
    'python3 -c \'import json, sys; [one] = json.load(sys.stdin)["{of}"];'
    ' print(one["id"], one["ttl"], one["{value}"])\''
)
DIGITALOCEAN = "https://api.digitalocean.com/v2/domains"
CLOUDFLARE = "https://api.cloudflare.com/client/v4/zones"


@dataclass(frozen=True, slots=True)
class Aim:
    """What one name's record is to be; None where that part stays as it is."""

    name: str
    value: str | None
    ttl: str | None
    """Seconds, or the shell's variable that is read from what an earlier step kept."""

    @property
    def asked(self) -> str:
        """The name of that variable; empty where there is none."""
        return self.ttl[1:] if self.ttl and self.ttl.startswith("$") else ""


@dataclass(frozen=True, slots=True)
class _Change:
    """The change of every name of a zone."""

    action: DnsAction
    target: DnsTarget
    aims: Sequence[Aim]
    sheet: Sheet

    @property
    def keeps(self) -> bool:
        """Whether a later step may ask what was there before."""
        return self.action.change in ("ttl", "to_new")

    @property
    def first(self) -> tuple[str, ...]:
        """How its block begins: former TTLs are all read before anything is changed."""
        if self.keeps:
            return paper_former.kept(self.sheet.step.id)
        asked = {one.asked: one.name for one in self.aims if one.asked}
        return paper_former.read(str(self.action.of), asked) if asked else ()

    def kept(self, aim: Aim, ttl: str, value: str) -> tuple[str, ...]:
        """Keeps what was found, where somebody may ask for it."""
        wanted = aim.ttl or ttl, (aim.value or value).rstrip(".")
        return (paper_former.keep(aim.name, (ttl, value), wanted),) if self.keeps else ()


def paper(action: DnsAction, target: DnsTarget, sheet: Sheet) -> tuple[str, ...]:
    """The change of each name, and every authority asked afterwards."""
    aims = [_aim(action, target, number, sheet) for number in range(len(target.names))]
    by_hand = _BY_PROVIDER.get(target.provider, _entered)
    return (*by_hand(_Change(action, target, aims, sheet)), *_read_back(target))


def _aim(action: DnsAction, target: DnsTarget, number: int, sheet: Sheet) -> Aim:
    name = target.names[number]
    value = {"to_new": target.new, "to_old": target.old}.get(action.change)
    if action.change == "ttl":
        return Aim(name, value, f"{action.ttl or 0:.0f}")
    if action.of is None:
        return Aim(name, value, None)
    told = former.from_json(sheet.recorded.get(action.of, {}).get("former"))
    known = {one.name: str(one.ttl) for one in told}
    return Aim(name, value, known.get(canonical(name), f"$ttl_{1 + number}"))


def _by_update(change: _Change) -> tuple[str, ...]:
    target, sheet = change.target, change.sheet
    address, _, port = target.server.rpartition(":")
    address = address.strip("[]")
    dig = f"dig +noall +answer +norecurse @{address} -p {port}"
    key = f'key "{target.key_name}" {{ algorithm hmac-sha256; secret "%s"; }};\\n'
    return block(
        "umask 077",
        *change.first,
        "work=$(mktemp -d)",
        f'printf {shlex.quote(key)} {sheet.secret(str(target.secret))} > "$work/key"',
        "trap 'rm -f \"$work/key\"' EXIT",
        f'printf "server {address} {port}\\nzone {target.zone}\\n" > "$work/update"',
        *(line for aim in change.aims for line in _one_update(change, aim, dig)),
        'echo send >> "$work/update"',
        'nsupdate -k "$work/key" "$work/update"',
    )


def _one_update(change: _Change, aim: Aim, dig: str) -> tuple[str, ...]:
    kind = change.target.record_type
    ttl, value = aim.ttl or "$2", aim.value or "$5"
    return (
        f"set -- $({dig} {aim.name} {kind})",
        'test "$#" -ge 5 || set -- - - - - none',
        *_only_known(change.target, aim, "${5%.}"),
        *change.kept(aim, "$2", "${5%.}"),
        (
            f'printf "prereq yxrrset %s {kind} %s\\nupdate delete %s {kind}\\nupdate add %s %s'
            f' {kind} %s\\n" {aim.name} "$5" {aim.name} {aim.name} "{ttl}" "{value}"'
            ' >> "$work/update"'
        ),
    )


def _only_known(target: DnsTarget, aim: Aim, found: str) -> tuple[str, ...]:
    """Stops where a record leads to neither side."""
    known = dict.fromkeys(side.rstrip(".") for side in (target.old, target.new))
    return (
        f'case "{found}" in {"|".join(map(shlex.quote, known))}) ;;',
        f'  *) echo "{aim.name} is {found}: find out who changed it"; exit 1;;',
        "esac",
    )


def _digitalocean(change: _Change) -> tuple[str, ...]:
    return _by_api(change, _Api(f"{DIGITALOCEAN}/{change.target.zone.rstrip('.')}/records"))


def _cloudflare(change: _Change) -> tuple[str, ...]:
    zone = change.target.zone.rstrip(".")
    look = f'zone=$(api "{CLOUDFLARE}?name={zone}" | {_ID.format(of="result")})'
    records = f"{CLOUDFLARE}/$zone/dns_records"
    api = _Api(
        records,
        before=(look,),
        by_name="name.exact",
        listed="result",
        value="content",
        dot="",
        send="POST",
        below="batch",
        body='{"patches":[{"id":"$1","type":"@kind@","name":"@name@","content":"@value@",'
        '"ttl":@ttl@,"proxied":false}]}',
    )
    return _by_api(change, api)


@dataclass(frozen=True, slots=True)
class _Api:
    """One way of asking for records and of changing one; DigitalOcean's where nothing is said."""

    records: str
    """The address below which the records lie."""
    before: tuple[str, ...] = ()
    """What must be looked up first."""
    by_name: str = "name"
    listed: str = "domain_records"
    """Under which key a list of records comes."""
    value: str = "data"
    """Under which key a record's value is read."""
    dot: str = "."
    """What a name as a value ends with."""
    send: str = "PATCH"
    below: str = "$1"
    body: str = '{"type":"@kind@","data":"@value@","ttl":@ttl@}'
    """All of a record: a part that is not sent would get the provider's default."""


def _by_api(change: _Change, api: _Api) -> tuple[str, ...]:
    target, kind = change.target, change.target.record_type
    dot = api.dot if kind == "CNAME" else ""
    lines: list[str] = []
    for aim in change.aims:
        name = aim.name.rstrip(".")
        words = {
            "kind": kind,
            "name": name,
            "value": (aim.value.rstrip(".") if aim.value else "${3%.}") + dot,
            "ttl": aim.ttl or "$2",
        }
        data = api.body.replace('"', '\\"')
        for word, text in words.items():
            data = data.replace(f"@{word}@", text)
        wanted = f"{api.records}?{api.by_name}={name}&type={kind}"
        lines += [
            f'set -- $(api "{wanted}" | {_RECORD.format(of=api.listed, value=api.value)})',
            *_only_known(target, aim, "${3%.}"),
            *change.kept(aim, "$2", "${3%.}"),
            f'api --request {api.send} --data "{data}" "{api.records}/{api.below}"; echo',
        ]
    token = bearer(change.sheet, "api_of", target.secret)
    as_json = "api() { api_of --header 'Content-Type: application/json' \"$@\"; }"
    return block(*change.first, token, as_json, *api.before, *lines)


def _entered(change: _Change) -> tuple[str, ...]:
    target, kind = change.target, change.target.record_type
    where = "the provider" if target.provider == "manual" else target.provider
    lines: list[str] = [f'echo "{aim.name} TTL {aim.ttl}"' for aim in change.aims if aim.asked]
    for aim in change.aims if change.keeps else ():
        for dig in _digs(target, aim.name)[:1]:
            lines += [f"set -- $({dig})", 'test "$#" -ge 5', *change.kept(aim, "$2", "${5%.}")]
    told = (
        f"  {aim.name} {kind} {aim.value or '(its value stays)'},"
        f" TTL {'as shown' if aim.asked else aim.ttl or '(it stays)'}"
        for aim in change.aims
    )
    words = (f"Enter these records on the page of {where}, zone {target.zone}:", *told)
    return (*(block(*change.first, *lines) if lines else ()), *remarks(words))


def _digs(target: DnsTarget, name: str) -> tuple[str, ...]:
    return tuple(
        f"dig +noall +answer +norecurse @{one.address} -p {one.port} {name} {target.record_type}"
        for one in target.authorities
    )


def _read_back(target: DnsTarget) -> tuple[str, ...]:
    asked = zip(*(_digs(target, name) for name in target.names), strict=True)
    return ("# Every name server must give it:", *(line for each in asked for line in each))


_BY_PROVIDER: Mapping[str, Callable[[_Change], tuple[str, ...]]] = {
    "rfc2136": _by_update,
    "digitalocean": _digitalocean,
    "cloudflare": _cloudflare,
}
