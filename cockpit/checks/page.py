"""Whether people who open the page can tell staging from production."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from cockpit.checks.base import CheckContext, Finding
from cockpit.checks.http import got
from cockpit.errors import TargetError
from cockpit.runbook.checks import SaysEnvironmentCheck
from cockpit.runbook.targets import HttpTarget

_UNSEEN = frozenset(("script", "style", "template", "noscript"))
"""Elements whose text nobody reads."""


class _Text(HTMLParser):
    """What a page, as it was served, lets people read: in its title and in the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.is_page = False
        self.title: list[str] = []
        self.body: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.is_page = True
        if tag in _UNSEEN or tag == "title":
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            del self._inside[self._inside.index(tag) :]

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.body.append(data)
        elif self._inside == ["title"]:
            self.title.append(data)


async def says_environment(check: SaysEnvironmentCheck, context: CheckContext) -> Finding:
    """The mark in staging, no mark in production; unknown where the page shows no text."""
    target = context.runbook.target(check.target)
    if not isinstance(target, HttpTarget):
        raise TargetError("is no HTTP service", where=check.target)
    if context.runbook.environment == "rehearsal":
        return Finding("not_rehearsed", "the embedded lab serves no page")
    status, body = await got(target, check.path, check.timeout, context.secrets)
    if status != 200:
        return Finding("unknown", f"{check.path} answered {status}, so there was no page to read")
    return judged(body, check, is_staging=context.runbook.environment == "staging")


def judged(body: str, check: SaysEnvironmentCheck, *, is_staging: bool) -> Finding:
    """The answer to a page."""
    text = _Text()
    text.feed(body)
    text.close()
    if not text.is_page:
        return Finding("unknown", f"{check.path} is no page")
    said = " ".join((" ".join(text.title) + " " + "".join(text.body)).split())
    mark = re.compile(rf"(?<!\w){re.escape(check.mark)}(?!\w)", re.IGNORECASE)
    if found := mark.search(said):
        around = said[max(found.start() - 20, 0) : found.end() + 20].strip()
        words = f"the page at {check.path} says `{around}`"
        return Finding("pass" if is_staging else "fail", words)
    if not "".join(text.body).strip():
        return Finding("unknown", f"the page at {check.path} holds no text; a script may write it")
    words = f"the page at {check.path} does not say `{check.mark}`"
    return Finding("fail" if is_staging else "pass", words)
