from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cockpit.actions import registry as actions
from cockpit.actions.base import ActionContext
from cockpit.answer import Answer
from cockpit.checks.base import CheckContext
from cockpit.checks.registry import ask
from cockpit.clock import live_clock
from cockpit.errors import ActionFailed, TargetError
from cockpit.journal.events import Json
from cockpit.journal.state import AttemptState, RunState, StepState
from cockpit.runbook.actions import (
    Action,
    CopyAction,
    ExportAction,
    ReadOnlyAction,
    ReconcileAction,
    RestoreAction,
    SqlAction,
)
from cockpit.runbook.checks import (
    Check,
    DatabaseCheck,
    Expect,
    ExportCheck,
    ReconciledCheck,
    SequencesCheck,
    SqlCheck,
    WritesCheck,
)
from cockpit.runbook.model import Phase, Procedure, Profile, Runbook, Step
from cockpit.runbook.words import FileName, Id, Offset, StepId, TargetId
from cockpit.telemetry.live import Live
from tests.engine.fix_postgres import TABLES, Pair

OLD, NEW = TargetId("old_db"), TargetId("new_db")
STEPS: dict[str, Action] = {
    "freeze_new": ReadOnlyAction(kind="read_only", target=NEW, mode="freeze"),
    "copy_all": CopyAction(kind="copy", source=OLD, target=NEW, what="all", tables=TABLES),
    "freeze_old": ReadOnlyAction(kind="read_only", target=OLD, mode="freeze"),
    "copy_rest": CopyAction(kind="copy", source=OLD, target=NEW, what="rest", tables=TABLES),
    "sequences": CopyAction(kind="copy", source=OLD, target=NEW, what="sequences"),
    "open_new": ReadOnlyAction(kind="read_only", target=NEW, mode="open", other=OLD),
    "reconcile": ReconcileAction(kind="reconcile", source=OLD, target=NEW, tables=TABLES),
    "back_freeze": ReadOnlyAction(kind="read_only", target=NEW, mode="freeze"),
    "back_up": ExportAction(kind="export", target=OLD, tables=TABLES),
    "back_sequences": CopyAction(kind="copy", source=NEW, target=OLD, what="sequences"),
    "back_open": ReadOnlyAction(kind="read_only", target=OLD, mode="open", other=NEW),
    "back_export": ExportAction(kind="export", target=NEW, tables=TABLES, against=OLD),
    "back_carry": RestoreAction(
        kind="restore", target=OLD, of=StepId("back_export"), tables=TABLES
    ),
    "put_back": RestoreAction(kind="restore", target=OLD, of=StepId("back_up"), tables=TABLES),
}
CHECKS: dict[str, Check] = {
    "new_refuses": WritesCheck(
        kind="refuses_writes", id=Id("new_refuses"), title="", target=NEW, tables=TABLES
    ),
    "new_accepts": WritesCheck(
        kind="accepts_writes", id=Id("new_accepts"), title="", target=NEW, tables=TABLES
    ),
    "same": ReconciledCheck(
        kind="reconciled", id=Id("same"), title="", source=OLD, target=NEW, tables=TABLES
    ),
    "nothing_lost": ReconciledCheck(
        kind="reconciled",
        id=Id("nothing_lost"),
        title="",
        source=OLD,
        target=NEW,
        tables=TABLES,
        mode="nothing_lost",
    ),
    "carried_back": ReconciledCheck(
        kind="reconciled",
        id=Id("carried_back"),
        title="",
        source=NEW,
        target=OLD,
        tables=TABLES,
        mode="nothing_lost",
    ),
    "ahead": SequencesCheck(
        kind="sequences_ahead", id=Id("ahead"), title="", source=OLD, target=NEW
    ),
    "readable": ExportCheck(
        kind="export_readable", id=Id("readable"), title="", of=StepId("back_export")
    ),
    "answers": DatabaseCheck(kind="database", id=Id("answers"), title="", target=OLD),
}


def _step(name: str, action: Action) -> Step:
    return Step(
        id=Id(name),
        title=name,
        why="",
        success_looks_like="",
        if_it_fails="",
        ask="",
        action=action,
    )


@dataclass
class Night:
    pair: Pair
    folder: Path
    said: list[str] = field(default_factory=list)
    recorded: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    pinned: dict[str, str] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)

    @property
    def runbook(self) -> Runbook:
        steps = tuple(_step(name, action) for name, action in STEPS.items())
        procedure = Procedure(
            cockpit=1,
            name=Id("night"),
            title="",
            targets={},
            checks=(),
            phases=(Phase(id=Id("all"), title="", offset=Offset(0), steps=steps),),
        )
        profile = Profile(
            cockpit=1,
            environment="rehearsal",
            domain="example.test",
            targets={OLD: self.pair.old, NEW: self.pair.new},
        )
        return Runbook(procedure, profile, str(self.folder))

    async def run(self, *steps: str) -> None:
        for name in steps:
            await self.act(name, STEPS[name])

    async def act(self, name: str, action: Action) -> Mapping[str, Json]:
        self.attempts[name] = self.attempts.get(name, 0) + 1
        context = ActionContext(
            runbook=self.runbook,
            step=_step(name, action),
            attempt=self.attempts[name],
            folder=self.folder,
            run_directory=self.folder,
            clock=live_clock(),
            secrets=self.pair.secrets,
            say=self.said.append,
            recorded=json.loads(json.dumps(self.recorded)),
        )
        self.recorded[name] = await actions.run(action, context)
        return self.recorded[name]

    async def ask(self, check: str | Check) -> Answer:
        steps = {
            name: StepState(
                name, "done", (AttemptState(1, "done", "", "", 0, recorded=dict(recorded)),)
            )
            for name, recorded in self.recorded.items()
        }
        context = CheckContext(
            runbook=self.runbook,
            clock=live_clock(),
            secrets=self.pair.secrets,
            state=RunState(steps=steps, pinned=self.pinned),
            live=Live(0, 0),
            run_directory=self.folder,
        )
        return await ask(CHECKS[check] if isinstance(check, str) else check, context)


@pytest.fixture
def night(pair: Pair, tmp_path: Path) -> Night:
    return Night(pair, tmp_path)


async def test_a_whole_cutover_ends_with_one_writable_side_and_nothing_lost(night: Night) -> None:
    await night.run("freeze_new", "copy_all")
    assert (await night.ask("new_refuses")).said == "pass"
    await night.run("freeze_old", "copy_rest", "sequences")
    assert (await night.ask("same")).evidence == "3,105 rows of 4 tables are identical"
    ahead = await night.ask("ahead")
    assert (ahead.said, ahead.evidence[:15]) == ("pass", "alerts.id +1,00")
    await night.run("open_new", "reconcile")
    accepts = await night.ask("new_accepts")
    assert accepts.said == "pass"
    assert accepts.evidence.startswith("8 test writes taken and rolled back: app, jobs at users")
    assert json.loads((night.folder / "differences.json").read_text())["tables"]


async def test_a_side_is_not_opened_while_the_other_takes_writes(night: Night) -> None:
    await night.run("freeze_new")
    with pytest.raises(ActionFailed, match="old_db is not proved to refuse writes"):
        await night.run("open_new")
    assert (await night.ask("new_refuses")).said == "pass"


async def test_what_users_change_on_the_new_side_is_no_loss_and_is_carried_back(
    night: Night,
) -> None:
    pair = night.pair
    await night.run("freeze_new", "copy_all", "freeze_old", "copy_rest", "sequences", "open_new")
    await pair.sql(
        pair.new,
        "update users set name = 'Grüße, \\N \"x\" \\. ' || chr(9) || chr(10) || chr(128512),"
        " password_reset_at = now() where id = 1",
        "insert into sensor_readings (sensor_id, ts, celsius) values (1, now(), null)",
    )
    assert (await night.ask("same")).said == "fail"
    lost = await night.ask("nothing_lost")
    assert (lost.said, lost.evidence) == (
        "pass",
        "of 3,105 rows 0 missing, 1 changed; 1 added since",
    )
    await night.run("back_freeze", "back_sequences", "back_open", "back_export")
    readable = await night.ask("readable")
    assert readable.said == "pass"
    assert readable.evidence == (
        "2 rows read back: users 1, sensors 0, sensor_readings 1, alerts 0"
    )
    assert (night.folder / "exports/back_export/users.csv").stat().st_mode & 0o777 == 0o600
    await night.run("back_carry")
    assert (await night.ask("carried_back")).said == "pass"
    name = "select name from users where id = 1"
    assert await pair.value(pair.old, name) == await pair.value(pair.new, name)
    await night.run("back_carry")
    assert (await night.ask("carried_back")).said == "pass"


async def test_what_users_change_on_the_reopened_old_side_is_not_carried_over(
    night: Night,
) -> None:
    pair = night.pair
    await night.run("freeze_new", "copy_all", "freeze_old", "copy_rest", "sequences", "open_new")
    await pair.sql(pair.new, "update users set name = 'by the new side' where id = 1")
    await night.run("back_freeze", "back_sequences", "back_open")
    await pair.sql(pair.old, "update users set name = 'by the old side' where id = 2")
    await night.run("back_export", "back_carry")
    assert any("1 changed by the other side left out" in line for line in night.said)
    names = await pair.sql(pair.old, "select name from users where id < 3 order by id")
    assert names == [("by the new side",), ("by the old side",)]


async def test_a_row_that_nobody_changed_but_differs_is_a_difference(night: Night) -> None:
    pair = night.pair
    await pair.sql(pair.old, "update users set name = 'right' where id = 1")
    await night.run("copy_all")
    await pair.sql(pair.old, "update users set name = 'was never copied so' where id = 1")
    answer = await night.ask("nothing_lost")
    assert answer.said == "fail"
    assert "1 changed by nobody" in answer.evidence


async def test_a_lost_row_is_red(night: Night) -> None:
    await night.run("copy_all")
    await night.pair.sql(night.pair.new, "delete from sensor_readings where id = 77")
    answer = await night.ask("nothing_lost")
    assert answer.said == "fail"
    assert "1 missing (77)" in answer.evidence


async def test_an_export_and_its_restore_keep_every_type_as_it_was(night: Night) -> None:
    pair = night.pair
    make = (
        "create table odd (id uuid primary key, b bytea, j jsonb, t text[], n numeric,"
        " d date, twice int generated always as (length(n::text)) stored);"
        "alter table odd owner to owner;"
        "grant select, insert on odd to authenticated, service_role"
    )
    await pair.sql(
        pair.old,
        make,
        "insert into odd values ('00000000-0000-0000-0000-000000000001', '\\x000aff5c6e',"
        " '{\"ä\": [1, null, \"\\n\"]}', '{a,NULL,\"b,c\"}', 1.50, 'infinity'),"
        " ('00000000-0000-0000-0000-000000000002', null, null, null, 'NaN', null)",
    )
    tables = ("users", "odd")
    before = await pair.sql(pair.old, "select odd::text from odd order by id")
    await night.act("back_up", ExportAction(kind="export", target=OLD, tables=tables))
    await pair.sql(pair.old, "delete from odd where n = 'NaN'", "update odd set b = null")
    put_back = RestoreAction(kind="restore", target=OLD, of=StepId("back_up"), tables=tables)
    await night.act("put_back", put_back)
    assert await pair.sql(pair.old, "select odd::text from odd order by id") == before


async def _exported(night: Night) -> Path:
    await night.run("back_up")
    return night.folder / "exports" / "back_up"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text[:-1] + b"x\n", "users.copy.gz is not what was exported"),
        (lambda text: text + text.split(b"\n")[0] + b"\n", "holds 41 rows, its manifest says 40"),
    ],
    ids=["a changed byte", "a row more"],
)
async def test_a_tampered_export_is_refused_before_anything_is_written(
    night: Night, change: object, why: str
) -> None:
    folder = await _exported(night)
    assert callable(change)
    path = folder / "users.copy.gz"
    path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()))))
    await night.pair.sql(night.pair.old, "delete from alerts")
    with pytest.raises(TargetError, match=why):
        await night.run("put_back")
    assert await night.pair.value(night.pair.old, "select count(*) from alerts") == 0
    check = ExportCheck(kind="export_readable", id=Id("readable"), title="", of=StepId("back_up"))
    assert (await night.ask(check)).said == "fail"


async def test_a_manifest_that_was_rewritten_with_its_file_is_refused(night: Night) -> None:
    folder = await _exported(night)
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"rows": 5', '"rows": 4'))
    with pytest.raises(TargetError, match="not the one that the export recorded"):
        await night.run("put_back")


async def test_a_cut_file_is_refused(night: Night) -> None:
    folder = await _exported(night)
    path = folder / "sensor_readings.copy.gz"
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(TargetError, match=r"sensor_readings\.copy\.gz does not unpack"):
        await night.run("put_back")


async def test_a_second_attempt_keeps_the_first_export(night: Night) -> None:
    await night.run("back_up", "back_up")
    assert (night.folder / "exports/back_up/manifest.json").exists()
    assert (night.folder / "exports/back_up-2/manifest.json").exists()
    assert night.recorded["back_up"]["folder"] == "exports/back_up-2"


async def test_statements_run_in_one_transaction_and_record_what_was(night: Night) -> None:
    (night.folder / "change.sql").write_text(
        "update users set role = 'admin' where id = 1;\n"
        "select id, role from users where id in (1, 2) order by id;\n"
    )
    action = SqlAction(
        kind="sql",
        target=OLD,
        record="select id, role from users where id = 1",
        statements=("update users set role = 'x' where id = 2",),
        file=FileName("change.sql"),
    )
    recorded = await night.act("change", action)
    assert recorded == {"rows": [{"id": 1, "role": "member"}]}
    assert "  1 | admin" in night.said
    broken = SqlAction(
        kind="sql", target=OLD, statements=("update users set role = 'y'", "select 1/0")
    )
    with pytest.raises(TargetError, match="division by zero"):
        await night.act("broken", broken)
    kept = await night.pair.value(night.pair.old, "select role from users where id = 2")
    assert kept == "x"


def test_confirmations_show_every_statement_and_no_password(night: Night) -> None:
    runbook = night.runbook
    shown = [line for action in STEPS.values() for line in actions.describe(action, runbook)]
    assert all(shown)
    assert not any(word in line for line in shown for word in night.pair.server.passwords.values())
    freeze = actions.describe(STEPS["freeze_old"], runbook)
    assert any("set default_transaction_read_only = on" in line for line in freeze)
    assert any("authenticated, service_role" in line for line in freeze)
    select = SqlAction(kind="sql", target=OLD, statements=("select 1\n  from users",))
    assert actions.describe(select, runbook)[1:] == ("select 1", "  from users")


async def test_a_query_is_held_against_its_expected_value(night: Night) -> None:
    def check(query: str) -> SqlCheck:
        expect = Expect(op=">=", value=40, unit="users")
        return SqlCheck(
            kind="sql", id=Id("users"), title="", target=OLD, query=query, expect=expect
        )

    counted = await night.ask(check("select count(*) from users"))
    assert (counted.said, counted.evidence[:14]) == ("pass", "it is 40 users")
    assert (await night.ask(check("select 39"))).said == "fail"
    assert (await night.ask(check("select 1 where false"))).said == "unknown"
    assert (await night.ask(check("select null"))).said == "unknown"
    refused = await night.ask(check("with gone as (delete from alerts returning 1) select 50"))
    assert refused.said == "unknown"
    assert "read-only transaction" in refused.evidence


async def test_another_database_than_the_pinned_one_fails(night: Night) -> None:
    answer = await night.ask("answers")
    assert answer.said == "pass"
    assert night.pair.old.database in answer.evidence
    night.pinned["old_db"] = "7000000000000000000/other"
    answer = await night.ask("answers")
    assert answer.said == "fail"
    assert "and not 7000000000000000000/other" in answer.evidence


async def test_comparing_nothing_is_unknown(night: Night) -> None:
    check = ReconciledCheck(
        kind="reconciled", id=Id("none"), title="", source=NEW, target=NEW, tables=TABLES
    )
    assert (await night.ask(check)).said == "unknown"
    none = WritesCheck(kind="refuses_writes", id=Id("none"), title="", target=NEW, tables=())
    assert (await night.ask(none)).said == "unknown"
    assert (await night.ask("readable")).said == "unknown"


async def test_sequences_that_are_not_ahead_fail_with_the_figure(night: Night) -> None:
    await night.run("copy_all")
    answer = await night.ask("ahead")
    assert answer.said == "fail"
    assert "users.id -40" in answer.evidence
