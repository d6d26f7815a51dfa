"""Sends one HTTP request."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from cockpit.actions.base import ActionContext
from cockpit.actions.paper import Sheet, bearer, block
from cockpit.errors import ActionFailed
from cockpit.journal.events import Json
from cockpit.redact import printable
from cockpit.runbook.actions import HttpAction
from cockpit.runbook.model import Runbook
from cockpit.runbook.targets import HttpTarget

SHOWN = 500
"""Characters of an answer that the output repeats."""


def describe(action: HttpAction, runbook: Runbook) -> tuple[str, ...]:
    """The request and the answer that it must have."""
    target = runbook.target(action.target)
    if not isinstance(target, HttpTarget):
        return (f"{action.method} {action.path} at {action.target}: not rehearsed here",)
    lines = [f"{action.method} {target.url}{action.path}"]
    if target.host_header:
        lines.append(f"Host: {target.host_header}")
    if target.bearer:
        lines.append(f"Authorization: Bearer [{target.bearer} hidden]")
    if action.body:
        lines.append(f"body: {action.body}")
    return (*lines, f"must answer {action.expect_status}")


def paper(action: HttpAction, sheet: Sheet) -> tuple[str, ...]:
    """The request by curl, which fails at another answer than the expected one."""
    target = sheet.runbook.target(action.target)
    if not isinstance(target, HttpTarget):
        raise TypeError(f"{action.target} is no HTTP service")
    words = ["--request", action.method, "--output", "/dev/stderr", "--write-out", "%{http_code}"]
    words += ["--header", f"Host: {target.host_header}"] if target.host_header else []
    words += ["--cacert", target.sslrootcert] if target.sslrootcert else []
    words += ["--data-raw", action.body] if action.body else []
    words.append(target.url + action.path)
    return block(
        bearer(sheet, "ask", target.bearer).replace(" --fail-with-body", ""),
        f'test "$(ask {shlex.join(words)})" = {action.expect_status}',
        "echo done",
    )


async def run(action: HttpAction, context: ActionContext) -> Mapping[str, Json]:
    """Send it, and hold its answer against the expected status."""
    target = context.runbook.target(action.target)
    if not isinstance(target, HttpTarget):
        context.say("nothing is sent: not rehearsed here")
        return {"not_rehearsed": True}
    status, body = await _sent(action, target, context)
    context.say(f"answered {status}")
    if body:
        # Hidden before it is cut: half a secret is known to nobody.
        context.say(context.secrets.hide(printable(body))[:SHOWN])
    if status != action.expect_status:
        raise ActionFailed(
            f"answered {status}, expected {action.expect_status}",
            where=f"{action.method} {target.url}{action.path}",
        )
    return {"status": status}


async def _sent(action: HttpAction, target: HttpTarget, context: ActionContext) -> tuple[int, str]:
    import httpx

    from cockpit.checks.http import headers

    try:
        async with httpx.AsyncClient(timeout=context.step.timeout, trust_env=False) as client:
            response = await client.request(
                action.method,
                target.url + action.path,
                content=action.body or None,
                headers=headers(target, context.secrets),
            )
    except httpx.HTTPError as error:
        raise ActionFailed(
            f"no answer: {error or type(error).__name__}", where=f"{target.url}{action.path}"
        ) from error
    return response.status_code, response.text
