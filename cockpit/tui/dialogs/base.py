"""A dialog: a framed page over the screen, as high as it needs to be."""

from __future__ import annotations

from cockpit.tui.lines.frame import DOUBLE, HEAVY, LIGHT
from cockpit.tui.lines.scene import Scene
from cockpit.tui.panels.reader import Reader

WIDEST = 100
RIMS = {"production": DOUBLE, "staging": HEAVY, "rehearsal": LIGHT}
"""The frame says the environment in its shape, too."""


class Body(Reader, can_focus=True):
    """The page of a dialog."""

    @property
    def rim(self) -> tuple[str, str]:
        """The environment's frame, whether the keys go here or to a line beneath."""
        name = self.scene.environment if self.scene else ""
        return RIMS.get(name, LIGHT), f"rim-{name}" if name in RIMS else "frame"

    def sized(self, scene: Scene, beneath: int = 0) -> None:
        """Draw a moment, as high as the page and the screen allow."""
        screen = self.screen.size
        width = min(WIDEST, screen.width)
        picture = self._source(scene, width - 4).picture
        height = min(len(picture.body) + len(picture.foot) + 2, screen.height - beneath)
        if (width, height) != self.size:
            self.styles.width, self.styles.height = width, height
        self.show(scene)
