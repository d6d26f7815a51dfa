"""A key that acts at once: taken only where it came alone, since words are typed by mistake too."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cockpit.tui.allowed import why_not
from cockpit.tui.dialogs.arming import CALM_S, TOO_FAST, is_alone, is_calm
from cockpit.tui.dialogs.read import LATER_S
from cockpit.tui.presses import Press
from cockpit.tui.wishes import wish

if TYPE_CHECKING:
    from cockpit.tui.app import CockpitApp

STOP = "k"


def stop(app: CockpitApp) -> None:
    """Stop what runs, once it is seen that nothing came before the key or follows it at once."""
    press = app.presses.newest(STOP)
    if refusal := why_not(app.scene, "stop"):
        app.tell(refusal)
    elif press is None or not is_calm(press, app.presses.before(press)):
        app.tell(TOO_FAST.format(key=STOP))
    else:
        app.set_timer(CALM_S, partial(_stop_if_alone, app, press))


def _stop_if_alone(app: CockpitApp, press: Press) -> None:
    if app.has_unread:
        app.set_timer(LATER_S, partial(_stop_if_alone, app, press))
    elif not is_alone(press, app.presses.after(press)):
        app.tell(TOO_FAST.format(key=STOP))
    elif refusal := wish(app, "stop", None):
        app.tell(refusal)
