"""`cockpit journal [RUN] [--json] [--verify] [--head HASH]`: the events; the proof."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from cockpit import record
from cockpit.engine import heads, layout
from cockpit.errors import JournalDamaged, Untold
from cockpit.exits import BAD, GOOD, UNKNOWN, answer, complain
from cockpit.journal.chain import Row
from cockpit.journal.events import DATA
from cockpit.journal.file import ACCEPT
from cockpit.journal.fold import decoded
from cockpit.journal.lines import line_of
from cockpit.record import Record
from cockpit.redact import inert, one_line, printable
from cockpit.timewords import moment


def run(
    run: str = "", *, as_json: bool = False, verify: bool = False, head: str | None = None
) -> int:
    """Print the events, or the proof.

    1 where the chain does not hold, 2 where evidence is lost or the last line was cut off.
    """
    found = record.read(layout.find(run))
    if verify or head:
        problems = [proof(found, head)] if proof(found, head) else list(_accepted(found))
        holds = f"the chain holds: {len(found.events)} events, head {found.state.head}"
        lacks = list(_lacking(found))
        told = problems if found.state.damage else (holds, *problems)
        answer("\n".join((*told, *lacks)))
        return BAD if problems else UNKNOWN if lacks else GOOD
    if as_json:
        _tell_programs(found)
    else:
        answer("\n".join(_lines(found)))
    return BAD if found.state.damage else UNKNOWN if found.cut_off else GOOD


def proof(found: Record, head: str | None) -> str:
    """What does not hold: the first event that does not fit, or a head that is not in the chain."""
    if found.state.damage:
        return f"the journal does not hold: {found.state.damage}"
    if not found.events:
        return "the journal has no event"
    if head and heads.missing({head: ""}, found.events):
        return (
            f"the journal does not hold: no event has the head {head}; "
            "events were cut off, or it is another journal"
        )
    return ""


def _lacking(found: Record) -> Iterator[str]:
    """What is not in the proof; an order that is lost would not show a cut at its place."""
    for words in heads.unreadable(found.directory):
        yield f"but evidence is missing: {printable(words)}"
    if found.cut_off:
        yield f"but {found.cut_off}"


def _accepted(found: Record) -> Iterator[str]:
    """The damages that were accepted: the chain holds, and what was lost stays lost."""
    for one in found.state.mended:
        try:
            content = (found.directory.path / one.kept).read_bytes()
        except OSError as error:
            stays = f"which cannot be read: {error.strerror}"
        else:
            same = hashlib.sha256(content).hexdigest() == one.sha256
            stays = "is as it was found" if same else "IS NOT AS IT WAS FOUND"
        yield (
            f"but its former file did not hold, and {one.by} accepted that {moment(one.at)}: "
            f"{printable(one.what)}; {one.kept} {stays}; “{printable(one.words)}”"
        )


def _json(found: Record) -> Iterator[str]:
    for event, digest in found.events:
        body: dict[str, object] = msgspec.structs.asdict(event)
        # Evidence: what a terminal would obey is named, not left out.
        yield inert(msgspec.json.encode({**body, "hash": digest}).decode())


def _tell_programs(found: Record) -> None:
    """On stdout events and nothing else: what is wrong with the file is said on stderr."""
    if found.events:
        answer("\n".join(_json(found)))
    where = str(found.directory.journal)
    if found.state.damage:
        line = f"{where}, line {len(found.events) + 1}"
        complain(JournalDamaged(_damaged(found), where=line, mend=ACCEPT))
    elif found.cut_off:
        complain(Untold(found.cut_off, where=where))


def _damaged(found: Record) -> str:
    return f"DAMAGED from here: {found.state.damage}"


def _lines(found: Record) -> Iterator[str]:
    for event, _ in found.events:
        shape = DATA.get(event.type)
        said = line_of(found.state, event, decoded(event, shape)) if shape else None
        text = said[0] if said else event.type.replace("_", " ")
        yield f"{event.seq:>5}  {moment(event.run_s)}  {one_line(text)}"
    if found.state.damage:
        yield _damaged(found)
    if found.cut_off:
        yield f"CUT OFF: {found.cut_off}"
    for row in record.behind(found):
        yield _unproven(row)


def _unproven(row: Row) -> str:
    """A line behind a damage, as far as it can be read; it proves nothing."""
    event = row.event
    if event is None:
        return "    ?  unreadable"
    text = bytes(event.data).decode("utf-8", "replace")
    words = f"{event.type.replace('_', ' ')} by {event.by}: {text}"
    return f"{event.seq:>5}? {moment(event.run_s)}  {printable(words)}"
