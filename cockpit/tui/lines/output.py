"""The output of the running or newest attempt."""

from __future__ import annotations

from cockpit.status import STEP
from cockpit.tui.lines import times
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import Line, fit, kept, mark, said


def output(scene: Scene, width: int, search: str = "") -> Picture:
    """The picture of a whole screen: every line kept, newest last."""
    key = scene.view.output_of
    if not key:
        return Picture("Output", (), ((("no step has run yet", "dim"),),))
    step, _, number = key.partition("/")
    wanted = search.casefold()
    rows: list[Line] = [
        fit(((row, "plain"),), width)
        for text in map(_last_drawn, scene.view.output)
        if wanted in text.casefold()
        for row in kept(text, width)
    ]
    if not rows:
        words = "no line holds these words" if search else "it has written nothing yet"
        rows = [((words, "dim"),)]
    title = f"Output of {_title(scene, step)}, attempt {number}"
    return Picture(title, _ending(scene, step), tuple(rows))


def _last_drawn(text: str) -> str:
    """What is left of a line that was drawn over itself, as progress is."""
    return text.rstrip("\r").rpartition("\r")[2]


def _title(scene: Scene, step: str) -> str:
    line = scene.outlook.line(step)
    return f"{line.number} {said(line.step.title)}" if line else said(step)


def _ending(scene: Scene, step: str) -> Line:
    state = scene.state.step(step)
    last = state.last
    if last is None:
        return ()
    if last.status in ("running", "stopping") and last.started_boot_ns:
        took = (scene.view.boot_ns - last.started_boot_ns) / 1e9
        return ((f"{STEP[last.status].word} for {times.lasting(took)}", "plain"),)
    if last.exit is not None and last.took_s is not None:
        lasted = times.lasting(last.took_s)
        if last.ended != "exited":
            return ((f"{last.ended.replace('_', ' ')} after {lasted}, exit {last.exit}", "bad"),)
        return ((f"exit {last.exit} in {lasted}", "fine" if last.exit == 0 else "bad"),)
    known = STEP.get(last.status)
    return (mark(known, ascii_only=scene.ascii),) if known else ()
