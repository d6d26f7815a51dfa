"""What a container's health check printed, as the engine keeps it."""

from __future__ import annotations

from cockpit.redact import printable
from cockpit.secrets import Secrets

KEPT = 4096
"""Bytes that the engine keeps of it …"""
CUT = "..."
"""… and what it puts behind them where there were more."""


def health_said(output: str, secrets: Secrets) -> str:
    """The same without secrets, whole: nor with half of one where the engine has cut it off."""
    text = printable(output)
    if text.endswith(CUT) and len(output.encode()) > KEPT:
        text = text.removesuffix(CUT)
        return secrets.hide(text[: secrets.settled(text)]) + CUT
    return secrets.hide(text)
