from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cockpit import record
from cockpit.journal import events as e
from cockpit.journal.events import Json
from cockpit.report.content import report
from cockpit.report.debrief import debrief
from cockpit.report.document import Code, Items, Paragraph, document
from cockpit.report.html import html
from cockpit.report.markdown import markdown
from cockpit.report.write import write
from cockpit.timewords import moment
from tests.fakes.written_runs import WrittenRun


@pytest.fixture
def run() -> Iterator[WrittenRun]:
    written = WrittenRun()
    yield written
    written.close()


def texts(run: WrittenRun) -> str:
    return markdown(document(report(record.read(run.directory))))


def test_a_report_names_who_confirmed_what_ran_and_what_proved_it(run: WrittenRun) -> None:
    run.done("lower_ttl", output="old TTL 3600\nnew TTL 60\n")
    text = texts(run)
    assert "confirmed by ana" in text
    assert "run lower_ttl" in text
    assert "new TTL 60" in text
    assert "4 tables" in text
    assert "is disk\\_free good?" in text


def test_every_step_stands_with_planned_and_actual_even_untouched_ones(run: WrittenRun) -> None:
    run.done("lower_ttl")
    made = report(record.read(run.directory))
    assert [step.id for step in made.steps] == [step.id for step in run.plan.runbook.steps()]
    done = {step.id: step for step in made.steps}
    assert done["lower_ttl"].done_at == run.now
    assert done["lower_ttl"].planned is not None
    assert done["switch_dns"].done_at is None


def test_deviations_stand_apart_with_who_and_why(run: WrittenRun) -> None:
    run.attempt("migrate_new", code=1)
    run.write(e.StepFinished("migrate_new", 1, "failed", "exit 1"), by="engine")
    run.write(e.AttemptInDoubt("freeze_old", 1, "the host was started again"), by="engine")
    run.write(e.StepSettled("freeze_old", 1, "not_happened", "roles still write"))
    run.write(e.StepSkipped("start_observability", "Loki is down"), by="ben")
    run.write(e.Held("waiting for support"))
    run.write(e.SeatTaken(2, "ben", "laptop", "1:2", "over", "ana is gone"))
    run.write(e.TurnedBack("roll_back", "errors at 14%"))
    found = "\n".join(report(record.read(run.directory)).deviations)
    for words in (
        "migrate_new, attempt 1, failed: exit 1",
        "freeze_old, attempt 1, came into doubt: the host was started again",
        "settled as not having happened by ana: roles still write",
        "start_observability was skipped by ben: Loki is down",
        "held by ana: waiting for support",
        "ben took over the seat: ana is gone",
        "ana chose the rollback: errors at 14%",
    ):
        assert words in found


def test_a_step_that_was_done_late_is_a_deviation(run: WrittenRun) -> None:
    run.write(e.Noted("we begin late"), after_s=72 * 3600)
    run.done("lower_ttl")
    assert any(
        "after its planned time" in one for one in report(record.read(run.directory)).deviations
    )


def test_what_the_lab_did_not_play_is_counted_once_each(run: WrittenRun) -> None:
    run.done("lower_ttl")
    run.done("back_up_old")
    made = report(record.read(run.directory))
    assert made.not_rehearsed == ("check docker_answers: is docker_answers good?",)
    assert "Not rehearsed here: 1" in texts(run)


def test_a_debriefing_says_how_long_a_fault_went_unnoticed(run: WrittenRun) -> None:
    run.write(e.T0Happened(run.now, "ns1 gives the new answer"), by="engine")
    run.write(e.VerdictGiven("stay", "all is well", []), by="engine")
    run.write(e.VerdictGiven("roll_back", "14% fail", ["412 rows to carry"]), after_s=600)
    run.write(e.TurnedBack("roll_back", "errors", ["14% (12-16)"]))
    made = debrief(record.read(run.directory))
    assert "14% of requests" in made.planted
    assert [one.after_s for one in made.noticed] == [420.0]
    assert made.decided == "to roll back: errors"
    assert made.evidence == ("14% (12-16)",)


def test_a_debriefing_says_what_the_night_would_have_cost(run: WrittenRun) -> None:
    run.done("freeze_old")
    run.write(e.Noted("a long copy"), after_s=600.0)
    run.done("open_new")
    run.write(e.TurnedBack("roll_back", "errors", ["Failing requests? 14% (12-16)"]))
    run.write(e.Confirmed("back_carry_users", 1, "d" * 64, 1, [], [], {}))
    carried: dict[str, Json] = {"rows": {"users": 12}}
    run.write(e.AttemptEnded("back_carry_users", 1, 0, "exited", 1.0, recorded=carried))
    made = debrief(record.read(run.directory))
    assert made.evidence == ("Failing requests? 14% (12-16)",)
    assert made.cost[0].startswith("nobody could write for 15 min, from ")
    assert made.cost[1:] == ("carried back: users 12",)


def test_a_debriefing_counts_the_time_without_writes_on_the_way_back_too(run: WrittenRun) -> None:
    run.done("close_new")
    run.done("freeze_old")
    run.done("open_new")
    run.write(e.TurnedBack("roll_back", "errors", []))
    run.write(e.AttemptInDoubt("back_freeze_new", 1, "the host was started again"), by="engine")
    run.write(e.StepSettled("back_freeze_new", 1, "done", "a test write is refused"))
    assert [one.partition(", ")[0] for one in debrief(record.read(run.directory)).cost] == [
        "nobody could write for 5 min",
        f"nobody could write from {moment(run.now)} on",
    ]
    run.write(e.Noted("the old side's sequences are moved"), after_s=600.0)
    run.done("back_open_old")
    assert [one.partition(", ")[0] for one in debrief(record.read(run.directory)).cost] == [
        "nobody could write for 5 min",
        "nobody could write for 15 min",
    ]


def test_a_run_that_has_ended_calls_nothing_later(run: WrittenRun) -> None:
    run.done("lower_ttl")
    assert "later" in texts(run)
    run.write(e.RunEnded("completed"))
    told = {one.status for one in report(record.read(run.directory)).steps}
    assert told == {"done", "not_needed"}


def test_a_calm_rehearsal_has_nothing_to_notice(tmp_path: Path) -> None:
    calm = WrittenRun(scenario="calm")
    calm.write(e.T0Happened(calm.now, "seen"), by="engine")
    made = debrief(record.read(calm.directory))
    calm.close()
    assert made.planted_at is None
    assert made.noticed == ()


def test_a_damaged_journal_still_gives_a_report_that_says_so(run: WrittenRun) -> None:
    run.done("lower_ttl")
    whole = run.directory.journal.read_bytes()
    run.directory.journal.write_bytes(whole.replace(b"run lower_ttl", b"run lower_xxx"))
    made = report(record.read(run.directory))
    assert made.deviations[0].startswith("the journal is damaged: event 1 ")


def test_self_contained_files_are_written_closed_to_others(run: WrittenRun) -> None:
    run.done("lower_ttl", output="<script>alert(1)</script>")
    paths = write(record.read(run.directory), run.output)
    assert [path.name for path in paths] == [
        "report.md",
        "report.html",
        "report.json",
        "record.tar.gz",
    ]
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    page = paths[1].read_text(encoding="utf-8")
    assert "<script>" not in page
    assert not re.search(r"(src|href)=", page)
    told = json.loads(paths[2].read_text(encoding="utf-8"))
    assert told["format"] == 1
    assert told["outcome"] == "not ended"
    assert told["state"]["head"] in page


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)


HOSTILE = "</pre><img src=x onerror=alert(1)>`` ```` | [x](http://y) *b*"


def test_text_from_outside_is_never_markup_in_html() -> None:
    tags = Tags()
    tags.feed(html((Paragraph(HOSTILE), Items((HOSTILE,)), Code((HOSTILE,))), HOSTILE))
    assert tags.seen == {"html", "head", "meta", "title", "style", "body", "p", "ul", "li", "pre"}


def test_text_from_outside_is_never_markup_in_markdown() -> None:
    text = markdown((Paragraph(HOSTILE), Code((HOSTILE,))))
    assert "\\[x\\]" in text
    assert "\\<img" in text
    fence = text.split("\n\n")[1].splitlines()[0]
    assert fence == "`````"
