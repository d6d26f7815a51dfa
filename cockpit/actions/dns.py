"""Changes the records of a DNS target: read, compared, set, and read back at every authority."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cockpit.actions import dns_manual, paper_dns
from cockpit.actions.base import ActionContext
from cockpit.actions.dns_seen import read_back, refuse_disagreement, silent_ones
from cockpit.actions.dns_set import NOTHING, Pair, Trial, difference, make
from cockpit.actions.paper import Sheet
from cockpit.countwords import many
from cockpit.errors import ActionFailed, TargetError
from cockpit.journal.events import Json
from cockpit.propagation import former
from cockpit.propagation.classify import canonical
from cockpit.propagation.providers.base import RecordChanger, RecordSet
from cockpit.propagation.providers.choose import changer_for
from cockpit.propagation.sweep import authority_rows
from cockpit.runbook.actions import DnsAction
from cockpit.runbook.model import Runbook
from cockpit.runbook.targets import DnsTarget


def describe(action: DnsAction, runbook: Runbook) -> tuple[str, ...]:
    """The change of each name, who makes it, and what must hold before and after."""
    return describe_knowing(action, runbook, {})


def describe_knowing(
    action: DnsAction, runbook: Runbook, recorded: Mapping[str, Mapping[str, Json]]
) -> tuple[str, ...]:
    """The same, with the former TTLs as soon as the step that they are of recorded them."""
    target = runbook.target(action.target)
    if not isinstance(target, DnsTarget):
        return (f"dns {action.change} at {action.target}: not rehearsed here",)
    ttls = {one.name: one.ttl for one in _of_journal(action.of, recorded)}
    change = [_change_words(action, target, ttls.get(canonical(name))) for name in target.names]
    servers = ", ".join(f"{one.name} ({one.address})" for one in target.authorities)
    return (
        *(
            f"{name} {target.record_type} {words}"
            for name, words in zip(target.names, change, strict=True)
        ),
        f"by {_provider_words(target)}",
        f"only where every record is still {_expected_words(action, target)}",
        f"read back at {servers}",
    )


def paper(action: DnsAction, sheet: Sheet) -> tuple[str, ...]:
    """The same change by hand, in the provider's way."""
    target = sheet.runbook.target(action.target)
    if not isinstance(target, DnsTarget):
        raise TypeError(f"{action.target} is no zone")
    return paper_dns.paper(action, target, sheet)


def _change_words(action: DnsAction, target: DnsTarget, former_ttl: int | None) -> str:
    known = "" if former_ttl is None else f"TTL -> {former_ttl} s, as recorded by {action.of}"
    ttl = known or (f"TTL as {action.of} found it" if action.of else "TTL stays")
    return {
        "to_new": f"{target.old} -> {target.new}, TTL stays",
        "to_old": f"{target.new} -> {target.old}, {ttl}",
        "ttl": f"TTL -> {action.ttl or 0:g} s, value stays",
        "restore_ttl": f"{known or f'TTL -> what {action.of} found'}, value stays",
    }[action.change]


def _provider_words(target: DnsTarget) -> str:
    if target.provider == "manual":
        return "a person at the provider, as the output of this step says; it only watches"
    if target.provider == "rfc2136":
        key = f"key {target.key_name} from {target.secret} (hidden)"
        return f"one signed update (RFC 2136) to {target.server}, {key}"
    by = "" if target.provider in ("digitalocean", "cloudflare") else " through octoDNS"
    return f"{target.provider}{by}, token from {target.secret} (hidden)"


def _expected_words(action: DnsAction, target: DnsTarget) -> str:
    return " or ".join(expected(action, target))


def expected(action: DnsAction, target: DnsTarget) -> tuple[str, ...]:
    """The values that a record may have before: what the change leaves, or already its aim."""
    sides = canonical(target.old), canonical(target.new)
    return sides[::-1] if action.change == "to_old" else sides


async def run(action: DnsAction, context: ActionContext) -> Mapping[str, Json]:
    """Change the records; the former ones come back, with the zone's serial."""
    target = context.runbook.target(action.target)
    if not isinstance(target, DnsTarget):
        context.say("nothing is changed: not rehearsed here")
        return {"not_rehearsed": True}
    trial = Trial.begun(context)
    ttls = _ttls(action, target, context)
    changer: RecordChanger | None = None
    if target.provider == "manual":
        sides = expected(action, target)
        found = await dns_manual.found(action, target, context, sides, ttls)
    else:
        changer = changer_for(target, context.secrets, trial.effort("change"))
        found = await _found(target, changer)
    for records in found:
        context.say(f"found {records}{f' ({records.odd})' if records.odd else ''}")
        _refuse_odd(records)
        _refuse_unexpected(action, target, records)
    pairs = list(zip(found, _aims(action, target, found, ttls), strict=True))
    was = _keep(context, pairs)
    seen = [(before, aim) for before, (_, aim) in zip(was, pairs, strict=True)]
    if changer is None:
        left_s = trial.until("read back") - context.clock.real()
        silent = await dns_manual.ask_for(action, target, context, seen, left_s)
    else:
        silent = await _change(action, target, trial, changer, pairs)
        seen = [(_given(changer, before), _given(changer, aim)) for before, aim in seen]
    serial = await read_back(target, context, seen, silent, trial.until("read back"))
    return {"former": former.as_json(was), "serial": serial}


async def _found(target: DnsTarget, changer: RecordChanger) -> tuple[RecordSet, ...]:
    try:
        return await changer.read(target.names)
    except TargetError as error:
        raise ActionFailed(
            f"{error.what}; {NOTHING}", where=error.where, mend=error.mend
        ) from error


def _given(changer: RecordChanger, records: RecordSet) -> RecordSet:
    """A record set as name servers give it."""
    return replace(records, ttl=changer.given_ttl(records.ttl))


def _aims(
    action: DnsAction, target: DnsTarget, found: Sequence[RecordSet], ttls: Sequence[int] | None
) -> tuple[RecordSet, ...]:
    """What the record sets are to be."""
    side = {"to_new": (canonical(target.new),), "to_old": (canonical(target.old),)}
    return tuple(
        replace(one, values=side.get(action.change, one.values), ttl=ttls[at] if ttls else one.ttl)
        for at, one in enumerate(found)
    )


def _refuse_odd(records: RecordSet) -> None:
    if records.odd.startswith("a CNAME"):
        raise ActionFailed(
            f"{records.name} has no {records.type} record of its own, it is {records.odd};"
            f" {NOTHING}",
            mend="a change of record type is made by hand, before T-48h",
        )
    if records.odd:
        raise ActionFailed(
            f"{records.name} is {records.odd}: what name servers give for it would not change;"
            f" {NOTHING}",
            mend="make it a plain record (at Cloudflare: DNS only), one TTL before at least",
        )


def _refuse_unexpected(action: DnsAction, target: DnsTarget, records: RecordSet) -> None:
    if records.values not in {(value,) for value in expected(action, target)}:
        raise ActionFailed(
            f"{records.name} {records.type} is {', '.join(records.values) or 'not there'}, "
            f"expected {_expected_words(action, target)}; {NOTHING}",
            where=target.zone,
            mend="find out who changed it; then change the plan, or put it back by hand",
        )


def _ttls(action: DnsAction, target: DnsTarget, context: ActionContext) -> list[int] | None:
    """The TTL of each name when it is done; none where it stays. ActionFailed where unknown."""
    if action.change == "ttl":
        return [round(action.ttl or 0)] * len(target.names)
    if action.of is None:
        return None
    ttls = {one.name: one.ttl for one in _recorded(action.of, context)}
    names = [canonical(name) for name in target.names]
    missing = ", ".join(name for name in names if name not in ttls)
    if missing:
        raise ActionFailed(f"{action.of} recorded no former TTL of {missing}; {NOTHING}")
    return [ttls[name] for name in names]


def _keep(context: ActionContext, pairs: Sequence[Pair]) -> Sequence[RecordSet]:
    """Write down what the records were before the step's first effect on them, and give it."""
    earlier = former.of_attempts(context.folder.parent, before=context.attempt)
    was = [former.true_former(*both, earlier) for both in pairs]
    try:
        former.keep(context.folder, was)
    except OSError as error:
        raise ActionFailed(
            f"the former records cannot be written down ({error.strerror}); {NOTHING}",
            where=str(context.folder),
            mend="make room on the disk, then try again",
        ) from error
    return was


def _recorded(of: str, context: ActionContext) -> tuple[RecordSet, ...]:
    """What the other step found: by the journal, else by its newest attempt that wrote it down."""
    if told := _of_journal(of, context.recorded):
        return told
    return next(iter(former.of_attempts(context.run_directory / "attempts" / of)), ())


def _of_journal(
    of: str | None, recorded: Mapping[str, Mapping[str, Json]]
) -> tuple[RecordSet, ...]:
    """What the other step found, where it recorded that; none where there is no other."""
    return former.from_json(recorded.get(of or "", {}).get("former"))


async def _change(
    action: DnsAction,
    target: DnsTarget,
    trial: Trial,
    changer: RecordChanger,
    pairs: Sequence[Pair],
) -> frozenset[str]:
    """Set what is not yet as it should be; the authorities that keep silent come back."""
    context = trial.context
    todo = [(before, after) for before, after in pairs if before != after]
    if not todo:
        context.say(f"every record is already as it should be; {NOTHING}")
        return frozenset()
    rows = await authority_rows(target, context.clock)
    silent = silent_ones(action, context, rows)
    found = [before for before, _ in pairs]
    refuse_disagreement(action, rows, found, expected(action, target))
    if len(todo) < len(pairs):
        context.say(f"{len(pairs) - len(todo)} of {len(pairs)} names already are as they should be")
    for before, after in todo:
        context.say(difference(before, after))
    reader = changer_for(target, context.secrets, trial.effort("look"))
    await make(changer, reader, todo, context)
    context.say(f"read back: {target.provider} has the change of {many(len(todo), 'name')}")
    return silent
