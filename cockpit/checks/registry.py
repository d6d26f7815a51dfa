"""Asks checks: each by its function, within its time, and never with an exception."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from importlib import import_module
from typing import cast

from cockpit.answer import Answer
from cockpit.checks.base import CheckContext, Finding
from cockpit.errors import CockpitError
from cockpit.redact import printable
from cockpit.runbook.checks import Check
from cockpit.runbook.model import Runbook
from cockpit.runbook.targets import NotPlayed

Asker = Callable[[Check, CheckContext], Awaitable[Finding]]

MODULES: Mapping[str, str] = {
    "sql": "database",
    "database": "database",
    "refuses_writes": "database",
    "accepts_writes": "database",
    "sequences_ahead": "database",
    "reconciled": "database",
    "export_readable": "database",
    "dns_ttl": "dns",
    "dns_answer": "dns",
    "converged": "dns",
    "dns_quiet": "zone",
    "dns_agree": "zone",
    "dns_old_address": "zone",
    "dns_provider": "provider",
    "dns_caa": "caa",
    "dns_signed": "signed",
    "dns_certificate": "sides",
    "dns_serves": "sides",
    "services": "services",
    "signal": "services",
    "quiet": "quiet",
    "http": "http",
    "disk": "host",
    "secret_files": "host",
    "docker": "host",
    "stack_lint": "stack",
    "anonymous": "people",
    "says_environment": "page",
    "command": "host",
    "not_before": "time",
    "soak": "time",
    "rehearsed": "records",
    "cause_written": "records",
}
"""The module of `cockpit.checks` that has a kind's function; the function is named as the kind."""
NEVER_REHEARSED = frozenset(("docker", "stack_lint", "command"))
"""Kinds that would touch this host's Docker or run its programs."""
LONGEST = 400
"""Characters of evidence."""
_log = logging.getLogger(__name__)


async def ask(check: Check, context: CheckContext) -> Answer:
    """One answer; whatever cannot be told is unknown, with the reason as its evidence."""
    if not is_played(check, context.runbook):
        finding = Finding("not_rehearsed", "the embedded lab does not play this")
    else:
        finding = await _found(check, context)
    return Answer(
        check=check.id,
        title=check.title,
        said=finding.said,
        # Hidden before it is cut: half a secret is known to nobody.
        evidence=one_line(context.secrets.hide(printable(finding.evidence))),
        at=context.clock.now(),
        fresh_for=check.fresh_for,
    )


async def ask_all(checks: Iterable[Check], context: CheckContext) -> list[Answer]:
    """All answers, asked at once, in the order of the checks."""
    return await asyncio.gather(*(ask(check, context) for check in checks))


def is_played(check: Check, runbook: Runbook) -> bool:
    """Whether a check can be asked here; in rehearsal the lab plays only a part of the world."""
    if runbook.environment == "rehearsal" and check.kind in NEVER_REHEARSED:
        return False
    targets = (getattr(check, field, None) for field in ("target", "source"))
    return not any(
        isinstance(runbook.profile.targets.get(target), NotPlayed)
        for target in targets
        if target is not None
    )


def one_line(text: str) -> str:
    """Evidence as it may stand on a screen: one line, nothing but printable characters."""
    line = " ".join(printable(text).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


async def _found(check: Check, context: CheckContext) -> Finding:
    try:
        async with asyncio.timeout(check.timeout):
            return await _asker(check.kind)(check, context)
    except TimeoutError:
        return Finding("unknown", f"no answer within {check.timeout:g} s")
    except (CockpitError, OSError) as error:
        return Finding("unknown", str(error))
    except Exception as error:  # noqa: BLE001 - the one boundary: logged, and told as unknown
        _log.exception("the check %s broke", check.id)
        return Finding("unknown", f"the check itself broke ({type(error).__name__}); see the log")


def _asker(kind: str) -> Asker:
    module = import_module(f"cockpit.checks.{MODULES[kind]}")
    return cast("Asker", getattr(module, kind))
