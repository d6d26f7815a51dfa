from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.fakes.crash_runs import Kind, some_net, write_runbook
from tests.fakes.terminals import Terminal, read_whole
from tests.lab.fix_users import People, Person, people

__all__ = ["people"]


def runbook_of(person: Person, net: str) -> Path:
    """A runbook of this person; the same net is the same service that it acts on."""
    folder = person.home / "move"
    folder.mkdir()
    book = write_runbook(folder, net, (Kind("quick", undone=True),))
    person.owns(folder)
    return book


def planned() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")


def confirm(shown: Terminal, step: str) -> None:
    shown.says("(you)")
    shown.until("the next step", lambda text: re.search(rf"NEXT .*{step}", text))
    shown.press("\r")
    shown.says("Confirm step")
    read_whole(shown)
    shown.watch(0.8)
    shown.press("c")


def test_two_users_whose_runs_share_a_target_never_both_act_on_it(people: People) -> None:
    net = some_net()
    one, two = people.ana, people.eve
    with (
        one.at("run", runbook_of(one, net), "--env", "staging", "--t0", planned()) as first,
        two.at("run", runbook_of(two, net), "--env", "staging", "--t0", planned()) as second,
    ):
        confirm(first, "quick")
        first.says("done")
        confirm(second, "quick")
        second.says("another run of this runbook acts on its targets: ")
        second.says(f" of {one.name}, ")
