"""Errors for people: what happened, where, and what to do next.

CockpitError
├── UsageError          a command was called wrongly
├── Untold              what was asked could not be told
├── RunbookError        a runbook that does not load; carries every problem
├── Refused             the cockpit declines to act, and says why
├── TargetError         something outside did not answer as it should
│   └── ActionFailed    a step's action ended without success
│       └── ActionKilled  its program was ended by a signal: nobody knows how far it came
├── JournalDamaged      the journal's chain does not hold
├── Unreadable          a file of the run cannot be understood any more
└── NotInstalled        a component of the host is missing
"""


class CockpitError(Exception):
    """An error that an operator may read."""

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        super().__init__(what)
        self.what = what
        """What happened, one sentence."""
        self.where = where
        """A file and line, a target, a path; empty where it is plain."""
        self.mend = mend
        """What to do next; empty where nothing can be done."""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        mend = f" ({self.mend})" if self.mend else ""
        return f"{place}{self.what}{mend}"


class UsageError(CockpitError):
    """A command was called wrongly."""


class Untold(CockpitError):
    """What was asked could not be told: it is neither good nor bad."""


class RunbookError(CockpitError):
    """A runbook that does not load."""


class Refused(CockpitError):
    """The cockpit declines to act."""


class TargetError(CockpitError):
    """Something outside did not answer as it should."""


class ActionFailed(TargetError):
    """A step's action ended without success."""


class ActionKilled(ActionFailed):
    """A step's program was ended by a signal."""


class JournalDamaged(CockpitError):
    """The journal's chain does not hold."""


class Unreadable(CockpitError):
    """A file of the run cannot be understood any more."""


class NotInstalled(CockpitError):
    """A component of the host is missing."""
