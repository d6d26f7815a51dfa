from __future__ import annotations

import re
import time
from pathlib import Path

from cockpit.engine.client import Client
from cockpit.engine.layout import RunDirectory
from cockpit.engine.single import holder
from tests.fakes.crash_runs import Kind, eventually, some_net, write_runbook
from tests.fakes.terminals import Terminal
from tests.lab.fix_users import GROUP, People, Person, people
from tests.lab.test_users_locks import confirm, planned

__all__ = ["people"]

KINDS = (
    Kind("paired", more="second_person: true"),
    Kind("quick", undone=True),
)
KEY = re.compile(r"\bc confirms")


def book_of(person: Person) -> Path:
    folder = person.home / "move"
    folder.mkdir()
    book = write_runbook(folder, some_net(), KINDS)
    person.owns(folder)
    return book


def the_run(person: Person) -> RunDirectory:
    (found,) = person.home.glob("cockpit/runs/*/*/run.json")
    return RunDirectory(found.parent)


def say(shown: Terminal, key: str, *lines: str) -> None:
    """Press a key, and type what its dialog asks for."""
    shown.press(key)
    shown.says("Esc leaves")
    for line in lines:
        time.sleep(0.3)
        shown.press(f"{line}\r")


def press_the_key(shown: Terminal) -> None:
    shown.until("the key", KEY.search, 40.0)
    shown.watch(0.8)
    shown.press("c")


def told(run: RunDirectory, kind: str) -> list[str]:
    """Who told the events of one kind."""
    lines = run.journal.read_text().splitlines()
    return re.findall(rf'"type":"{kind}".*?"by":"(.*?)"', "\n".join(lines))


def test_a_second_login_of_the_group_looks_on_notes_holds_seconds_and_takes_over(
    people: People,
) -> None:
    ana, bob = people.ana, people.bob
    shares = ("--env", "staging", "--t0", planned(), "--share", GROUP)
    with ana.at("run", book_of(ana), *shares) as driver:
        driver.says("(you)")
        run = the_run(ana)
        with bob.at("attach", run.path) as observer:
            observer.says(f"driver {ana.name}")
            say(observer, "n", "I look on")
            driver.says(f"noted by {bob.name}: I look on")
            observer.press("h")
            driver.says("h release")
            driver.press("h")
            driver.until("the release", lambda text: "h hold" in text)
            # The first step wants two: the second person sees what the driver has open.
            driver.press("\r")
            driver.says("Confirm step")
            observer.says("A SECOND PERSON confirms 1")
            observer.press("y")
            press_the_key(observer)
            press_the_key(driver)
            driver.says(f"{bob.name}")
            eventually(lambda: status(run, "paired") == "done", "its end")
            say(observer, "t", "the driver sleeps", "nothing runs")
            driver.says("taken over from you")
            confirm(observer, "quick")
            eventually(lambda: status(run, "quick") == "done", "its end")
        state = Client(run).view().state
        assert state.step("paired").attempts[0].by.startswith(f"{ana.name} and {bob.name}")
        assert "not proven" not in state.step("paired").attempts[0].by
        assert state.step("quick").attempts[0].by.startswith(bob.name)


def test_a_group_that_is_not_ones_own_is_refused_before_anything_is_made(people: People) -> None:
    eve = people.eve
    book = book_of(eve)
    for group, words in ((GROUP, f"{eve.name} is not in the group"), ("nosuch", "has no group")):
        shares = ("--env", "staging", "--t0", planned(), "--share", group)
        with eve.at("run", book, *shares) as shown:
            shown.says(words)
            assert shown.ended() == 64
    assert not list(eve.home.glob("cockpit/runs/*/*"))


def test_others_see_nothing_and_the_group_still_looks_on_when_the_engine_is_gone(
    people: People,
) -> None:
    ana, bob = people.ana, people.bob
    shares = ("--env", "staging", "--t0", planned(), "--share", GROUP)
    with ana.at("run", book_of(ana), *shares) as driver:
        driver.says("(you)")
    run = the_run(ana)
    with people.eve.at("attach", run.path) as stranger:
        stranger.says("the run cannot be opened: Permission denied")
        assert stranger.ended() == 1
    live = Client(run).view().live
    assert live is not None
    ana.kill(live.engine_pid)
    eventually(lambda: holder(run) is None, "its end")
    with bob.at("attach", run.path) as observer:
        observer.says(f"only {ana.name} can start it again")
    with ana.at("attach", run.path) as driver:
        driver.says("no driver")


def status(run: RunDirectory, step: str) -> str:
    return Client(run).view().state.step(step).status
