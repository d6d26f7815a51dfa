"""A certificate as a browser meets it: its names, its issuer, the days that it has left."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from cockpit.probes.http import PATIENCE_S
from cockpit.probes.sample import ProbeContext, Sample, figures, paced
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import HttpTarget

DAYS = 14.0
"""Days below which it should have been renewed, where the probe names no limit."""
DAY_S = 86_400.0


async def sample(probe: Probe, context: ProbeContext) -> Sample:
    """Shake hands once, and leave."""
    target = context.target(probe, HttpTarget)
    parts = urlsplit(target.url)
    name = target.host_header or parts.hostname or ""
    try:
        async with asyncio.timeout(max(PATIENCE_S, 2 * probe.slow_over)):
            certificate = await _shown(parts.hostname or "", parts.port or 443, name, target)
    except ssl.SSLCertVerificationError as error:
        words = error.verify_message.rstrip(".")
        return Sample("down", f"not trusted: {words}", 0.0, (f"for {name}: {words}",))
    except ssl.SSLError as error:
        return Sample("down", "no TLS", detail=(f"{target.url}: {error.reason or error}",))
    except OSError as error:
        words = str(error) or "no answer in time"
        return Sample("down", "no answer", detail=(f"{target.url}: {words}",))
    return judged(certificate, context.clock.now(), probe.limit or DAYS)


def judged(certificate: dict[str, Any], now: float, least: float) -> Sample:
    """One tile from a certificate that was trusted; `least` days must be left."""
    left = (ssl.cert_time_to_seconds(certificate["notAfter"]) - now) / DAY_S
    names = [name for _, name in certificate.get("subjectAltName", ())]
    detail = figures(
        {
            "names": ", ".join(names),
            "issuer": ", ".join(_issuer(certificate)),
            "until": certificate["notAfter"],
        }
    )
    words = f"{left:.0f} days left" if left >= 2 else f"{left * 24:.0f} hours left"
    if left <= 0:
        return Sample("down", "expired", left, detail)
    return Sample(paced(is_slow=left < least), words, left, detail)


def _issuer(certificate: dict[str, Any]) -> Iterator[str]:
    wanted = ("organizationName", "commonName")
    for part in certificate.get("issuer", ()):
        yield from (value for key, value in part if key in wanted)


async def _shown(host: str, port: int, name: str, target: HttpTarget) -> dict[str, Any]:
    trusted = await asyncio.to_thread(ssl.create_default_context, cafile=target.sslrootcert)
    _, writer = await asyncio.open_connection(host, port, ssl=trusted, server_hostname=name)
    try:
        found: dict[str, Any] = writer.get_extra_info("peercert")
        return found
    finally:
        writer.transport.abort()
