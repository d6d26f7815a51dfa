"""What every part of the engine shares: the run, its ledger, what the world looks like."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from cockpit.answer import Answer
from cockpit.checks.base import CheckContext
from cockpit.durable import replace_file
from cockpit.engine import detach, wayback
from cockpit.engine.advisory import AdvisoryLocks
from cockpit.engine.attempts import Attempts
from cockpit.engine.layout import RunDirectory, RunFile, runs
from cockpit.engine.ledger import Ledger
from cockpit.engine.mend import Examined
from cockpit.engine.world import World
from cockpit.journal.state import RunState
from cockpit.runbook.model import Runbook
from cockpit.secrets import Secrets
from cockpit.telemetry.live import Left, Live, PlanChange, Proposal, Silence, Tile, together


@dataclass
class Core:
    """One run as its engine holds it."""

    directory: RunDirectory
    about: RunFile
    runbook: Runbook
    ledger: Ledger
    attempts: Attempts
    secrets: Secrets
    world: World
    advisory: AdvisoryLocks
    opening: deque[Callable[[], None]] = field(default_factory=deque)
    """What an engine does first, in turn: until the host took all of it, it only watches."""
    proposal: Proposal | None = None
    program: str = ""
    """The label of the program that this engine began with."""
    proposed_by: str = ""
    """The viewer whose dialog shows the proposal."""
    opened_ns: int = 0
    """The boot clock when that dialog was asked for."""
    looked: tuple[str, tuple[Answer, ...]] | None = None
    silence: Silence | None = None
    """The attempt under way, where it has been silent for longer than usual."""
    left: tuple[Left, ...] = ()
    """The processes that live on of steps in doubt or failed, as last looked for …"""
    left_containers: tuple[Left, ...] = ()
    """… and the containers of one-offs, of which the Docker engine tells."""
    troubles: dict[str, str] = field(default_factory=dict)
    """What went wrong in a part of the engine, until it goes well again."""
    stopped: set[tuple[str, int]] = field(default_factory=set)
    """Attempts that were asked to end, whether the journal could take the word of it or not."""
    damage: Examined | None = None
    """What does not hold in the journal: until it is accepted, nothing is recorded."""
    plan_change: PlanChange | None = None
    """The runbook's files, where they are not those of the copy that runs."""
    program_change: str = ""
    """The program on the disk, where it is not the one that works here."""
    again: str = ""
    """Why the engine begins again, as another process image; empty where it goes on."""
    finishing: str = ""
    """Why a rehearsal is about to end, lab and engine; empty where it goes on."""
    viewers: set[str] = field(default_factory=set)
    feeds: Callable[[], tuple[Tile, ...]] = tuple
    """What goes out by itself, each as a service of its own."""
    risk: str = field(default_factory=detach.risk)
    """Why this engine may end with a login."""
    unwritten: tuple[str, ...] = ()
    """Steps whose commands are not in way-back.md, since they could not be made."""
    seen_at: float = 0.0
    """Real seconds: when a viewer last looked on."""

    @property
    def state(self) -> RunState:
        """What the journal says."""
        return self.ledger.state

    @property
    def trouble(self) -> str:
        """What keeps the engine from working; nothing is confirmed while it lasts."""
        return "; ".join(dict.fromkeys(self.troubles.values()))

    def live(self) -> Live:
        """What the engine sees just now."""
        seen = self.world.live(
            proposal=self.proposal,
            looked=self.looked,
            trouble=self.trouble,
            watching=len(self.viewers),
        )
        tiles = (*seen.tiles, *self.feeds())
        damage = self.damage.view if self.damage else None
        head = self.ledger.head
        return replace(
            seen,
            tiles=tiles,
            silence=self.silence,
            left=together(*self.left, *self.left_containers),
            risk=self.risk,
            head=head,
            damage=damage,
            plan_change=self.plan_change,
            program_change=self.program_change,
        )

    def context(self) -> CheckContext:
        """What a check may use."""
        return CheckContext(
            runbook=self.runbook,
            clock=self.ledger.clock,
            secrets=self.secrets,
            state=self.ledger.state,
            live=self.live(),
            run_directory=self.directory.path,
            runs=runs(),
            earlier=self.world.earlier,
            courtesy=self.world.courtesy,
        )

    @property
    def plan_folder(self) -> Path:
        """The frozen copy that runs."""
        return self.directory.plan(self.ledger.state.plan)

    def open(self) -> None:
        """Do what is left of the opening, each part once; OSError where the host takes none."""
        while self.opening:
            self.opening[0]()
            self.opening.popleft()

    def write_way_back(self) -> None:
        """Write down what a rollback would do now, for the day on which the cockpit is gone."""
        missing: list[str] = []
        page = wayback.page(self.runbook, self.ledger.state, self.directory.path, missing)
        replace_file(self.directory.way_back, page.encode())
        self.unwritten = tuple(missing)
