"""Times as people say them."""

from __future__ import annotations

from cockpit.clock import utc

MINUTE, HOUR, DAY = 60, 3600, 86400


def hhmm(run_s: float) -> str:
    """A moment as local hours and minutes."""
    return utc(run_s).astimezone().strftime("%H:%M")


def hhmmss(run_s: float) -> str:
    """A moment as local hours, minutes and seconds."""
    return utc(run_s).astimezone().strftime("%H:%M:%S")


def day(run_s: float) -> str:
    """A moment's local day: `Mon 23 Nov`."""
    return utc(run_s).astimezone().strftime("%a %d %b")


def beside(run_s: float, day_of: float) -> str:
    """A moment beside the name of a day: the hour; the weekday too, or the date, where it differs.

    At most eleven columns.
    """
    if day(run_s) == day(day_of):
        return hhmm(run_s)
    if abs(run_s - day_of) < 5 * DAY:
        return f"{day(run_s)[:3]} {hhmm(run_s)}"
    return day(run_s)


def moment(run_s: float, now: float) -> str:
    """Hours and minutes, with the day where it is another one."""
    return hhmm(run_s) if day(run_s) == day(now) else f"{day(run_s)} {hhmm(run_s)}"


def zone(run_s: float) -> str:
    """The local zone's name."""
    return utc(run_s).astimezone().strftime("%Z")


def offset(seconds: float) -> str:
    """An offset from T-0: `T-48h`, `T+15m`, `T-0`."""
    if seconds == 0:
        return "T-0"
    sign, left = ("-" if seconds < 0 else "+"), abs(seconds)
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        # Two days and less are said in hours, as runbooks do.
        if left % size == 0 and (unit != "d" or left > 2 * DAY):
            return f"T{sign}{left / size:.0f}{unit}"
    return f"T{sign}{left:.0f}s"


def t_clock(seconds: float) -> str:
    """The clock that counts from T-0: `T-01:00:00`, `T+7d 02:10`."""
    sign, left = ("-" if seconds < 0 else "+"), int(abs(seconds))
    hours, rest = divmod(left, HOUR)
    if hours >= 4 * 24:
        return f"T{sign}{left // DAY}d {left % DAY // HOUR:02}:{left % HOUR // MINUTE:02}"
    return f"T{sign}{hours:02}:{rest // 60:02}:{rest % 60:02}"


def lasting(seconds: float) -> str:
    """How long something is: `0.4 s`, `28 s`, `14 min`, `3 h 10 min`, `2 d`."""
    seconds = max(seconds, 0.0)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * MINUTE:
        return f"{seconds / MINUTE:.0f} min"
    if seconds < 2 * DAY:
        hours, rest = divmod(round(seconds / MINUTE), 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{seconds / DAY:.0f} d"


def brief(seconds: float) -> str:
    """How long something is where room is short: `28s`, `14m`, `3h`, `2d`."""
    for size, unit in ((2 * DAY, "d"), (100 * MINUTE, "h"), (100, "m")):
        if seconds >= size:
            return f"{seconds // {'d': DAY, 'h': HOUR, 'm': MINUTE}[unit]:.0f}{unit}"
    return f"{max(seconds, 0.0):.0f}s"


def ago(seconds: float) -> str:
    """How old something is, in steps that do not flicker."""
    if seconds < 2:
        return "now"
    if seconds < 10:
        return f"{int(seconds)} s ago"
    if seconds < MINUTE:
        return f"{seconds // 10 * 10:.0f} s ago"
    return f"{lasting(seconds // MINUTE * MINUTE)} ago"


def left(seconds: float) -> str:
    """A countdown that only ticks where it matters: ten-second steps above twenty."""
    if seconds <= 0:
        return "0:00"
    whole = int(seconds)
    if whole > 20:
        whole = whole // 10 * 10
    if whole >= 100 * MINUTE:
        return lasting(whole // MINUTE * MINUTE)
    return f"{whole // 60}:{whole % 60:02}"


def slip(seconds: float) -> str:
    """How late (+) or early (-) things are, in minutes and seconds: `+0:40`."""
    sign, whole = ("-" if seconds < 0 else "+"), int(abs(seconds))
    if whole >= 100 * MINUTE:
        return f"{sign}{lasting(whole)}"
    return f"{sign}{whole // 60}:{whole % 60:02}"
