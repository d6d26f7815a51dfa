"""A provider's HTTP API: who may ask again, who may not, and who must wait.

A read that fails is made again; a write is not, since nobody may know whether it happened. Only a
refusal is a proof that it did not: 4xx, or a connection that never came about.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, NoReturn

import httpx

from cockpit.clock import wall_s
from cockpit.errors import ActionFailed, TargetError
from cockpit.propagation.providers.base import Effort, Unheard
from cockpit.timewords import lasting

Body = dict[str, Any]
Words = Callable[[Body], str]
"""What an error's body says, in the provider's own words."""
GONE = 404
_NO_TIME = -1
_SAID: Mapping[int, str] = {
    400: "the API does not accept the request",
    401: "the token is not accepted",
    403: "the token may not do this",
    404: "there is no such thing in this account",
    405: "the API does not know this request",
    409: "another change is under way there",
    422: "the API does not accept the record",
}
_PERHAPS_DONE = 408
"""A status below 500 after which a write may have happened all the same."""
_UNTIL_EPOCH = 1e9
"""A reset above this is a moment since 1970, below it a number of seconds."""
_DIGITS = 15
"""So many say "more than anybody waits or asks"; the others are not read."""
_PART = re.compile(r"\b([rt])=(\d+)")


class Declined(ActionFailed):
    """The API refused a request, or was not reached: nothing came of it."""

    def __init__(self, what: str, *, where: str, status: int) -> None:
        super().__init__(what, where=where)
        self.status = status
        """As HTTP has it; 0 where no connection came about, below where none was tried."""


def _is_unsent(error: TargetError) -> bool:
    return isinstance(error, Declined) and error.status == 0


def _is_lost(error: TargetError) -> bool:
    return isinstance(error, Unheard) or _is_unsent(error)


class _Busy(Exception):
    """Too many requests."""

    def __init__(self, wait_s: float) -> None:
        super().__init__()
        self.wait_s = wait_s


@dataclass
class Rest:
    """One API, asked with one token."""

    client: httpx.AsyncClient
    base: str
    words: Words
    hide: Callable[[str], str]
    effort: Effort
    remaining: int | None = field(default=None, init=False)
    """Requests that the API still allows, as it said last."""

    async def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Body:
        """Read, and again where the answer is lost."""
        try:
            return await self._again(lambda: self._patiently("GET", path, params=params), _is_lost)
        except Unheard as error:
            raise TargetError(error.what, where=error.where) from error

    async def send(self, method: str, path: str, body: Body) -> Body:
        """Write; Unheard where it may have happened all the same, and then not again."""
        return await self._again(lambda: self._patiently(method, path, json=body), _is_unsent)

    async def _again(
        self, ask: Callable[[], Awaitable[Body]], may: Callable[[TargetError], bool]
    ) -> Body:
        pause = self.effort.pause_s
        for _ in range(self.effort.tries - 1):
            try:
                return await ask()
            except TargetError as error:
                if not may(error) or self.effort.left_s <= pause:
                    raise
                self.effort.say(f"{error.what}; asked again")
            await asyncio.sleep(pause)
            pause *= 2
        return await ask()

    def enough(self, needed: int) -> None:
        """ActionFailed where the API said that it allows fewer requests than a change needs."""
        if self.remaining is not None and self.remaining < needed:
            raise ActionFailed(
                f"the API allows {self.remaining} more requests just now and the change needs"
                f" {needed}: it would stop halfway",
                where=self.base,
                mend="try again in a few minutes; see what else uses this token",
            )

    async def _patiently(self, method: str, path: str, **more: Any) -> Body:
        while True:
            try:
                return await self._once(method, path, **more)
            except _Busy as busy:
                wait = max(busy.wait_s, self.effort.pause_s)
            if wait > self.effort.left_s:
                raise Declined(
                    f"too many requests: the API lets nobody in for {lasting(wait)}",
                    where=self.base,
                    status=429,
                )
            self.effort.say(f"too many requests: the API asks to wait {lasting(wait)}")
            await asyncio.sleep(wait)

    async def _once(self, method: str, path: str, **more: Any) -> Body:
        time_s = min(self.effort.request_s, self.effort.left_s)
        if time_s <= 0:
            raise Declined("no time is left to ask the API", where=self.base, status=_NO_TIME)
        try:
            async with asyncio.timeout(time_s):
                response = await self.client.request(method, self.base + path, **more)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Declined("the API cannot be reached", where=self.base, status=0) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise Unheard("the API did not answer", where=self.base) from error
        self.remaining = _remaining(response.headers, self.remaining)
        return self._judge(response)

    def _judge(self, response: httpx.Response) -> Body:
        status = response.status_code
        if status == 429:
            raise _Busy(wait_s(response.headers))
        body = _json(response)
        if status >= 500 or status == _PERHAPS_DONE:
            raise Unheard(self._sentence(f"the API failed ({status})", body), where=self.base)
        if status >= 400:
            self._decline(status, body)
        if not response.is_success or body is None:
            raise Unheard(f"the API answered {status} without an answer in it", where=self.base)
        if body.get("success") is False:
            self._decline(400, body)
        return body

    def _decline(self, status: int, body: Body | None) -> NoReturn:
        said = _SAID.get(status, f"the API answered {status}")
        raise Declined(self._sentence(said, body), where=self.base, status=status)

    def _sentence(self, said: str, body: Body | None) -> str:
        told = self.hide(self.words(body)) if body else ""
        return f"{said}: {told}" if told else said


def inside(body: Any, *keys: str) -> Any:
    """What lies in a body below keys; None where there is no such thing, whatever there is."""
    for key in keys:
        body = body.get(key) if isinstance(body, dict) else None
    return body


def listed(body: Body, key: str, where: str) -> list[Any]:
    """The records that a page lists; TargetError where it lists none and does not say so."""
    found = body.get(key)
    if not isinstance(found, list):
        raise TargetError("the API listed no records", where=where)
    return found


@asynccontextmanager
async def asking(
    base: str, token: str, words: Words, hide: Callable[[str], str], effort: Effort
) -> AsyncIterator[Rest]:
    """An API with a token for its Authorization header."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    async with httpx.AsyncClient(
        headers=headers, timeout=effort.request_s, trust_env=False, verify=_trust()
    ) as client:
        yield Rest(client, base, words, hide, effort)


@cache
def _trust() -> ssl.SSLContext:
    # Made once: reading the host's authorities takes longer than a request.
    return ssl.create_default_context()


def _json(response: httpx.Response) -> Body | None:
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _remaining(headers: httpx.Headers, before: int | None) -> int | None:
    """What `ratelimit-remaining` or the newer `Ratelimit` say; the fewest where several limit."""
    plain = _number(headers.get("ratelimit-remaining", ""))
    if plain is not None:
        return plain
    return min(_parts(headers, "r"), default=before)


def wait_s(headers: httpx.Headers) -> float:
    """How long the API wants nobody to ask."""
    after = headers.get("retry-after", "")
    if (seconds := _number(after)) is not None:
        return float(seconds)
    if after:
        try:
            return max(0.0, parsedate_to_datetime(after).timestamp() - wall_s())
        except ValueError:
            pass
    reset = _number(headers.get("ratelimit-reset", ""))
    if reset is not None:
        return max(0.0, reset - (wall_s() if reset > _UNTIL_EPOCH else 0.0))
    return float(max(_parts(headers, "t"), default=1))


def _parts(headers: httpx.Headers, wanted: str) -> list[int]:
    """The numbers under a key of the newer `Ratelimit`, one a policy."""
    found = _PART.findall(headers.get("ratelimit", ""))
    return [n for key, value in found if key == wanted and (n := _number(value)) is not None]


def _number(text: str) -> int | None:
    """A count or a number of seconds; None where the text is none."""
    # Python refuses to read thousands of digits, and no float holds hundreds.
    return int(text[:_DIGITS]) if text.isdecimal() else None
