"""Every key of the screen, once: bindings, hints, help and the palette are made from this table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One key."""

    key: str
    """As Textual names it."""
    shown: str
    action: str
    """The action of the screen, as a binding writes it."""
    label: str
    """A word or two, for the line of hints."""
    group: str
    help: str
    wish: str = ""
    """Its name in `allowed.why_not`, where it asks something of the run."""
    hint: int = 0
    """Its place in the line of hints: lower stays longer; 0 is left out."""

    @property
    def pressed(self) -> str:
        """The action of its binding: a key that stops must have come alone, unlike a command."""
        return "app.stop" if self.wish == "stop" else self.action


KEYS: tuple[Key, ...] = (
    Key("enter", "Enter", "open", "open", "Step",
        "open the confirmation, or what is under the cursor"),
    Key("o", "o", "sheet('output')", "output", "Step",
        "the output of the running or newest attempt", hint=7),
    Key("k", "k", "wish('stop')", "stop", "Step",
        "stop the step that runs, or what one in doubt left running", wish="stop"),
    Key("s", "s", "wish('skip')", "skip", "Step",
        "pass over the chosen step, with a reason", wish="skip", hint=9),
    Key("h", "h", "wish('hold')", "hold", "Run",
        "hold: no step begins; again: release", wish="hold", hint=3),
    Key("n", "n", "wish('note')", "note", "Run",
        "write a note into the record", wish="note", hint=5),
    Key("b", "b", "wish('roll_back')", "way back", "Run",
        "what going back would do now, and choosing it", wish="roll_back", hint=4),
    Key("x", "x", "wish('call_off')", "call off", "Run",
        "call the change off, before T-0", wish="call_off"),
    Key("p", "p", "wish('postpone')", "postpone", "Run",
        "move the planned T-0, with a reason", wish="postpone"),
    Key("t", "t", "wish('take_seat')", "seat", "Run",
        "take the vacant seat, or take it over with a reason", wish="take_seat"),
    Key("y", "y", "wish('second')", "second", "Run",
        "as second person: confirm what the driver has open", wish="second"),
    Key("a", "a", "wish('accept')", "accept", "Run",
        "what changed and waits: a runbook, a program, a damaged journal", wish="accept"),
    Key("j", "j", "wish('jump')", "jump", "Rehearsal",
        "rehearsal: go to the next planned moment", wish="jump", hint=8),
    Key("plus", "+", "wish('faster')", "faster", "Rehearsal",
        "rehearsal: the run clock goes faster", wish="faster"),
    Key("minus", "-", "wish('slower')", "slower", "Rehearsal",
        "rehearsal: the run clock goes slower", wish="slower"),
    Key("1", "1", "panel('timeline')", "timeline", "Look",
        "go to the timeline"),
    Key("2", "2", "panel('health')", "health", "Look",
        "go to the services"),
    Key("3", "3", "panel('resolvers')", "resolvers", "Look",
        "go to the resolvers"),
    Key("4", "4", "panel('decision')", "rollback", "Look",
        "go to the rollback decision"),
    Key("5", "5", "panel('log')", "log", "Look",
        "go to what happened"),
    Key("l", "l", "sheet('log')", "log", "Look",
        "what happened, over the whole screen"),
    Key("z", "z", "full", "full screen", "Look",
        "the panel with the focus, over the whole screen", hint=6),
    Key("slash", "/", "search", "search", "Look",
        "search what happened"),
    Key("question_mark", "?", "help", "keys", "Screen",
        "every key", hint=1),
    Key("colon", ":", "palette", "palette", "Screen",
        "every command by name", hint=10),
    Key("q", "q", "leave", "leave", "Screen",
        "leave the screen: the run goes on", hint=2),
)  # fmt: skip

IN_A_HURRY = tuple(
    key for key in KEYS if key.wish in ("hold", "stop", "note", "roll_back", "take_seat")
)
"""What works on every screen, whatever covers the main one."""

MOVES: tuple[tuple[str, str], ...] = (
    ("Tab, Shift+Tab", "to the next panel, and back"),
    ("Up, Down", "through the steps, or the rows"),
    ("Page Up, Page Down, Home, End", "through a long page"),
    ("Esc", "close what is open, or let the cursor follow the next step"),
    (", ".join(key.shown for key in IN_A_HURRY), "on every page that covers the main screen, too"),
    ("Ctrl-L", "draw the whole screen anew, where something else wrote over it"),
)
SORTING: tuple[tuple[str, str], ...] = (
    ("s", "the next order: worst, name, country, longest left, slowest, most users"),
    ("f", "the next kind: all, not following, failing, holding on, left out, ours"),
    ("r", "the next columns: the names that move, then the records beside them"),
    ("/", "only rows with these words: name, country, address, site, answer"),
)
"""The resolvers over the whole screen."""
CONFIRMING: tuple[tuple[str, str], ...] = (
    ("c", "confirm what is shown: alone, once it could be read for a second"),
    ("g", "ask all gates again"),
    ("Esc", "leave: nothing changes"),
)
ON_A_SERVICE: tuple[tuple[str, str], ...] = (
    ("l", "the log of its container, as it comes"),
    ("/", "search that log"),
)


def wish_named(name: str) -> Key:
    """The key of a wish."""
    return next(key for key in KEYS if key.wish == name)
