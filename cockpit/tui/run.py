"""Opening the screen: the one call that the command line makes."""

from __future__ import annotations

import asyncio

from cockpit.tui.port import Client
from cockpit.tui.taste import prepare, taste
from cockpit.tui.terminal import leaving


def load() -> None:
    """Import what the screen needs, while something else goes on."""
    prepare()
    import cockpit.tui.app  # noqa: F401  imported for the time that it takes


def run(client: Client, theme: str = "") -> int:
    """Show a run until the operator leaves; gives the exit status."""
    load()
    from cockpit.tui.app import CockpitApp

    app = CockpitApp(client, taste=taste(theme=theme))

    async def shown() -> None:
        with leaving(asyncio.get_running_loop(), app.leave):
            await app.run_async(mouse=False)

    asyncio.run(shown())
    return app.return_code or 0
