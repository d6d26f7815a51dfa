"""Questions to both sides of a switch, for the names that move, before users come."""

from __future__ import annotations

import asyncio
import ssl

import httpx

from cockpit.checks.base import CheckContext, Finding
from cockpit.checks.dns import zone_of
from cockpit.checks.leads import Lead, lead
from cockpit.countwords import many
from cockpit.errors import TargetError
from cockpit.runbook.checks import DnsCertificateCheck, DnsServesCheck
from cockpit.timewords import lasting
from cockpit.unreached import failure_words

DEADLINE_S = 5.0


async def dns_certificate(check: DnsCertificateCheck, context: CheckContext) -> Finding:
    """Whether every new address has a certificate that holds for each name, long enough."""
    target = zone_of(check.target, context)
    if not check.tls:
        return Finding("not_rehearsed", "the sides speak no TLS here")
    leads = await lead(target.new, target, context)
    left: list[float] = []
    untold: list[str] = []
    for address in leads.addresses:
        for name in target.names:
            try:
                end = await _certified_until(address, check.port, name.rstrip("."))
            except ssl.SSLError as error:
                why = getattr(error, "verify_message", "") or failure_words(error)
                return Finding("fail", _of(leads, f"{address} does not prove to be {name}: {why}"))
            except ConnectionRefusedError:
                told = f"nothing listens at {address} port {check.port}"
                return Finding("fail", _of(leads, told))
            except OSError as error:
                untold.append(f"{address} port {check.port}: {failure_words(error)}")
                break
            left.append(end - context.clock.now())
    return _certified(check, leads, left, untold)


def _certified(
    check: DnsCertificateCheck, leads: Lead, left: list[float], untold: list[str]
) -> Finding:
    proving = len(leads.addresses) - len(untold)
    if not left:
        return Finding("unknown", _of(leads, "; ".join(untold)))
    who = leads.addresses[0] if len(leads.addresses) == 1 else f"each of {proving} addresses"
    count = len(left) // proving
    names = "the name" if count == 1 else f"all {count} names"
    words = f"{who} proves {names}, the first certificate for {lasting(min(left))}"
    if min(left) < check.valid_for:
        return Finding("fail", _of(leads, words))
    return Finding("unknown" if untold else "pass", _of(leads, "; ".join((words, *untold))))


def _of(leads: Lead, words: str) -> str:
    return f"{leads.words}; {words}" if leads.words else words


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
    """Whether the old and the new side both answer for each name, at all their addresses."""
    target = zone_of(check.target, context)
    bad, untold, known = [], [], []
    async with httpx.AsyncClient(timeout=DEADLINE_S, trust_env=False) as client:
        for side, where in (("old", target.old), ("new", target.new)):
            try:
                leads = await lead(where, target, context)
            except TargetError as error:
                untold.append(f"{side} {error}")
                continue
            known += [leads.words] if leads.words else []
            for address in leads.addresses:
                at = f" at {address}" if len(leads.addresses) > 1 else ""
                for name in target.names:
                    said = await _status(client, _url(check, address), name)
                    if said != "200":
                        bad.append(f"{side} {name.rstrip('.')}{at} {said}")
    if bad:
        return Finding("fail", "; ".join((*bad, *untold, *known)))
    if untold:
        return Finding("unknown", "; ".join((*untold, *known)))
    words = f"both addresses answer 200 for {many(len(target.names), 'name')}"
    return Finding("pass", "; ".join((words, *known)))


def _url(check: DnsServesCheck, address: str) -> str:
    place = f"[{address}]" if ":" in address else address
    return f"{'https' if check.tls else 'http'}://{place}:{check.port}{check.path}"


async def _status(client: httpx.AsyncClient, url: str, name: str) -> str:
    host = name.rstrip(".")
    try:
        response = await client.get(url, headers={"Host": host}, extensions={"sni_hostname": host})
    except httpx.HTTPError as error:
        return failure_words(error)
    return str(response.status_code)
