"""A change of records by hand: nsupdate, a provider's API, or what a person enters."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

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
    """Seconds, or a shell's variable where only the run knows them."""


def paper(action: DnsAction, target: DnsTarget, sheet: Sheet) -> tuple[str, ...]:
    """The change of each name, and every authority asked afterwards."""
    aims = [_aim(action, target, name, sheet) for name in target.names]
    by_hand = _BY_PROVIDER.get(target.provider, _entered)
    asked = () if all(one.ttl != _UNKNOWN for one in aims) else remarks(_ASK.splitlines())
    return (*asked, *by_hand(target, aims, sheet), *_read_back(target))


_UNKNOWN = "$TTL"
_ASK = "The former TTL is in the output of the step that lowered it: set it first, as TTL=3600"


def _aim(action: DnsAction, target: DnsTarget, name: str, sheet: Sheet) -> Aim:
    value = {"to_new": target.new, "to_old": target.old}.get(action.change)
    if action.change == "ttl":
        return Aim(name, value, f"{action.ttl or 0:.0f}")
    if action.of is None:
        return Aim(name, value, None)
    told = former.from_json(sheet.recorded.get(action.of, {}).get("former"))
    known = {one.name: str(one.ttl) for one in told}
    return Aim(name, value, known.get(canonical(name), _UNKNOWN))


def _by_update(target: DnsTarget, aims: Sequence[Aim], sheet: Sheet) -> tuple[str, ...]:
    address, _, port = target.server.rpartition(":")
    address = address.strip("[]")
    kind = target.record_type
    dig = f"dig +noall +answer +norecurse @{address} -p {port}"
    key = f'key "{target.key_name}" {{ algorithm hmac-sha256; secret "%s"; }};\\n'
    return block(
        "umask 077",
        "work=$(mktemp -d)",
        f'printf {shlex.quote(key)} {sheet.secret(str(target.secret))} > "$work/key"',
        "trap 'rm -f \"$work/key\"' EXIT",
        f'printf "server {address} {port}\\nzone {target.zone}\\n" > "$work/update"',
        *(line for aim in aims for line in _one_update(target, aim, f"{dig} {aim.name} {kind}")),
        'echo send >> "$work/update"',
        'nsupdate -k "$work/key" "$work/update"',
    )


def _one_update(target: DnsTarget, aim: Aim, dig: str) -> tuple[str, ...]:
    kind = target.record_type
    ttl, value = aim.ttl or "$2", aim.value or "$5"
    return (
        f"set -- $({dig})",
        'test "$#" -ge 5 || set -- - - - - none',
        *_only_known(target, aim, "${5%.}"),
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


def _digitalocean(target: DnsTarget, aims: Sequence[Aim], sheet: Sheet) -> tuple[str, ...]:
    records = f"{DIGITALOCEAN}/{target.zone.rstrip('.')}/records"
    return _by_api(target, aims, sheet, _Api(records))


def _cloudflare(target: DnsTarget, aims: Sequence[Aim], sheet: Sheet) -> tuple[str, ...]:
    zone = target.zone.rstrip(".")
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
    return _by_api(target, aims, sheet, api)


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


def _by_api(target: DnsTarget, aims: Sequence[Aim], sheet: Sheet, api: _Api) -> tuple[str, ...]:
    kind = target.record_type
    dot = api.dot if kind == "CNAME" else ""
    lines: list[str] = []
    for aim in aims:
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
            f'api --request {api.send} --data "{data}" "{api.records}/{api.below}"; echo',
        ]
    token = bearer(sheet, "api_of", target.secret)
    as_json = "api() { api_of --header 'Content-Type: application/json' \"$@\"; }"
    return block(token, as_json, *api.before, *lines)


def _entered(target: DnsTarget, aims: Sequence[Aim], _sheet: Sheet) -> tuple[str, ...]:
    kind = target.record_type
    where = "the provider" if target.provider == "manual" else target.provider
    return remarks(
        (
            f"Enter these records on the page of {where}, zone {target.zone}:",
            *(
                f"  {one.name} {kind} {one.value or '(its value stays)'},"
                f" TTL {one.ttl or '(it stays)'}"
                for one in aims
            ),
        )
    )


def _read_back(target: DnsTarget) -> tuple[str, ...]:
    asked = (
        f"@{one.address} -p {one.port} {name} {target.record_type}"
        for one in target.authorities
        for name in target.names
    )
    dig = "dig +noall +answer +norecurse"
    return ("# Every name server must give it:", *(f"{dig} {words}" for words in asked))


_BY_PROVIDER: Mapping[str, Callable[[DnsTarget, Sequence[Aim], Sheet], tuple[str, ...]]] = {
    "rfc2136": _by_update,
    "digitalocean": _digitalocean,
    "cloudflare": _cloudflare,
}
