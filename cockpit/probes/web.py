"""HTTP GETs of probes and meters: one client for all, no proxy, no redirect."""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import TYPE_CHECKING

from cockpit.errors import TargetError
from cockpit.runbook.targets import HttpTarget
from cockpit.secrets import Secrets

if TYPE_CHECKING:
    import httpx

LARGEST = 4_000_000
"""Bytes of an answer that are read; a bigger one is no health page and no metrics page."""


async def get(target: HttpTarget, path: str, secrets: Secrets, patience: float) -> httpx.Response:
    """One answer, whatever its status; TargetError where none comes within `patience` s."""
    import httpx

    carried = {"Host": target.host_header} if target.host_header else {}
    if target.bearer:
        carried["Authorization"] = f"Bearer {secrets.value(target.bearer)}"
    named = {"sni_hostname": target.host_header} if target.host_header else {}
    try:
        async with (
            httpx.AsyncClient(
                timeout=patience, trust_env=False, verify=trusted(target.sslrootcert)
            ) as client,
            client.stream("GET", target.url + path, headers=carried, extensions=named) as answer,
        ):
            body = b""
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > LARGEST:
                    raise TargetError(f"{path} is larger than {LARGEST} bytes", where=target.url)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TargetError(_words(error), where=target.url + path) from error
    return httpx.Response(answer.status_code, content=body)


@lru_cache(maxsize=8)
def trusted(authority: str | None) -> ssl.SSLContext:
    """Whom to believe; loading it takes longer than a request, so once is enough."""
    import httpx

    if authority is None:
        return httpx.create_ssl_context(trust_env=False)
    return ssl.create_default_context(cafile=authority)


def _words(error: Exception) -> str:
    import httpx

    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(error, httpx.ConnectError):
        return "nobody answers there"
    return str(error) or type(error).__name__
