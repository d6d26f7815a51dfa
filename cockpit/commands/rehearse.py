"""`cockpit rehearse`: a whole cutover in the embedded lab, on this machine alone."""

from __future__ import annotations

import difflib
import shlex
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from cockpit.clock import wall_s
from cockpit.commands.run import open_screen
from cockpit.engine.choosing import going_or_begun
from cockpit.engine.layout import RunDirectory, create
from cockpit.engine.single import holder
from cockpit.engine.start import fill, or_nothing, read_state, run_started
from cockpit.errors import UsageError
from cockpit.journal.events import RunStarted
from cockpit.journal.file import JournalReader
from cockpit.journal.fold import decoded
from cockpit.rehearsal.scenarios import SCENARIOS
from cockpit.rehearsal.spec import free_net, prepare
from cockpit.resources import shipped
from cockpit.timewords import lasting
from cockpit.tui.glance import runbook_name

FASTEST = 600.0
HIGHEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked of a rehearsal; None where nothing was said of it."""

    scenario: str | None = None
    speed: float | None = None
    seed: int | None = None

    def words(self) -> str:
        """The options, as they are typed."""
        told = {"--scenario": self.scenario, "--speed": self.speed, "--seed": self.seed}
        return " ".join(
            f"{name} {one:g}" if isinstance(one, float) else f"{name} {one}"
            for name, one in told.items()
            if one is not None
        )

    def is_of(self, scenario: str, speed: float, seed: int) -> bool:
        """Whether a rehearsal is as wanted."""
        pairs = ((self.scenario, scenario), (self.speed, speed), (self.seed, seed))
        return all(mine in (None, its) for mine, its in pairs)


def run(
    directory: Path | None,
    scenario: str | None,
    speed: float | None,
    seed: int | None,
    *,
    new: bool,
) -> int:
    """Start a rehearsal, or come back to the unfinished one, and open the screen."""
    folder = directory or shipped("runbooks") / "freshtrack"
    wanted = Wanted(scenario, speed, seed)
    _must_be_known(wanted)

    def choose() -> tuple[RunDirectory, bool]:
        seeded = 1 if seed is None else seed
        begin = partial(begin_rehearsal, folder, scenario or "calm", speed or 60.0, seeded)
        if new:
            return begin(), True
        chosen, begins = going_or_begun(runbook_name(str(folder)), "rehearsal", begin)
        if not begins:
            must_be_wanted(wanted, chosen, directory)
        return chosen, begins

    return open_screen(choose)


def _must_be_known(wanted: Wanted) -> None:
    if wanted.speed is not None and not 1 <= wanted.speed <= FASTEST:
        where = f"--speed {wanted.speed:g}"
        raise UsageError(f"the speed lies between 1 and {FASTEST:g}", where=where)
    if wanted.seed is not None and abs(wanted.seed) > HIGHEST:
        raise UsageError(f"the seed lies between {-HIGHEST} and {HIGHEST}", where="--seed")
    if wanted.scenario is not None and wanted.scenario not in SCENARIOS:
        close = difflib.get_close_matches(wanted.scenario, SCENARIOS, n=1)
        mend = f"did you mean `{close[0]}`?" if close else f"one of {', '.join(SCENARIOS)}"
        raise UsageError(f"there is no scenario `{wanted.scenario}`", mend=mend)


def must_be_wanted(wanted: Wanted, going: RunDirectory, directory: Path | None) -> None:
    """UsageError where the unfinished rehearsal is another one than what was asked for."""
    told = JournalReader(going.journal, going.about().plan).read()
    first = next(event for event, _ in told if event.type == "run_started")
    start: RunStarted = decoded(first, RunStarted)
    if wanted.is_of(start.scenario, start.speed, start.seed):
        return
    done = sum(one.status == "done" for one in read_state(going).steps.values())
    works = "its engine works" if holder(going) else "its engine does not work just now"
    begun = datetime.fromisoformat(first.utc).timestamp()
    same = f"cockpit rehearse {shlex.quote(str(directory)) if directory else ''}".strip()
    raise UsageError(
        f"a rehearsal is unfinished, and it is another one than `{wanted.words()}`",
        where=(
            f"{going.name}: scenario {start.scenario}, speed {start.speed:g}, seed {start.seed};"
            f" begun {lasting(wall_s() - begun)} ago, {done} steps done, {works}"
        ),
        mend=(
            f"`{same}` goes on with it; there `t` takes the seat, then `q` and `e` end it\n"
            f"    `{same} {wanted.words()} --new` begins the other beside it"
        ),
    )


def begin_rehearsal(folder: Path, scenario: str, speed: float, seed: int) -> RunDirectory:
    """Make the run directory of a rehearsal with its lab's folder; nothing is started."""
    from cockpit.runbook.plan import load_plan  # the screen's own process parses no YAML

    run_directory = create("rehearsal", runbook_name(str(folder)), wall_s())
    with or_nothing(run_directory):
        net = free_net()
        prepare(run_directory.lab, net, seed, scenario, run_directory.journal)
        given = {"lab": net, "lab_folder": str(run_directory.lab)}
        plan = load_plan(folder, "rehearsal", given)
        first = min(phase.offset for phase in plan.runbook.procedure.phases)
        start = run_started(plan, wall_s() - first, speed, seed=seed, scenario=scenario)
        fill(run_directory, plan, given, start)
    return run_directory
