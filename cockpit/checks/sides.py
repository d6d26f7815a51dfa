"""Questions to both addresses of a switch, for the names that move, before users come."""

from __future__ import annotations

import asyncio
import ssl
from ipaddress import ip_address

import httpx

from cockpit.checks.base import CheckContext, Finding
from cockpit.checks.dns import zone_of
from cockpit.errors import TargetError
from cockpit.runbook.checks import DnsCertificateCheck, DnsServesCheck
from cockpit.timewords import lasting

DEADLINE_S = 5.0


async def dns_certificate(check: DnsCertificateCheck, context: CheckContext) -> Finding:
    """Whether the new address has a certificate that holds for each name, long enough."""
    target = zone_of(check.target, context)
    if not check.tls:
        return Finding("not_rehearsed", "the sides speak no TLS here")
    address, left = _address(target.new), []
    for name in target.names:
        try:
            end = await _certified_until(address, check.port, name.rstrip("."))
        except ssl.SSLError as error:
            why = getattr(error, "verify_message", "") or error.reason or str(error)
            return Finding("fail", f"{address} does not prove to be {name}: {why}")
        except ConnectionRefusedError:
            return Finding("fail", f"nothing listens at {address} port {check.port}")
        except TimeoutError:
            raise TargetError(
                "no handshake in time", where=f"{address} port {check.port}"
            ) from None
        left.append(end - context.clock.now())
    words = (
        f"{address} proves all {len(left)} names, the first certificate for {lasting(min(left))}"
    )
    return Finding("pass" if min(left) >= check.valid_for else "fail", words)


async def _certified_until(address: str, port: int, name: str) -> float:
    context = ssl.create_default_context()
    async with asyncio.timeout(DEADLINE_S):
        _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=name)
    try:
        found = writer.get_extra_info("peercert")
        return float(ssl.cert_time_to_seconds(str(found["notAfter"])))
    finally:
        writer.close()


async def dns_serves(check: DnsServesCheck, context: CheckContext) -> Finding:
    """Whether the old and the new address both answer for each name."""
    target = zone_of(check.target, context)
    scheme = "https" if check.tls else "http"
    told, bad = [], []
    async with httpx.AsyncClient(timeout=DEADLINE_S, trust_env=False) as client:
        for side, where in (("old", target.old), ("new", target.new)):
            for name in target.names:
                said = await _status(
                    client, f"{scheme}://{_place(where)}:{check.port}{check.path}", name
                )
                told.append(f"{side} {name.rstrip('.')} {said}")
                if said != "200":
                    bad.append(told[-1])
    if bad:
        return Finding("fail", "; ".join(bad))
    return Finding("pass", f"both addresses answer 200 for {len(target.names)} names")


async def _status(client: httpx.AsyncClient, url: str, name: str) -> str:
    host = name.rstrip(".")
    try:
        response = await client.get(url, headers={"Host": host}, extensions={"sni_hostname": host})
    except httpx.HTTPError as error:
        return str(error) or type(error).__name__
    return str(response.status_code)


def _place(where: str) -> str:
    address = _address(where)
    return f"[{address}]" if ":" in address else address


def _address(where: str) -> str:
    try:
        return str(ip_address(where))
    except ValueError:
        raise TargetError(
            "a name, not an address: it cannot be asked by itself", where=where
        ) from None
