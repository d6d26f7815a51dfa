"""Logs that do not fill the disk."""

from __future__ import annotations

from collections.abc import Iterator

from cockpit.stack.model import Found, Stack

BOUNDED = frozenset(("local", "journald", "none", "syslog", "fluentd", "gelf", "awslogs", "loki"))
"""Drivers that rotate by themselves, or keep nothing on this disk."""


def no_rotation(stack: Stack) -> Iterator[Found]:
    """Logs that grow until the disk is full."""
    for one in stack.services:
        driver = one.at("logging", "driver") or "json-file"
        options = one.at("logging", "options") or {}
        if driver not in BOUNDED and not options.get("max-size"):
            mend = "set logging.options max-size and max-file, or the driver `local`"
            yield one.found("its log is never rotated", mend, "logging")
