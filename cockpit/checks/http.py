"""A GET; its status, and where given a value inside its JSON."""

from __future__ import annotations

from cockpit.checks.base import CheckContext, Finding
from cockpit.errors import TargetError
from cockpit.probes.expected import at, compared
from cockpit.probes.web import trusted
from cockpit.runbook.checks import Expect, HttpCheck
from cockpit.runbook.targets import HttpTarget
from cockpit.secrets import Secrets
from cockpit.unreached import failure_words


def headers(target: HttpTarget, secrets: Secrets) -> dict[str, str]:
    """What every request to a target carries."""
    carried = {"Host": target.host_header} if target.host_header else {}
    if target.bearer:
        carried["Authorization"] = f"Bearer {secrets.value(target.bearer)}"
    return carried


async def http(check: HttpCheck, context: CheckContext) -> Finding:
    """Ask once, following no redirect."""
    target = context.runbook.target(check.target)
    if not isinstance(target, HttpTarget):
        raise TargetError("is no HTTP service", where=check.target)
    status, body = await got(target, check.path, check.timeout, context.secrets)
    if status != check.expect_status:
        return Finding("fail", f"{check.path} answered {status}, expected {check.expect_status}")
    if check.expect is None:
        return Finding("pass", f"{check.path} answered {status}")
    return judged(at(body, check.json), check.expect, check.json or check.path)


async def got(target: HttpTarget, path: str, timeout_s: float, secrets: Secrets) -> tuple[int, str]:
    """The status and the text of one GET; TargetError where nothing came back."""
    import httpx

    try:
        verify = trusted(target.sslrootcert)
        async with httpx.AsyncClient(timeout=timeout_s, trust_env=False, verify=verify) as client:
            response = await client.get(target.url + path, headers=headers(target, secrets))
    except httpx.HTTPError as error:
        raise TargetError(failure_words(error), where=target.url) from error
    return response.status_code, response.text


def judged(value: object, expect: Expect, name: str) -> Finding:
    """A value against what it must be."""
    holds, words = compared(value, expect, name)
    return Finding("pass" if holds else "fail", words)
