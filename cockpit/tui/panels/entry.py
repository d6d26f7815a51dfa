"""A line to type in."""

from __future__ import annotations

from textual.reactive import reactive
from textual.widgets import Input


class Entry(Input):
    """An input whose cursor stands still: a blinking one sends bytes over a poor link all night."""

    cursor_blink = reactive(False, init=False)
