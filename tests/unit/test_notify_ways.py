from __future__ import annotations

from pathlib import Path

import pytest

from cockpit.errors import TargetError
from cockpit.notify import for_profile
from cockpit.runbook.targets import FileNotifier, WebhookNotifier
from cockpit.runbook.words import SecretId
from tests.fakes.small_runbooks import Still, World, runbook, secrets, serving


async def test_a_webhook_gets_the_notice_as_json_with_its_token(tmp_path: Path) -> None:
    with serving({"/hook": (204, "")}) as (url, asked):
        hook = WebhookNotifier(
            kind="webhook", url=f"{url}/hook", bearer=SecretId("hook"), prefix="[LAB] "
        )
        world = World(tmp_path, notifiers={"team": hook}, secrets={"hook": "a-long-token"})
        book = runbook(world)
        notifiers = for_profile(book, tmp_path, secrets(world, book), Still())
        await notifiers["team"].send("Held", "by ana: disk full")
    assert asked[0].method == "POST"
    assert asked[0].json == {"subject": "[LAB] Held", "body": "by ana: disk full"}
    assert asked[0].headers["Authorization"] == "Bearer a-long-token"


async def test_a_webhook_that_is_not_there_is_a_target_error(tmp_path: Path) -> None:
    hook = WebhookNotifier(kind="webhook", url="http://127.0.0.1:1/t0ken")
    world = World(tmp_path, notifiers={"team": hook})
    book = runbook(world)
    with pytest.raises(TargetError, match="was not taken") as told:
        await for_profile(book, tmp_path, secrets(world, book))["team"].send("Held", "")
    assert "t0ken" not in str(told.value)


async def test_notices_in_a_file_are_added_never_replaced(tmp_path: Path) -> None:
    world = World(tmp_path, notifiers={"log": FileNotifier(kind="file")})
    book = runbook(world)
    notifier = for_profile(book, tmp_path, secrets(world, book), Still())["log"]
    await notifier.send("one", "")
    await notifier.send("two", "with a body")
    text = (tmp_path / "notices.txt").read_text(encoding="utf-8")
    assert text.index("one") < text.index("two") < text.index("with a body")


async def test_a_file_that_cannot_be_written_is_a_target_error(tmp_path: Path) -> None:
    world = World(tmp_path, notifiers={"log": FileNotifier(kind="file", file="no/such/folder")})
    book = runbook(world)
    with pytest.raises(TargetError, match="could not be written"):
        await for_profile(book, tmp_path, secrets(world, book))["log"].send("one", "")
