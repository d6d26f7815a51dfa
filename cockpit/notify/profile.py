"""The notifiers that a profile names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cockpit.clock import Clock, live_clock
from cockpit.notify.file import FileNotices
from cockpit.notify.ports import Notifier
from cockpit.notify.webhook import Webhook
from cockpit.redact import printable
from cockpit.runbook.model import Runbook
from cockpit.runbook.targets import WebhookNotifier
from cockpit.secrets import Secrets


def for_profile(
    runbook: Runbook, run_directory: Path, secrets: Secrets, clock: Clock | None = None
) -> dict[str, Notifier]:
    """Each notifier of the profile, by id; the clock dates the notices in files."""
    made: dict[str, Notifier] = {}
    for name, settings in runbook.profile.notifiers.items():
        if isinstance(settings, WebhookNotifier):
            made[name] = Webhook(settings, secrets)
        else:
            path = run_directory / settings.file
            made[name] = FileNotices(path, clock or live_clock(), settings.prefix)
    return {name: _Redacted(notifier, secrets) for name, notifier in made.items()}


@dataclass(frozen=True, slots=True)
class _Redacted:
    """A notifier that tells nobody a secret, nor a terminal what to do."""

    inner: Notifier
    secrets: Secrets

    async def send(self, subject: str, body: str) -> None:
        """Tell them, without what is secret."""
        hidden = (self.secrets.hide(printable(text)) for text in (subject, body))
        await self.inner.send(*hidden)
