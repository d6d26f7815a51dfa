"""Keeps the verdict's word calm: it grows worse at once, and milder only when that is sure.

A rollback's reason stays as it was when it was first advised, with its time, while the same signal
asks for it: the figures of each look stand beside it, and the mild hours before a fault weigh
little or much in them from one look to the next.

A word is let go when two things hold: for a whole window no look has said it or a worse one, and
what was measured since then leaves out, by a 99.9% interval, that it still holds. A share that
hovers at a limit crosses its 95% interval many times an hour; it does not cross both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from cockpit.clock import utc
from cockpit.decision.evidence import Leaning, VerdictWord
from cockpit.decision.signals import Z_ALARM, Z_CALM
from cockpit.decision.statistics import Z
from cockpit.decision.tree import APART, Finding, Looks, advised, look
from cockpit.runbook.model import Signal
from cockpit.status import VERDICT

RANK: Mapping[VerdictWord, int] = {
    "stay": 0,
    "not_enough_data": 1,
    "watch": 2,
    "scale_up": 3,
    "fix_forward": 4,
    "roll_back": 5,
}
"""The words that weigh, mildest first; the others end the question."""
ALIKE = frozenset(("watch", "fix_forward"))
"""Words that one signal says in turn while it hovers: the worse of them stands for both."""
WARNINGS = frozenset(("watch", "scale_up", "fix_forward"))
PATIENCE = 4
"""Windows that are remembered."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A word of the verdict, and when a look last said it."""

    word: VerdictWord
    reason: str
    about: tuple[str, ...]
    """The signals that said it; none where only the journal knows of it."""
    at: float
    """The run clock of that look."""


Calm = tuple[Spoken, ...]
"""The word that stands, and behind it the milder ones said since, worst first."""
Fear = Callable[[Spoken], Leaning]
"""The worst leaning of a word's signals that the evidence since it was said does not leave out."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What all looks so far have come to."""

    looks: Looks = Looks()
    calm: Calm = ()

    @property
    def word(self) -> VerdictWord:
        """The word that stands."""
        return self.calm[0].word if self.calm else "not_yet"


def judge(standing: Standing, finding: Finding, now: float, newest: float) -> Standing:
    """Take one look; where a rollback is advised already, no second one is waited for."""
    looks = look(standing.looks, finding, now, newest)
    said = finding if standing.word == "roll_back" else advised(finding, looks)
    return Standing(looks, speak(standing.calm, said, now))


def recalled(word: str, reason: str, at: float) -> Standing:
    """What stands after an engine's start: the word that the journal has."""
    return Standing(calm=tuple(Spoken(one, reason, (), at) for one in RANK if one == word))


def speak(calm: Calm, finding: Finding, now: float) -> Calm:
    """Take one look."""
    began_anew = not calm or calm[0].word not in RANK or now < calm[-1].at
    if began_anew or finding.word not in RANK:
        return (Spoken(finding.word, finding.reason, finding.about, now),)
    word = _hovering(calm, finding)
    worse = tuple(one for one in calm if RANK[one.word] > RANK[word])
    return (*worse, Spoken(word, _reason(calm[0], finding, now), finding.about, now))


def _reason(stands: Spoken, finding: Finding, now: float) -> str:
    """A look's reason; a rollback's is that of the look which first said so of this signal."""
    if finding.word != "roll_back":
        return finding.reason
    if stands.word == "roll_back" and _is_same(stands, finding):
        return stands.reason
    return f"{finding.reason}, at {_moment(now)}"


def _is_same(stands: Spoken, finding: Finding) -> bool:
    """Whether both speak of one signal; by its question where only the journal knows of one."""
    if stands.about:
        return stands.about == finding.about
    return stands.reason.partition(":")[0] == finding.reason.partition(":")[0]


def _moment(at: float) -> str:
    return f"{utc(at):%H:%M:%S} UTC"


def let_go(standing: Standing, now: float, window: float, fear: Fear) -> Standing:
    """Without the words that do not hold any more."""
    calm = standing.calm
    while len(calm) > 1 and _is_over(calm[0], now, window, fear):
        calm = calm[1:]
    return Standing(standing.looks, calm)


def shown(standing: Standing) -> Finding:
    """The word that stands; where the newest look was milder, with what it said.

    A rollback's signal that still warns is no news: it is said of another one, or of none.
    """
    stands, newest = standing.calm[0], standing.calm[-1]
    warns = newest.word in WARNINGS and _is_same(stands, _told(newest))
    if stands is newest or (stands.word == "roll_back" and warns):
        return _told(stands)
    word = VERDICT[newest.word].word
    now = f"now only {word}, not yet for sure: {newest.reason}"
    return Finding(stands.word, f"until {_moment(stands.at)} {stands.reason}; {now}", stands.about)


def _told(spoken: Spoken) -> Finding:
    return Finding(spoken.word, spoken.reason, spoken.about)


def needs(stands: Spoken, window: float) -> float:
    """Run seconds without a word before it goes: unknown needs a second look, a warning more."""
    return APART if stands.word == "not_enough_data" else window


def _hovering(calm: Calm, finding: Finding) -> VerdictWord:
    if finding.word in ALIKE:
        for one in calm:
            if one.word in ALIKE and one.about == finding.about:
                return max(one.word, finding.word, key=lambda word: RANK[word])
    return finding.word


def _is_over(stands: Spoken, now: float, window: float, fear: Fear) -> bool:
    quiet = now - stands.at
    if quiet < needs(stands, window):
        return False
    feared = fear(stands)
    if feared in EXCLUDED[stands.word]:
        return True
    # So little traffic can never tell: a rollback goes where that is known, a warning anyhow.
    if stands.word == "roll_back":
        return feared == "unknown" and quiet >= PATIENCE * window
    return stands.word in WARNINGS and quiet >= 2 * PATIENCE * window


def reach(spoken: Spoken, signal: Signal, now: float) -> tuple[float, float]:
    """From when on, and how surely, a signal must tell that a word does not hold any more.

    A warning is disproved by all that came after it, and where it is long past by a plain 95%;
    whether there is enough data, and whether rows are lost, is asked of the window.
    """
    if spoken.word == "not_enough_data":
        return now - signal.window, Z_ALARM
    if signal.kind == "losses":
        return now - signal.window, Z_CALM
    remembered = now - PATIENCE * signal.window
    is_old = spoken.at <= remembered and spoken.word in WARNINGS
    return max(spoken.at, remembered), Z if is_old else Z_CALM


def worst(fears: Iterable[Leaning]) -> Leaning:
    """The worst of several leanings; good where there is none."""
    return max(fears, key=FEARED.index, default="good")


FEARED: tuple[Leaning, ...] = ("good", "warn", "unknown", "bad")
"""Leanings, mildest first: what is unknown may be worse than a warning."""
EXCLUDED: Mapping[VerdictWord, frozenset[Leaning]] = {
    "not_enough_data": frozenset(("good", "warn")),
    "watch": frozenset(("good",)),
    "scale_up": frozenset(("good", "warn")),
    "fix_forward": frozenset(("good",)),
    "roll_back": frozenset(("good", "warn")),
}
"""What may still be feared of a word's signals where it is let go."""
