"""Tells people."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping

from cockpit.actions.base import ActionContext
from cockpit.actions.paper import Sheet, bearer, block, here
from cockpit.journal.events import Json
from cockpit.notify.profile import for_profile
from cockpit.runbook.actions import NotifyAction
from cockpit.runbook.model import Runbook
from cockpit.runbook.targets import WebhookNotifier


def describe(action: NotifyAction, runbook: Runbook) -> tuple[str, ...]:
    """To whom, and the words."""
    prefix = runbook.profile.notifiers[action.to].prefix
    body = (action.body,) if action.body else ()
    return (f"to {action.to}: {prefix}{action.subject}", *body)


def paper(action: NotifyAction, sheet: Sheet) -> tuple[str, ...]:
    """The notice by curl; a file has no reader when the cockpit is gone, so its words alone."""
    notifier = sheet.runbook.profile.notifiers[action.to]
    subject = notifier.prefix + action.subject
    if not isinstance(notifier, WebhookNotifier):
        return ("# Tell them:", *here("cat", f"{subject}\n{action.body}".rstrip()))
    text = json.dumps({"subject": subject, "body": action.body}, ensure_ascii=False)
    words = "--header 'Content-Type: application/json' --data @/dev/fd/3"
    return block(
        bearer(sheet, "tell", notifier.bearer),
        *here(f"tell {words} {shlex.quote(notifier.url)}", text, "3"),
    )


async def run(action: NotifyAction, context: ActionContext) -> Mapping[str, Json]:
    """Send it."""
    notifiers = for_profile(context.runbook, context.run_directory, context.secrets, context.clock)
    await notifiers[action.to].send(action.subject, action.body)
    context.say(f"sent to {action.to}: {action.subject}")
    return {}
