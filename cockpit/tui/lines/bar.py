"""Line 1: where am I, what time is it for the change, who drives, how old is what I see."""

from __future__ import annotations

from cockpit.outlook import switch_late_s
from cockpit.status import ENVIRONMENT, RUN, Mark
from cockpit.tui.lines import times
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import Line, as_ascii, ends, fit, mark, said, toned, width_of


def bar(scene: Scene, width: int) -> Line:
    """The bar, in the environment's colour over its whole width."""
    tone = f"env-{scene.environment}"
    name = ENVIRONMENT.get(scene.environment, scene.environment.upper())
    word: Line = ((f" {name} ", f"{tone} strong"),)
    right: Line = ((f" {_age(scene)} ", "plain"),)
    for parts in _choices(scene):
        left: Line = (*word, (" " + "  ".join(part for part in parts if part), "plain"))
        if width_of(left) + width_of(right) + 1 <= width:
            break
    whole = fit(ends(left, right, width), width)
    return toned(as_ascii(whole) if scene.ascii else whole, tone)


def run_mark(scene: Scene) -> Mark:
    """The state of the run as a whole."""
    state = scene.state
    if state.damage:
        return RUN["damaged"]
    if state.ended:
        return RUN[state.ended]
    if state.held is not None:
        return RUN["held"]
    turned = {"forward": "running", "roll_back": "rolling_back", "call_off": "calling_off"}
    return RUN[turned[state.mode]]


def _choices(scene: Scene) -> list[tuple[str, ...]]:
    """What the bar says, from all of it to what must be there."""
    state = scene.state
    run = _run_word(scene)
    run += f" {state.clock.speed:g}x" if state.clock.speed != 1 else ""
    clock, brief, least = (f"{words} {run}" for words in clock_words(scene))
    local = f"{times.hhmmss(scene.now)} {times.zone(scene.now)}"
    title, host = said(state.runbook or scene.runbook.name), said(state.host)
    domain = said(state.domain or scene.runbook.profile.domain)
    driver, short = driver_words(scene)
    where = f"{title} on {host}"
    looks_on = [(where, local[:5]), (f"on {host}",)] if driver.endswith("observe") else []
    whole = f"{title} · {domain} · on {host}"
    narrower = [(whole, clock, local[:5], one) for one in (driver, short)]
    return [
        (whole, clock, local, driver + _others(scene)),
        # The seconds of the wall clock give way before the domain; not for who looks on.
        *(() if looks_on or _others(scene) else narrower),
        (where, clock, local, driver + _others(scene)),
        (where, clock, local, driver),
        # Since when somebody drives is for those who look on: before the seconds, and the title.
        *[(place, clock, *wall, driver) for place, *wall in looks_on],
        (where, clock, local[:5], short),
        (where, clock, short),
        (where, brief, short),
        (where, least, short),
        (f"on {host}", least, short),
        (least, short),
        (least,),
    ]


def clock_words(scene: Scene) -> tuple[str, str, str]:
    """The clock that counts from T-0, ever shorter; where T-0 did not come, it says so."""
    late = switch_late_s(scene.state, scene.now)
    if late is not None:
        ago = times.lasting(late)
        long = f"planned T-0 passed by {ago}, not yet switched"
        return long, f"T-0 {ago} late, not switched", f"T-0 {ago} late"
    if scene.state.t0_actual is None and (scene.state.mode != "forward" or scene.state.ended):
        return ("never switched",) * 3
    return (times.t_clock(scene.now - scene.state.t0),) * 3


def driver_words(scene: Scene) -> tuple[str, str]:
    """Who may confirm, long and short."""
    if scene.view.is_over:
        return "", ""
    seat = scene.state.seat
    if seat is None or seat.vacant:
        return "no driver: t takes the seat", "no driver: t"
    name = said(seat.operator)
    if scene.view.is_driver:
        return f"driver {name} (you)", f"{name} (you)"
    since = times.moment(seat.since, scene.now)
    return f"driver {name} since {since}, you observe", f"{name}, you observe"


def _others(scene: Scene) -> str:
    if scene.view.is_over:
        return ""
    count = (scene.live.watching if scene.live else 0) - (1 if scene.view.is_driver else 2)
    return f", {count} watching" if count > 0 else ""


def _run_word(scene: Scene) -> str:
    return mark(run_mark(scene), ascii_only=scene.ascii)[0]


def _age(scene: Scene) -> str:
    age = scene.age_s
    if scene.view.is_over:
        return "only read"
    if age is None:
        return "no engine yet"
    if scene.view.engine_gone:
        return f"ENGINE GONE {times.lasting(age)}"
    return f"OLD: {times.ago(age)}" if scene.is_old else times.ago(age)
