from __future__ import annotations

from pathlib import Path

import pytest

from cockpit.commands import init
from tests.fakes.walkers import at_the_screen, rehearsal

pytestmark = pytest.mark.timeout(200)


async def test_what_init_writes_can_be_rehearsed_up_to_the_night(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    assert init.run(folder) == 0
    with rehearsal("calm", runbook=folder) as night:
        async with at_the_screen(night.directory) as walker:
            done = await walker.walk(until="close_old")
            assert done == ["lower_ttl", "prepare_new", "close_new", "start_new", "verify_ttl"]
