from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cockpit.answer import Answer
from cockpit.checks import registry
from cockpit.checks.base import CheckContext
from cockpit.clock import boot_ns
from cockpit.journal.state import RunState
from cockpit.redact import Redactor
from cockpit.runbook.load import load
from cockpit.runbook.targets import PostgresTarget
from cockpit.runbook.words import Environment
from cockpit.secrets import for_profile
from cockpit.telemetry.live import Live
from tests.engine.fix_postgres import SCHEMA, Pair, Server
from tests.engine.fix_web import HandClock, Page, Web, served
from tests.fakes.crash_runs import Kind, some_net, write_runbook

TARGETS = """\
  old_db: {kind: postgres, about: The old database}
  new_db: {kind: postgres, about: The new database}
"""
CHECKS = """\
  - id: nobody
    title: Nobody of production
    kind: anonymous
    target: new_db
    source: old_db
    columns: [users.email, users.phone]
    tables: [users, alerts]
  - {id: page, title: The page says where, kind: says_environment, target: web}
"""
DATABASE = """\
  {name}:
    kind: postgres
    host: {target.host}
    port: {target.port}
    database: {target.database}
    user: owner
    password: owner_password
    sslmode: disable
"""
PEOPLE = """
insert into users (email, name, phone) values
  ('Ada@Frost.example', 'Ada', '+41 79 555 01 02'), ('ben@frost.example', 'Ben', null)
"""
MADE_UP = """
insert into users (email, name, phone) values
  ('user1@staging.example', 'User 1', '+41 79 000 00 01'), ('user2@staging.example', 'User 2', null)
"""


@dataclass
class Book:
    """A runbook with staging's profile and production's, each with databases of its own."""

    folder: Path
    passwords: Path

    written: str
    """The profile that the runbook came with."""

    def profile(self, environment: str, web: str, **databases: PostgresTarget) -> None:
        text = self.written.replace("environment: staging", f"environment: {environment}")
        own = "".join(DATABASE.format(name=name, target=one) for name, one in databases.items())
        text = text.replace("targets:\n", f"targets:\n{own}")
        secret = f"  owner_password: {{file: {self.passwords}/owner_password}}\n"
        text = text.replace("secrets:\n", f"secrets:\n{secret}")
        at = next(line for line in text.splitlines() if line.startswith("  web:"))
        text = text.replace(at, f'  web: {{kind: http, url: "{web}"}}')
        (self.folder / f"{environment}.yaml").write_text(text, encoding="utf-8")

    async def ask(self, check: str, environment: Environment = "staging") -> Answer:
        loaded = load(self.folder, environment)
        assert loaded.runbook, loaded.problems
        context = CheckContext(
            runbook=loaded.runbook,
            clock=HandClock(),
            secrets=for_profile(loaded.runbook, Redactor()),
            state=RunState(),
            live=Live(engine_pid=0, boot_ns=boot_ns()),
            run_directory=None,
        )
        return await registry.ask(loaded.runbook.check(check), context)


@dataclass
class Sides:
    """The book, the people of production's database, and staging's two databases."""

    book: Book
    pair: Pair
    real: PostgresTarget

    def put(self, environment: str, old: PostgresTarget, web: str = "http://127.0.0.1:1") -> None:
        self.book.profile(environment, web, old_db=old, new_db=self.pair.new)

    async def nobody(self, *statements: str, environment: Environment = "staging") -> Answer:
        if statements:
            await self.pair.sql(self.pair.new, *statements)
        return await self.book.ask("nobody", environment)


@pytest.fixture
def book(tmp_path: Path, postgres: Server) -> Book:
    folder = write_runbook(tmp_path, some_net(), (Kind("quick", undone=True),))
    path = folder / "runbook.yaml"
    text = path.read_text(encoding="utf-8").replace("targets:\n", f"targets:\n{TARGETS}", 1)
    path.write_text(text.replace("checks:\n", f"checks:\n{CHECKS}", 1), encoding="utf-8")
    written = (folder / "staging.yaml").read_text(encoding="utf-8")
    return Book(folder, postgres.folder / "secrets", written)


@pytest.fixture
async def sides(book: Book, pair: Pair, postgres: Server) -> AsyncIterator[Sides]:
    real = await postgres.database(schema=SCHEMA + PEOPLE)
    made = Sides(book, pair, real)
    made.put("staging", pair.old)
    made.put("production", real)
    yield made
    await postgres.sql("postgres", f"drop database {real.database} with (force)")


async def test_staging_with_people_of_its_own_passes_and_says_how_many_were_compared(
    sides: Sides,
) -> None:
    answer = await sides.nobody(MADE_UP)
    assert (answer.said, answer.evidence) == (
        "pass",
        "none of 3 addresses and phones of production; 3 of its own in 7 columns",
    )


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ("insert into users (email) values ('ada@frost.EXAMPLE')", "1 in users.email"),
        ("insert into users (email, phone) values ('x', '0041795550102')", "1 in users.phone"),
        ("insert into users (email, phone) values ('x', '(079) 555-01.02')", "1 in users.phone"),
        ("insert into users (email, name) values ('x', 'Ben <ben@frost.example>.')", "users.name"),
        ("insert into alerts (sensor_id, note) values (1, 'call +41795550102!')", "alerts.note"),
    ],
)
async def test_an_address_or_phone_of_production_is_found_however_it_is_written(
    sides: Sides, row: str, place: str
) -> None:
    sensor = (
        "insert into users (id, email) values (77, 'y')",
        "insert into sensors (id, user_id) values (1, 77)",
    )
    answer = await sides.nobody(MADE_UP, *sensor, row)
    assert answer.said == "fail"
    assert place in answer.evidence
    assert "frost" not in answer.evidence.lower()
    assert "555" not in answer.evidence


async def test_a_number_that_only_resembles_a_phone_of_production_is_nobodys(sides: Sides) -> None:
    row = "insert into users (email, phone) values ('id795550102@staging.example', '5550102')"
    assert (await sides.nobody(row)).said == "pass"


async def test_nothing_to_compare_with_is_unknown(sides: Sides) -> None:
    await sides.pair.sql(sides.real, "delete from users")
    answer = await sides.nobody(MADE_UP)
    assert (answer.said, "hold no address and no phone" in answer.evidence) == ("unknown", True)


async def test_a_production_that_cannot_be_read_from_here_is_unknown(sides: Sides) -> None:
    await sides.pair.sql(sides.real, "alter table users rename column phone to mobile")
    answer = await sides.nobody(MADE_UP)
    assert (answer.said, "no column phone" in answer.evidence) == ("unknown", True)
    (sides.book.folder / "production.yaml").unlink()
    answer = await sides.nobody()
    assert (answer.said, "production.yaml" in answer.evidence) == ("unknown", True)


async def test_a_staging_that_is_production_by_another_name_fails(sides: Sides) -> None:
    sides.book.profile("staging", "http://127.0.0.1:1", old_db=sides.pair.old, new_db=sides.real)
    assert (await sides.nobody()).said == "fail"


async def test_production_is_not_asked_for_people_that_are_made_up(sides: Sides) -> None:
    answer = await sides.nobody(environment="production")
    assert (answer.said, answer.evidence) == ("pass", "this is production: its people are real")


MARKED = "<title>Frost</title><body><p>Welcome to <b>STAGING</b></p></body>"
PLAIN = "<title>Frost</title><body><p>Welcome, we are upstaging cold</p></body>"
HIDDEN = "<body><p>Hello</p><!-- staging --><script>x='staging'</script></body>"
WRITTEN_LATER = "<title>Frost</title><div id=root></div><script src=/staging.js></script>"


@pytest.mark.parametrize(
    ("page", "staging", "production"),
    [
        ((200, MARKED), "pass", "fail"),
        ((200, "<title>[Staging] Frost</title><div id=root></div>"), "pass", "fail"),
        ((200, PLAIN), "fail", "pass"),
        ((200, HIDDEN), "fail", "pass"),
        ((200, WRITTEN_LATER), "unknown", "unknown"),
        ((200, '{"environment": "staging"}'), "unknown", "unknown"),
        ((302, MARKED), "unknown", "unknown"),
        ((503, MARKED), "unknown", "unknown"),
    ],
)
async def test_the_page_must_say_staging_in_staging_and_nowhere_else(
    book: Book, pair: Pair, page: Page, staging: str, production: str
) -> None:
    async with served() as web:
        web.pages["/"] = page
        answers = [await _page(book, pair, web, one) for one in ("staging", "production")]
    assert [one.said for one in answers] == [staging, production], answers


async def test_a_page_that_does_not_answer_is_unknown(book: Book, pair: Pair) -> None:
    assert (await _page(book, pair, Web(port=1), "staging")).said == "unknown"


async def _page(book: Book, pair: Pair, web: Web, environment: Environment) -> Answer:
    book.profile(environment, web.target.url, old_db=pair.old, new_db=pair.new)
    return await book.ask("page", environment)
