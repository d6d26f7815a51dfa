"""One run that is killed again and again: `python -m tests.fakes.crash_rounds FOLDER SEED ROUNDS`.

A round is one attempt at a step, confirmed by a program or at a real screen in a pseudo-terminal,
with one kill of a viewer, an engine or a runner, or several. After each everything is looked at.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cockpit.clock import boot_id
from cockpit.engine.attempt_files import AttemptFolder, Identity
from cockpit.engine.client import View
from cockpit.engine.processes import descendants, send_signal
from cockpit.engine.recovery import classify
from tests.fakes.crash_runs import KINDS, Run, eventually, new_run, plain
from tests.fakes.terminals import Terminal, read_whole, terminal

CLEAN, DONE, DOUBT = "open", "done", "in_doubt"
STATUS = {"clean": CLEAN, "not_begun": CLEAN, "done": DONE, "in_doubt": DOUBT}
MOMENTS = ("pressed", "runner", "ordered", "claimed", "acting", "acted", "ended", "done")
VICTIMS = (("engine",), ("runner",), ("engine", "runner"), ("runner", "engine"))
AT_SCREEN = 0.12
"""The share of rounds that are confirmed at a screen, which is killed as well."""
PATIENCE_S = 120.0
"""Real seconds for anything on a machine that does much else."""


@dataclass(frozen=True)
class Mark:
    """How things stood before a step was confirmed."""

    step: str
    seq: int
    effects: int


@dataclass
class Rounds:
    """One run, its dice, and what happened to it."""

    run: Run
    dice: random.Random
    counts: Counter[str] = field(default_factory=Counter)

    def play(self, rounds: int) -> None:
        """So many attempts, each with its kills; every step ends done, its effect had once."""
        step = 0
        for _ in range(rounds):
            name = f"plain{step}"
            number = len(self.run.told("confirmed", name)) + 1
            if self.dice.random() < AT_SCREEN:
                self.at_screen(name, number)
            else:
                self.take_seat()
                mark = self.mark(name)
                self.run.confirm(name)
                self.kill(mark, number, self.dice.choice(VICTIMS))
            self.look(name, number)
            self.counts["rounds"] += 1
            step += self.settled(name)

    # -- confirming -----------------------------------------------------------------------------

    def take_seat(self) -> None:
        """Be the driver, after whoever was."""
        run = self.run
        if not run.operator.view().is_driver:
            self.until("a vacant seat", _is_vacant)
            run.operator.take_seat()

    def at_screen(self, step: str, number: int) -> None:
        """Confirm by the key of a real screen, and kill that too."""
        run = self.run
        if run.operator.view().is_driver:
            run.send("leave")
            self.until("a vacant seat", _is_vacant)
        with self._screen() as shown:
            shown.says("t takes it", PATIENCE_S)
            shown.press("t")
            shown.says("(you)", PATIENCE_S)
            shown.press("\r")
            shown.says("Confirm step", PATIENCE_S)
            read_whole(shown, PATIENCE_S)
            time.sleep(0.8)  # a person's calm before the key that counts
            mark = self.mark(step)
            shown.press("c")
            victims = self.dice.choice((("viewer",), *(("viewer", *more) for more in VICTIMS)))
            self.kill(mark, number, victims, shown)
            self.counts["screens"] += 1

    @contextmanager
    def _screen(self) -> Iterator[Terminal]:
        command = [sys.executable, "-m", "cockpit", "attach", str(self.run.directory.path)]
        with terminal(command, {**os.environ, "LANG": "C.UTF-8"}, (80, 24)) as shown:
            yield shown

    # -- killing --------------------------------------------------------------------------------

    def kill(
        self, mark: Mark, number: int, victims: tuple[str, ...], shown: Terminal | None = None
    ) -> None:
        """Kill, at a moment of the attempt or a little later; start the engine again."""
        moment, step = self.dice.choice(MOMENTS), mark.step
        self.wait_for(moment, mark, number, shown)
        time.sleep(self.dice.random() * self.dice.choice((0.0, 0.02, 0.3)))
        for victim in victims:
            self.kill_one(victim, step, number, shown)
            time.sleep(self.dice.choice((0.0, 0.0, 0.05)))
        if shown is not None:
            shown.process.kill()
            shown.process.wait()
        if "engine" in victims:
            while self.dice.random() < 0.2:
                self.kill_in_its_start()
            self.run.start()

    def kill_one(self, victim: str, step: str, number: int, shown: Terminal | None) -> None:
        """SIGKILL, where it is there at all."""
        if victim == "viewer" and shown is not None:
            shown.process.kill()
        elif victim == "engine":
            self.run.kill_engine()
        elif victim == "runner":
            for one in self.runners(step, number):
                killed = send_signal(one.pid, one.start_time, one.boot_id, signal.SIGKILL)
                self.counts["runner"] += killed
            return
        self.counts[victim] += 1

    def runners(self, step: str, number: int) -> list[Identity]:
        """The attempt's runner: as it said itself, or as its engine's child."""
        identity = self.folder(step, number).identity()
        if identity is not None and not identity.void:
            return [identity]
        engine = self.run.engine
        if engine is None or engine.poll() is not None:
            return []
        found = [one for one in descendants(engine.pid) if _is_runner(one.pid)]
        return [Identity(one.pid, one.started, boot_id()) for one in found]

    def kill_in_its_start(self) -> None:
        """An engine that does not even come up."""
        self.run.launch()
        time.sleep(self.dice.random() * 0.6)
        self.run.kill_engine()
        self.counts["engine"] += 1

    def mark(self, step: str) -> Mark:
        """How things stand before a step is confirmed: the engine may answer at once."""
        return Mark(step, self.run.operator.view().state.seq, self.run.effects(step))

    def wait_for(self, moment: str, mark: Mark, number: int, shown: Terminal | None) -> None:
        """Return at a moment of the attempt, or when it is past."""
        step = mark.step
        folder = self.folder(step, number)
        holds: dict[str, Callable[[], bool]] = {
            "pressed": lambda: True,
            "ordered": (folder.path / "order.json").exists,
            "runner": lambda: bool(self.runners(step, number)),
            "claimed": (folder.path / "identity.json").exists,
            "acting": lambda: folder.output.exists() and folder.output.stat().st_size > 0,
            "acted": lambda: self.run.effects(step) > mark.effects,
            "ended": (folder.path / "exit.json").exists,
            "done": lambda: self.run.status(step) == DONE,
        }
        deadline = time.monotonic() + PATIENCE_S
        while not holds[moment]():
            assert time.monotonic() < deadline, f"{step}, attempt {number}: never {moment}"
            if shown is not None:
                shown.read(0.0)
            if self.is_refused_since(mark):
                return  # the key came too late, and that is said
            time.sleep(0.004)

    def is_refused_since(self, mark: Mark) -> bool:
        """Whether the confirmation was not followed; what came after it may be the newest."""
        log = self.run.operator.view().state.log
        since = (one.text for one in log if one.seq > mark.seq)
        return any("confirm by " in text and "was not followed" in text for text in since)

    def folder(self, step: str, number: int) -> AttemptFolder:
        return self.run.attempt(step, number)

    # -- looking --------------------------------------------------------------------------------

    def until(self, what: str, holds: Callable[[View], bool]) -> None:
        self.run.operator.wait(what, holds, PATIENCE_S)

    def look(self, step: str, number: int) -> None:
        """Where it comes to rest, its class is the one that the disk shows, and its effects fit."""
        run = self.run
        eventually(lambda: self.rests(step), f"the rest of {step}", PATIENCE_S)
        eventually(lambda: not run.left_behind(step, number), "the end of the rest", PATIENCE_S)
        status, effects = run.status(step), run.effects(step)
        confirmed, void = run.told("confirmed", step), run.told("confirmation_void", step)
        assert [one["attempt"] for one in confirmed] == list(range(1, len(confirmed) + 1))
        if len(confirmed) >= number:
            folder = self.folder(step, number)
            found = classify(
                confirmed=True,
                identity=folder.identity(),
                alive=False,
                ended=folder.exit(),
                verified=True,
            )
            assert STATUS[found] == status, (found, status)
        assert run.fresh_status(step) == status
        assert effects <= len(confirmed) - len(void)
        assert effects <= 1, "the operator was told to run it again after its effect"
        assert effects == {CLEAN: 0, DONE: 1}.get(status, effects)
        self.counts[status] += 1

    def rests(self, step: str) -> bool:
        """Whether nothing happens by itself any more: an intent's file is there until then."""
        waiting = list(self.run.directory.intents.glob("*.json"))
        return not waiting and self.run.status(step) in (CLEAN, DONE, DOUBT)

    def settled(self, step: str) -> bool:
        """What the operator does next about it; whether the step is done."""
        run = self.run
        if run.status(step) != DOUBT:
            return run.status(step) == DONE
        self.take_seat()
        if run.effects(step):
            run.settle_done(step, "its mark is there")
            run.wait_status(step, DONE, seconds=PATIENCE_S)
            return True
        run.send("settle_not_happened", step=step, text="no mark")
        run.wait_status(step, CLEAN, seconds=PATIENCE_S)
        return False


def _is_vacant(view: View) -> bool:
    return view.state.seat is not None and view.state.seat.vacant


def _is_runner(pid: int) -> bool:
    with suppress(OSError):
        return b"cockpit.engine.runner" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def main(folder: Path, seed: str, rounds: int) -> None:
    """Play one run, and say what was killed and what came of it."""
    run = new_run(folder, kinds=(*plain(rounds), KINDS[0]))
    played = Rounds(run, random.Random(seed))
    try:
        run.start()
        played.play(rounds)
    finally:
        run.end()
    sys.stdout.write(json.dumps(played.counts))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
