from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cockpit.telemetry.look import LOG_LINES, Look
from tests.lab.fix_tiles import SEEN_S, Deployed, lab_engine, looking, watching
from tests.lab.stack_engine import Engine

TALKS = "n=0; while true; do echo line $$n; n=$$((n+1)); sleep 0.2; done"


@pytest.fixture(scope="module")
def made() -> Iterator[Engine]:
    with lab_engine() as engine:
        yield engine


def deployed(made: Engine, folder: Path, **services: dict[str, Any]) -> Deployed:
    stack = Deployed(made, folder, services)
    stack.up()
    return stack


def texts(seen: Look) -> list[str]:
    return [text for _, text in seen.log]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_log_comes_live_and_nothing_of_it_is_left_afterwards(
    made: Engine, tmp_path: Path
) -> None:
    stack = deployed(made, tmp_path, web={"command": ["sh", "-c", TALKS]})
    async with watching(stack, tmp_path) as seen:
        await seen.says("web", "fine", "running")
        before = open_files()
        async with looking(seen) as one:
            first = await one.until(lambda look: len(look.log) > 2)
            assert first.state == "follows"
            assert abs(first.log[-1][0] - time.time()) < SEEN_S
            later = await one.until(lambda look: len(look.log) > len(first.log) + 2)
            numbers = [int(text.split()[1]) for text in texts(later)]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert open_files() <= before


async def test_a_secret_that_a_container_was_given_is_not_in_its_log(
    made: Engine, tmp_path: Path
) -> None:
    (tmp_path / "jwt.txt").write_text("tH1s1sSecret\n")
    says = 'while true; do cat /run/secrets/jwt_secret; echo "$$API_TOKEN"; sleep 0.2; done'
    web = {
        "command": ["sh", "-c", says],
        "environment": {"API_TOKEN": "kQ3v9fLxhunter"},
        "volumes": [f"{tmp_path}/jwt.txt:/run/secrets/jwt_secret:ro"],
    }
    stack = deployed(made, tmp_path, web=web)
    async with watching(stack, tmp_path) as seen:
        await seen.says("web", "fine", "running")
        async with looking(seen) as one:
            found = await one.until(lambda look: len(look.log) > 3)
    assert set(texts(found)) == {"[jwt hidden]", "[API_TOKEN hidden]"}
    about = dict(found.about)
    assert "API_TOKEN" in about["environment"][0]
    assert "kQ3v9fLxhunter" not in repr(found)
    assert about["image"] == ("cockpit-busybox:1",)
    assert any("/run/secrets/jwt_secret, read only" in one for one in about["mounts"])


async def test_a_log_goes_on_where_it_was_when_the_container_begins_again(
    made: Engine, tmp_path: Path
) -> None:
    says = "echo begins; sleep 1; echo ends; exit 3"
    stack = deployed(made, tmp_path, web={"command": ["sh", "-c", says], "restart": "always"})
    async with watching(stack, tmp_path) as seen, looking(seen) as one:
        found = await one.until(lambda look: texts(look).count("ends") == 2)
        said = texts(found)
        # Nothing twice, nothing left out.
        assert said[: said.index("ends") + 3] == ["begins", "ends", "begins", "ends"][: len(said)]
        found = await one.until(lambda look: any("exit 3" in words for _, words in look.past))
    assert any(words.endswith("started") for _, words in found.past)


async def test_a_container_that_ended_is_read_to_its_end_and_said_so(
    made: Engine, tmp_path: Path
) -> None:
    stack = deployed(made, tmp_path, web={"command": ["sh", "-c", "echo the last words; exit 1"]})
    async with watching(stack, tmp_path) as seen, looking(seen) as one:
        found = await one.until(lambda look: look.state == "waits" and look.log)
        assert texts(found) == ["the last words"]
        assert found.words.endswith("is exited")


async def test_a_container_that_is_removed_and_one_that_takes_its_place_are_told_apart(
    made: Engine, tmp_path: Path
) -> None:
    stack = deployed(made, tmp_path, web={"command": ["sh", "-c", TALKS]})
    async with watching(stack, tmp_path) as seen, looking(seen) as one:
        await one.until(lambda look: look.log)
        await asyncio.to_thread(made.docker, "rm", "--force", stack.container("web"))
        gone = await one.until(lambda look: look.state == "waits")
        assert gone.words == "no container of web is there"
        assert (gone.about, bool(gone.log)) == ((), True)
        await asyncio.to_thread(stack.up)
        found = await one.until(lambda look: "line 1" in texts(look)[len(gone.log) :])
        assert any("from here another container" in text for text in texts(found))
        assert any(words.endswith("removed") for _, words in found.past)


async def test_a_log_that_the_engine_does_not_keep_is_refused_with_the_engines_own_reason(
    made: Engine, tmp_path: Path
) -> None:
    stack = deployed(made, tmp_path, web={"logging": {"driver": "none"}})
    async with watching(stack, tmp_path) as seen, looking(seen) as one:
        found = await one.until(lambda look: look.state == "refused")
        assert "does not support reading" in found.words
        assert dict(found.about)["limits"][0] == "memory without limit"


async def test_a_flood_is_bounded_and_says_that_lines_are_left_out(
    made: Engine, tmp_path: Path
) -> None:
    stack = deployed(made, tmp_path, web={"command": ["sh", "-c", "yes 'flood flood flood'"]})
    async with watching(stack, tmp_path) as seen, looking(seen) as one:
        began = time.process_time()
        found = await one.until(lambda look: any("are left out" in text for text in texts(look)))
        assert len(found.log) <= LOG_LINES
        assert time.process_time() - began < SEEN_S / 2
        made.docker("rm", "--force", stack.container("web"))
