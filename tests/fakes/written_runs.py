"""Run directories written by hand: a frozen plan, and a journal of chosen events."""

from __future__ import annotations

from pathlib import Path

import msgspec

from cockpit.answer import Answer
from cockpit.engine.layout import RunDirectory, RunFile, create
from cockpit.journal import events as e
from cockpit.journal.file import JournalFile
from cockpit.resources import shipped
from cockpit.runbook.plan import Plan, freeze, load_plan

NIGHT = 1_790_000_000.0
GIVEN = {"lab": "127.91.7", "lab_folder": "/nowhere"}


class WrittenRun:
    """A run whose events a test chooses; the clock goes on by a minute an event."""

    def __init__(self, environment: str = "rehearsal", scenario: str = "errors") -> None:
        given = GIVEN if environment == "rehearsal" else {}
        self.plan: Plan = load_plan(shipped("runbooks") / "freshtrack", environment, given)
        self.directory: RunDirectory = create(environment, "freshtrack", NIGHT)
        freeze(self.plan, self.directory.plan(self.plan.plan_digest))
        about = RunFile(1, "freshtrack", environment, self.plan.plan_digest, given, "0.1.0")
        (self.directory.path / "run.json").write_bytes(msgspec.json.encode(about))
        self.now = NIGHT
        self._file = JournalFile(self.directory.journal, self.plan.plan_digest)
        self.write(
            e.RunStarted(
                runbook="freshtrack",
                title=self.plan.runbook.procedure.title,
                environment=self.plan.runbook.environment,
                domain=self.plan.runbook.profile.domain,
                host="droplet",
                plan=self.plan.plan_digest,
                procedure=self.plan.procedure_digest,
                t0_planned=NIGHT + 48 * 3600,
                program="0.1.0",
                scenario=scenario,
            )
        )

    def write(self, data: object, by: str = "ana", after_s: float = 60.0) -> None:
        """Append one event."""
        self.now += after_s
        self._file.append(by, self.now, data)

    def close(self) -> None:
        """Let go of the journal."""
        self._file.close()

    def answer(self, check: str, said: str = "pass", evidence: str = "seen") -> Answer:
        """An answer of this moment."""
        return msgspec.convert(
            {
                "check": check,
                "title": f"is {check} good?",
                "said": said,
                "evidence": evidence,
                "at": self.now,
            },
            type=Answer,
        )

    def attempt(self, step: str, number: int = 1, *, code: int = 0, output: str = "") -> None:
        """One attempt from its confirmation to its end."""
        gates = [self.answer("disk_free"), self.answer("docker_answers", "not_rehearsed")]
        self.write(e.Confirmed(step, number, "d" * 64, 1, [f"run {step}"], gates, {}))
        self.write(e.AttemptStarted(step, number, 4242, 1, "boot"), by="engine")
        folder = self.directory.attempt(step, number)
        folder.mkdir(parents=True)
        (folder / "output").write_text(output, encoding="utf-8")
        self.write(e.AttemptEnded(step, number, code, "exited", 3.25), by="engine")

    def done(self, step: str, number: int = 1, output: str = "") -> None:
        """One attempt that ends well and is verified."""
        self.attempt(step, number, output=output)
        self.write(e.Verified(step, number, [self.answer("same_rows", evidence="4 tables")]))
        self.write(e.StepFinished(step, number, "done"), by="engine")

    @property
    def output(self) -> Path:
        """Where the newest run's report lies."""
        return self.directory.path / "report"
