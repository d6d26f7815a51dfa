"""One set of records, changed: whatever happened on the way, the provider is asked what it has.

A provider may fail before, during or after any request. So nothing is concluded from its answers:
the records are read again, and only what they say is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cockpit.actions.base import ActionContext
from cockpit.errors import ActionFailed, TargetError
from cockpit.propagation.providers.base import Effort, RecordChanger, RecordSet, Unheard

NOTHING = "nothing was changed"
Pair = tuple[RecordSet, RecordSet]
"""A record set as it was found, and as it is to be."""
Stage = Literal["change", "look", "read back"]
SHARES: dict[Stage, float] = {"change": 0.5, "look": 0.7, "read back": 0.9}
"""The share of the step's timeout by which each is over, so that no end comes from outside."""
LOOKS = 4
"""How often a provider that took a change is asked until it shows it."""


@dataclass(frozen=True)
class Trial:
    """One attempt's time."""

    context: ActionContext
    began: float

    @classmethod
    def begun(cls, context: ActionContext) -> Trial:
        """From now on."""
        return cls(context, context.clock.real())

    def until(self, stage: Stage) -> float:
        """The real clock when a stage is to be over."""
        return self.began + self.context.step.timeout * SHARES[stage]

    def effort(self, stage: Stage) -> Effort:
        """What a provider may take in that stage."""
        return Effort(until=self.until(stage), say=self.context.say)


def difference(before: RecordSet, after: RecordSet) -> str:
    """What of a record set becomes another, and what stays."""
    old, new = ", ".join(before.values), ", ".join(after.values)
    value = f"{old} stays" if old == new else f"{old} -> {new}"
    same = before.ttl == after.ttl
    ttl = f"TTL {after.ttl} stays" if same else f"TTL {before.ttl} -> {after.ttl}"
    return f"{before.name} {before.type} {value}, {ttl}"


async def make(
    changer: RecordChanger,
    reader: RecordChanger,
    todo: Sequence[Pair],
    context: ActionContext,
) -> None:
    """Change the sets; ActionFailed with what the provider has then, where that is not all."""
    trouble: TargetError | None = None
    try:
        await changer.change([before for before, _ in todo], [after for _, after in todo])
    except TargetError as error:
        trouble = error
        context.say(f"{error}")
    try:
        kept = await _look(reader, todo, trouble)
    except TargetError as error:
        raise _unknown(trouble, error) from (trouble or error)
    if any(now != after for now, (_, after) in zip(kept, todo, strict=True)):
        raise _partly(trouble, kept, todo) from trouble
    if trouble is not None:
        context.say("read again: the provider has the whole change all the same")


async def _look(
    reader: RecordChanger, todo: Sequence[Pair], trouble: TargetError | None
) -> Sequence[RecordSet]:
    """What the provider has now, asked again while a change may still show itself."""
    names = [before.name for before, _ in todo]
    waits = trouble is None or isinstance(trouble, Unheard)
    pause = 0.1
    kept: Sequence[RecordSet] = ()
    for _ in range(LOOKS if waits else 1):
        kept = await reader.read(names)
        if all(now == after for now, (_, after) in zip(kept, todo, strict=True)):
            break
        await asyncio.sleep(pause)
        pause *= 2
    return kept


def _unknown(trouble: TargetError | None, error: TargetError) -> ActionFailed:
    told = f"{trouble.what}; then {error.what}" if trouble else error.what
    return ActionFailed(
        f"{told}: it is not known what of the change happened",
        where=error.where,
        mend="look at the records at the provider, or run the step again: it reads before it"
        " writes, and changes only what is missing",
    )


def _partly(
    trouble: TargetError | None, kept: Sequence[RecordSet], todo: Sequence[Pair]
) -> ActionFailed:
    """What is changed, what is not, and what is neither."""
    both = list(zip(kept, todo, strict=True))
    done = [now.name for now, (_, after) in both if now == after]
    left = [now.name for now, (before, after) in both if now == before != after]
    other = [str(now) for now, (before, after) in both if now not in (before, after)]
    names = "1 name is" if len(both) == 1 else f"{len(both)} names are"
    late = isinstance(trouble, Unheard)
    words = [
        f"{len(done)} of {names} changed: {', '.join(done)}" if done else "",
        f"as before: {', '.join(left)}" if left and (done or other) else "",
        f"neither as before nor as wanted: {'; '.join(other)}" if other else "",
        "" if done or other else ("all is as before so far" if late else NOTHING),
    ]
    told = trouble.what if trouble else "the provider took the change and does not show it"
    if late and left:
        words.append("a request without an answer may still take effect")
    return ActionFailed(
        "; ".join((told, *filter(None, words))),
        where=trouble.where if trouble else "",
        mend=_mend(trouble, half=bool(done or other)),
    )


def _mend(trouble: TargetError | None, *, half: bool) -> str:
    again = "run the step again: it reads first, and changes only what is missing"
    if isinstance(trouble, ActionFailed):
        again = f"when that is mended, {again}"
    back = "; its way back puts every name back as it was"
    own = f"{trouble.mend}; " if trouble and trouble.mend else ""
    return f"{own}{again}{back if half else ''}"
