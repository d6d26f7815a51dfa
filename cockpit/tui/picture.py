"""One screen as an SVG picture, drawn without a terminal."""

from __future__ import annotations

import asyncio

from cockpit.tui.app import CockpitApp
from cockpit.tui.port import Client
from cockpit.tui.taste import Taste


def draw(client: Client, size: tuple[int, int] = (120, 40), taste: Taste | None = None) -> str:
    """The main screen of a run, as SVG."""

    async def drawn() -> str:
        app = CockpitApp(client, taste=taste or Taste())
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            return app.export_screenshot(title="cockpit", simplify=True)

    return asyncio.run(drawn())
