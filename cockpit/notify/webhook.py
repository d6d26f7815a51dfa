"""Notices by HTTP POST of JSON `{subject, body}`."""

from __future__ import annotations

from urllib.parse import urlsplit

from cockpit.errors import TargetError
from cockpit.runbook.targets import WebhookNotifier
from cockpit.secrets import Secrets

TIMEOUT_S = 10.0


class Webhook:
    """Posts each notice to one address."""

    def __init__(self, settings: WebhookNotifier, secrets: Secrets) -> None:
        self._settings = settings
        self._secrets = secrets

    async def send(self, subject: str, body: str) -> None:
        """Post one notice; any answer outside 200 to 299 is a failure."""
        import httpx

        settings = self._settings
        headers = {}
        if settings.bearer:
            headers["Authorization"] = f"Bearer {self._secrets.value(settings.bearer)}"
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
                response = await client.post(
                    settings.url,
                    json={"subject": settings.prefix + subject, "body": body},
                    headers=headers,
                )
        except httpx.HTTPError as error:
            # The address itself may carry a token: only its host is named.
            raise TargetError(
                f"the notice was not taken: {type(error).__name__}", where=_host(settings.url)
            ) from error
        if not response.is_success:
            raise TargetError(
                f"the notice was answered {response.status_code}", where=_host(settings.url)
            )


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
