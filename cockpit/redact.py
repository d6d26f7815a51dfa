"""What may leave: every text passes here before a journal, a log, a screen or a notice has it."""

from __future__ import annotations

import codecs
import json
import re
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, AnyStr, NamedTuple

from cockpit.secret_addresses import in_addresses, pieces
from cockpit.secret_escapes import BEFORE_BLANK, placed, undone
from cockpit.secret_forms import dense, forms, rare_forms, undone_forms
from cockpit.secret_parts import Cuttable, around

if TYPE_CHECKING:
    from cockpit.journal.events import Json

# A lone escape takes nothing along: the character behind it may be a secret's first.
_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]+[0-~]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
    # Invisible: what reorders a line, ends it, or hides in it. A reader would see another text.
    r"|[\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f]"
)
_PREFIX = re.compile(r"\n(?:[^\n|]{0,64}\|[ \t]?|[ \t]*[>#*:]+[ \t])")
"""What programs put before each line of what they quote: `name | `, `> `, `# `."""
_BEFORE_BLANK_TO_COME = re.compile(r"(?<!\\)\\+(?=[ \t]|\Z)")


def printable(text: str) -> str:
    """Text without escape sequences, control and invisible characters; line feeds, tabs stay."""
    return _CONTROL.sub("", text)


def one_line(text: str) -> str:
    """The same on one line: no text from outside may add a line of its own; an indent stays."""
    shown = printable(text)
    indent = len(shown) - len(shown.lstrip(" "))
    return " " * indent + " ".join(re.split(r"[\t\n]+", shown[indent:]))


def inert(encoded: str) -> str:
    """The same JSON, in which no character does anything to a terminal that shows it."""
    return _CONTROL.sub(lambda found: "".join(map(_named, found.group())), encoded)


def _named(character: str) -> str:
    return f"\\u{ord(character):04x}" if character < "\x80" else json.dumps(character)[1:-1]


class _Reading(NamedTuple):
    """A text as one may read it: whole, or without what stands before its lines or blanks."""

    text: str
    starts: tuple[int, ...] = (0,)
    """Where each piece begins, in this reading …"""
    origins: tuple[int, ...] = (0,)
    """… and where it began in the whole text."""

    def at(self, place: int) -> int:
        """Where a character of this reading stands in the whole text."""
        piece = bisect_right(self.starts, place) - 1
        return self.origins[piece] + place - self.starts[piece]


Span = tuple[int, int, str]
"""Where a secret begins and ends in a text, and the word that is shown in its place."""
RARE_HELD = 4
"""Characters of a form that is seldom written, from which output waits for what follows."""


class Known(NamedTuple):
    """The secrets that are known at one moment."""

    forms: dict[str, str]
    """Each form of a secret, and the word that is shown in its place."""
    rare: frozenset[str]
    """Those that programs seldom write."""
    patterns: dict[str, re.Pattern[str]]
    """Compiled where they are needed: most forms of a secret are never met."""
    undone: dict[bytes, str]
    """Each secret as it stands where escapes are undone, and the word for it."""
    cuttable: Cuttable
    """Those of which a program may show a part."""
    pieces: dict[bytes, str]
    """What an address may make of each, and the word for it."""
    has_blanks: bool = False
    """Whether one has a blank in it, before which a shell puts a backslash."""

    def hide(self, text: str) -> str:
        """Text without any of them."""
        return _replaced(text, self.spans(text)) if self.forms else text

    def take(self, text: str) -> tuple[str, str]:
        """What may leave of a text whose rest is still to come, without any, and what waits."""
        wholes, parts = list(self._wholes(text)), list(self.parts(text))
        end = self._end(text, wholes, parts)
        leaves = [span for span in (*wholes, *parts) if span[1] <= end]
        return _replaced(text[:end], leaves), text[end:]

    def settled(self, text: str) -> int:
        """How much of a text, whose rest is still to come, can hold no part of one."""
        return self._end(text, list(self._wholes(text)), list(self.parts(text)))

    def _end(self, text: str, wholes: Sequence[Span], parts: Sequence[Span]) -> int:
        end = min(map(self._begun, self.readings(text, goes_on=True)))
        # A whole secret that reaches into what is held must not be cut, nor a part from the line
        # that makes it known as one.
        kept = [(start, stop) for start, stop, _ in wholes]
        kept += [around(text, start, stop) for start, stop, _ in parts]
        while cut := [start for start, stop in kept if start < end < stop]:
            end = min(cut)
        return end

    def spans(self, text: str) -> Iterator[Span]:
        """Where each of them, and each part, begins and ends, and the word for it."""
        yield from self._wholes(text)
        yield from self.parts(text)

    def parts(self, text: str) -> Iterator[Span]:
        """Where parts of them begin and end, and the word for it."""
        if self.forms:
            tight = dense(text)
            yield from self.cuttable.spans(text, tight)
            yield from in_addresses(text, tight, self.pieces)

    def _wholes(self, text: str) -> Iterator[Span]:
        for reading in self.readings(text):
            tight = dense(reading.text)
            for form, word in self.forms.items():
                if form in tight:
                    for found in self._pattern(form).finditer(reading.text):
                        yield reading.at(found.start()), reading.at(found.end() - 1) + 1, word
            for start, stop, word in self._escaped(reading.text, tight):
                yield reading.at(start), reading.at(stop - 1) + 1, word

    def readings(self, text: str, *, goes_on: bool = False) -> Iterator[_Reading]:
        """A text in each way in which one may read it; `goes_on` where its rest is to come."""
        yield _Reading(text)
        # The line feed stays: it only serves to find what stands behind it.
        prefixes = [(found.start() + 1, found.end()) for found in _PREFIX.finditer(text)]
        mark = _BEFORE_BLANK_TO_COME if goes_on else BEFORE_BLANK
        escapes = [found.span() for found in mark.finditer(text)] if self.has_blanks else []
        if prefixes:
            yield _without(prefixes, text)
        if escapes:
            yield _without(escapes, text)
        if prefixes and escapes:
            yield _without(sorted(prefixes + escapes), text)

    def is_escaped_in(self, tight: str) -> bool:
        """Whether one stands in a text without white space once its escapes are undone."""
        return any(form in one.data for one in undone(tight) for form in self.undone)

    def _escaped(self, text: str, tight: str) -> Iterator[Span]:
        for one in undone(tight):
            met = {form: word for form, word in self.undone.items() if form in one.data}
            view = placed(text, one.kinds) if met else None
            for form, word in met.items():
                at = one.data.find(form)
                while view and at >= 0:
                    yield *view.span(at, at + len(form)), word
                    at = one.data.find(form, at + 1)

    def _begun(self, reading: _Reading) -> int:
        tight = dense(reading.text)
        held = max((self._overlap(tight, form) for form in self.forms), default=0)
        return min(
            reading.at(_before_last(reading.text, held)),
            reading.at(self._begun_escaped(reading.text, tight)),
        )

    def _begun_escaped(self, text: str, tight: str) -> int:
        """Where the end of a text begins that may be one with escapes, whose rest is to come."""
        begins = len(text)
        for one in undone(tight, goes_on=True):
            if held := self._overlap_undone(one.data):
                view = placed(text, one.kinds, goes_on=True)
                begins = min(begins, view.places[len(view.data) - held][0])
        return begins

    def _overlap_undone(self, data: bytes) -> int:
        found = max((_overlap(data, form) for form in self.undone), default=0)
        return found if found >= RARE_HELD else 0

    def _overlap(self, tight: str, form: str) -> int:
        found = _overlap(tight, form)
        # Some rare form begins with almost any letter: no line's end waits for the next for that.
        return 0 if form in self.rare and found < RARE_HELD else found

    def _pattern(self, form: str) -> re.Pattern[str]:
        if form not in self.patterns:
            self.patterns[form] = re.compile(r"\s*".join(map(re.escape, form)))
        return self.patterns[form]


class Redactor:
    """Replaces every secret it has learned, in the forms in which a secret may appear.

    White space within a secret does not hide it, nor what is put before each line: tools break
    base64 and keys into lines, and quote them. Before each look it asks whoever taught it whether
    a secret is another one by now; former values stay known.
    """

    def __init__(self) -> None:
        self._known = Known({}, frozenset(), {}, {}, Cuttable(), {})
        self._teachers: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def learn(self, name: str, value: str) -> None:
        """Know a secret from now on, in each of its forms."""
        common = forms(value) | forms(printable(value))
        rare = rare_forms(value) - common
        plain = undone_forms(value) | undone_forms(printable(value))
        word = f"[{name} hidden]"
        with self._lock:
            known = self._known
            # Another table: a thread that looks through the former one is not disturbed.
            self._known = Known(
                known.forms | dict.fromkeys(common | rare, word),
                known.rare | rare,
                known.patterns,
                known.undone | dict.fromkeys(plain, word),
                known.cuttable.and_of(printable(value), word),
                known.pieces | dict.fromkeys(pieces(printable(value)), word),
                known.has_blanks or " " in value or "\t" in value,
            )

    def forget(self) -> None:
        """Know none any more: another command begins."""
        self._known, self._teachers = Known({}, frozenset(), {}, {}, Cuttable(), {}), []

    def ask_first(self, teacher: Callable[[], None]) -> None:
        """Call this before each look: it teaches what is new."""
        if teacher not in self._teachers:
            self._teachers.append(teacher)

    def known(self) -> Known:
        """The secrets as they are now."""
        for teacher in self._teachers:
            teacher()
        return self._known

    def hide(self, text: str) -> str:
        """Text without any known secret."""
        return self.known().hide(text)

    def hide_each(self, texts: Sequence[str]) -> tuple[str, ...]:
        """Texts without any known secret; looks once, at all of them, where they hold none."""
        known, whole = self.known(), "\n".join(texts)
        return tuple(texts) if known.hide(whole) == whole else tuple(map(known.hide, texts))

    def hide_in(self, value: Json, *, numbers: bool = True) -> Json:
        """A value of JSON without any known secret; asks once, for all of its texts."""
        return hide_in(value, self.known().hide, numbers=numbers)

    def is_in(self, value: Json) -> bool:
        """Whether a value of JSON may hold a known secret; looks once, at all of its texts."""
        known, whole = self.known(), "\n".join(_texts(value))
        seen = [dense(one.text) for one in known.readings(whole)]
        return any(
            known.is_escaped_in(one) or any(form in one for form in known.forms) for one in seen
        ) or any(known.parts(whole))

    def first_in(self, text: str) -> str:
        """The name of a known secret that a text holds; empty where it holds none."""
        found = next(self.known().spans(text), None)
        return found[2].removeprefix("[").removesuffix(" hidden]") if found else ""

    def clean(self, text: str) -> str:
        """Text without escape sequences, and then without secrets: one may part the other."""
        return self.hide(printable(text))

    def settled(self, text: str) -> int:
        """How much of a text, whose rest is still to come, can hold no part of a secret."""
        return self.known().settled(text)


SHOWN = Redactor()
"""The secrets that a command itself reads: nothing that it prints or keeps of a crash shows one."""


class Stream:
    """Cleans output that arrives in pieces of any size; gives whole lines, without secrets."""

    def __init__(self, redactor: Redactor, longest: int = 64 * 1024) -> None:
        self._redactor = redactor
        self._longest = longest
        """Characters after which a line without an end is given all the same."""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._line = ""
        self._held = ""

    def feed(self, piece: bytes) -> str:
        """What may leave of the output so far."""
        self._line += self._decode(piece)
        cut = self._line.rfind("\n") + 1
        if not cut and len(self._line) > self._longest:
            cut = len(self._line)
        text = self._held + printable(self._line[:cut])
        self._line = self._line[cut:]
        shown, self._held = self._redactor.known().take(text)
        return shown

    def end(self) -> str:
        """The rest, when nothing more comes."""
        text = self._held + printable(self._line + self._decode(b"", final=True))
        self._line = self._held = ""
        return self._redactor.hide(text)


def hide_in(value: Json, hide: Callable[[str], str], *, numbers: bool = True) -> Json:
    """A value of JSON in which every text, and a number that is a secret itself, is hidden."""
    match value:
        case str():
            return hide(value)
        case list() | tuple():
            return [hide_in(one, hide, numbers=numbers) for one in value]
        case dict():
            return {hide(key): hide_in(one, hide, numbers=numbers) for key, one in value.items()}
        case int() | float() if numbers and not isinstance(value, bool):
            shown = hide(text := str(value))
            return value if shown == text else shown
    return value


def _texts(value: Json) -> list[str]:
    """Every text and number of a value: looked through for each event, so that it is gathered."""
    found: list[str] = []
    _gather(value, found)
    return found


def _gather(value: Json, found: list[str]) -> None:
    match value:
        case str():
            found.append(value)
        case dict():
            found.extend(value)
            for one in value.values():
                _gather(one, found)
        case list() | tuple():
            for one in value:
                _gather(one, found)
        case int() | float():
            found.append(str(value))


def _replaced(text: str, spans: Iterable[Span]) -> str:
    shown, at = [], 0
    for start, stop, word in sorted(spans, key=lambda one: (one[0], -one[1])):
        if start >= at:
            shown += [text[at:start], word]
        # A secret that begins within another one is hidden together with it.
        at = max(at, stop)
    return "".join((*shown, text[at:]))


def _without(cuts: Sequence[tuple[int, int]], text: str) -> _Reading:
    pieces: list[str] = []
    starts: list[int] = []
    origins: list[int] = []
    at = length = 0
    for start, stop in (*cuts, (len(text), len(text))):
        if start < at:
            continue  # an escape in what stands before a line
        pieces.append(text[at:start])
        starts.append(length)
        origins.append(at)
        length, at = length + start - at, stop
    return _Reading("".join(pieces), tuple(starts), tuple(origins))


def _overlap(text: AnyStr, form: AnyStr) -> int:
    """The length of the longest end of a text that a form, longer than it, begins with."""
    tail = text[-(len(form) - 1) :]
    at = tail.find(form[:1])
    while at >= 0:
        if form.startswith(tail[at:]):
            return len(tail) - at
        at = tail.find(form[:1], at + 1)
    return 0


def _before_last(text: str, count: int) -> int:
    """Where the last `count` characters that are no white space begin."""
    at = len(text)
    while count:
        at -= 1
        count -= not text[at].isspace()
    return at
