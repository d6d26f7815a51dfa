"""Providers by octoDNS: those of its modules that were read, and replace a record set in one go.

octoDNS means to own a whole zone, so it is given the zone as it is with nothing but the change in
it, and its plan is refused where that holds anything else. A module that deletes a record to make
it anew leaves a moment without the name, which caches keep: such a one is no provider here.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module, metadata
from typing import Any, TypeVar

from cockpit.errors import ActionFailed, CockpitError, NotInstalled, Refused, TargetError
from cockpit.propagation.classify import canonical
from cockpit.propagation.providers.base import (
    Changed,
    Effort,
    RecordSet,
    Terms,
    Unheard,
    as_kept,
    record_set,
    refuse_impossible,
    secret_of,
)
from cockpit.runbook.targets import DnsTarget
from cockpit.secrets import Secrets

T = TypeVar("T")
WRITES = 3
"""How often a change whose answer was lost is made anew, each time after a look."""


@dataclass(frozen=True, slots=True)
class Module:
    """A module of octoDNS that was read, and how it is made."""

    package: str
    name: str
    secret: str
    """The argument that takes the secret."""
    version: int
    """The first number of the versions whose way of updating was read."""
    least_ttl: int
    fixed: Mapping[str, Any] = field(default_factory=dict)
    by_path: bool = False
    """Whether it wants the path of the secret's file."""


MODULES: Mapping[str, Module] = {
    # One PATCH with REPLACE for every set, in one transaction.
    "powerdns": Module(
        "octodns_powerdns", "PowerDnsProvider", "api_key", 1, 1, {"enable_dynamic": False}
    ),
    # One change batch of UPSERTs, all or nothing.
    # Its library would send a request without an answer again by itself, without a look before.
    "route53": Module(
        "octodns_route53", "Route53Provider", "secret_access_key", 1, 1, {"client_max_attempts": 0}
    ),
    # One change of deletions and additions, atomic, the deletions compared with what is there.
    "googlecloud": Module(
        "octodns_googlecloud", "GoogleCloudProvider", "credentials_file", 1, 1, by_path=True
    ),
    # One PUT a set.
    "azure": Module("octodns_azure", "AzureProvider", "key", 1, 1),
    # One POST a set.
    "ns1": Module("octodns_ns1", "Ns1Provider", "api_key", 1, 1),
    # Two requests a set: its values, then its TTL. Its older API deletes and creates.
    "hetzner": Module("octodns_hetzner", "HetznerProvider", "token", 2, 60, {"backend": "hcloud"}),
}
ODD = {
    "CNAME": "a CNAME to {}",
    "ALIAS": "flattened",
}
"""Types beside which a name has no record of its own, and what is said of them."""


class Library:
    """A zone at a provider that octoDNS speaks to."""

    def __init__(self, target: DnsTarget, secrets: Secrets, effort: Effort | None = None) -> None:
        self._target = target
        self._secrets = secrets
        self._effort = effort or Effort()
        self._module = MODULES[target.provider]

    async def read(self, names: Sequence[str]) -> tuple[RecordSet, ...]:
        """The record sets as the provider has them."""
        zone = await self._seen()
        return tuple(_set_of(zone, canonical(name), self._target.record_type) for name in names)

    async def all(self) -> tuple[RecordSet, ...]:
        """Every record set of the types that octoDNS knows there."""
        found = [one.to_rrset() for one in (await self._seen()).records]
        return tuple(as_kept(one.name, one._type, one.rdatas, one.ttl) for one in found)  # noqa: SLF001 - octoDNS has no other name for it

    async def terms(self) -> Terms:
        """By the provider's documents, unless the profile knows better."""
        least = self._target.least_ttl
        return Terms(self._module.least_ttl if least is None else round(least))

    def given_ttl(self, ttl: int) -> int:
        """As it is kept."""
        return ttl

    async def change(self, before: Sequence[RecordSet], after: Sequence[RecordSet]) -> None:
        """Have the sets replaced, where all are still as before and nothing else would change."""
        refuse_impossible(before, after, self._module.least_ttl)
        names = [one.name for one in before]
        lost: Unheard | None = None
        for _ in range(WRITES):
            now = await self._now(names, lost)
            if now == list(after):
                return
            if now != list(before):
                told = next(str(one) for one, old in zip(now, before, strict=True) if one != old)
                raise Changed(f"the account now has {told}", where=self._target.zone)
            try:
                await self._work(lambda: self._apply(before, after), self._lost)
            except Unheard as error:
                lost = error
            else:
                return
        if lost is not None and await self._now(names, lost) != list(after):
            raise lost

    async def _now(self, names: Sequence[str], lost: Unheard | None) -> list[RecordSet]:
        try:
            return list(await self.read(names))
        except TargetError as error:
            if lost is None:
                raise
            raise Unheard(f"{lost.what}; then {error.what}", where=error.where) from error

    async def _seen(self) -> Any:
        # Loading octoDNS takes longer than a request may, and is none.
        await asyncio.to_thread(require, self._target.provider)
        pause = self._effort.pause_s
        for _ in range(self._effort.tries - 1):
            try:
                return await self._work(self._populated, self._failed)
            except ActionFailed:
                raise
            except TargetError as error:
                if self._effort.left_s <= pause:
                    raise
                self._effort.say(f"{error.what}; asked again")
            await asyncio.sleep(pause)
            pause *= 2
        return await self._work(self._populated, self._failed)

    async def _work(self, work: Callable[[], T], failed: Callable[[Exception], TargetError]) -> T:
        """Blocking work in a thread that nobody waits for once the time is over."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def tell(how: Callable[[Any], None], what: Any) -> None:
            if not done.done():
                how(what)

        def act() -> None:
            try:
                result = work()
            except Exception as error:  # noqa: BLE001 - octoDNS's modules raise whatever their libraries do
                _tell(loop, tell, done.set_exception, error)
            else:
                _tell(loop, tell, done.set_result, result)

        threading.Thread(target=act, daemon=True).start()
        try:
            async with asyncio.timeout(min(self._effort.request_s, self._effort.left_s)):
                return await done
        except CockpitError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            raise failed(error) from None

    def _populated(self) -> Any:
        zone = _zone(self._target.zone)
        if not self._provider().populate(zone, target=True, lenient=True):
            raise ActionFailed("the account has no such zone", where=self._target.zone)
        return zone

    def _apply(self, before: Sequence[RecordSet], after: Sequence[RecordSet]) -> None:
        record = import_module("octodns.record").Record
        desired = self._populated()
        for new in after:
            value = {"value": new.values[0]} if len(new.values) == 1 else {"values": new.values}
            data = {"type": new.type, "ttl": new.ttl, **value}
            name = desired.hostname_from_fqdn(new.name)
            desired.add_record(record.new(desired, name, data, lenient=True), replace=True)
        # A provider of its own, since some keep what they read: the plan compares with what is now.
        provider = self._provider()
        plan = provider.plan(desired)
        self._refuse_more(plan, before, after)
        provider.apply(plan)

    def _refuse_more(
        self, plan: Any, before: Sequence[RecordSet], after: Sequence[RecordSet]
    ) -> None:
        """ActionFailed where a plan holds anything but the change of these sets."""
        wanted = {(old, new) for old, new in zip(before, after, strict=True) if old != new}
        planned = set()
        for change in plan.changes if plan else ():
            old, new = getattr(change, "existing", None), getattr(change, "new", None)
            if type(change).__name__ != "Update" or old is None or new is None:
                raise ActionFailed(f"octoDNS would also do this: {change}", where=self._target.zone)
            planned.add((_as_set(old), _as_set(new)))
        if plan and plan.meta:
            raise ActionFailed("octoDNS would also change the zone", where=self._target.zone)
        if planned != wanted:
            told = "; ".join(f"{old} -> {new}" for old, new in planned - wanted) or "less"
            raise Changed(f"octoDNS would do {told}", where=self._target.zone)

    def _provider(self) -> Any:
        module = self._module
        made = getattr(import_module(module.package), module.name)
        secret = secret_of(self._target)
        value = self._secrets.value(secret)
        given = str(self._secrets.path(secret)) if module.by_path else value
        options = {key: _typed(text) for key, text in self._target.options.items()}
        plain = {"strict_supports": False, "root_ns_warnings": False}
        return made("cockpit", **module.fixed, **options, **{module.secret: given}, **plain)

    def _failed(self, error: Exception) -> TargetError:
        words = self._words(error)
        if _refused(error):
            return ActionFailed(words, where=self._target.zone)
        return TargetError(words, where=self._target.zone)

    def _lost(self, error: Exception) -> TargetError:
        words = self._words(error)
        kind = ActionFailed if _refused(error) else Unheard
        return kind(words, where=self._target.zone)

    def _words(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"{self._target.provider} did not answer"
        text = self._secrets.hide(" ".join(str(error).split()))[:300]
        return f"{self._target.provider} by octoDNS: {text or type(error).__name__}"


def _tell(loop: asyncio.AbstractEventLoop, tell: Any, how: Any, what: Any) -> None:
    try:
        loop.call_soon_threadsafe(tell, how, what)
    except RuntimeError:
        return  # the loop ended: whoever asked has given up


def _zone(name: str) -> Any:
    return import_module("octodns.zone").Zone(canonical(name), [])


def require(provider: str) -> None:
    """Import a provider's module; Refused for a version that might delete before it writes."""
    module = MODULES[provider]
    package = module.package.replace("_", "-")
    try:
        version = metadata.version(package)
    except metadata.PackageNotFoundError:
        mend = f"pip install 'cockpit[dns]' '{package}>={module.version},<{module.version + 1}'"
        what = f"the octoDNS module for {provider} is not installed on this host"
        raise NotInstalled(what, mend=mend) from None
    if version.partition(".")[0] != str(module.version):
        raise Refused(
            f"how {package} {version} updates records was not read, only version"
            f" {module.version} was: it might delete first",
            mend=f"pip install '{package}>={module.version},<{module.version + 1}'",
        )
    import_module("octodns.record")
    import_module(module.package)
    root = logging.getLogger()
    if not root.handlers:
        # Where nobody set a log up, Python would write what they log, tracebacks too, into the
        # step's output. What matters of it is in the error that they raise.
        root.addHandler(logging.NullHandler())


def _typed(text: str) -> Any:
    return int(text) if text.isdecimal() else text


def _set_of(zone: Any, name: str, kind: str) -> RecordSet:
    here = [one for one in zone.records if canonical(one.fqdn) == name]
    own = next((one for one in here if one._type == kind), None)  # noqa: SLF001 - as above
    if own is not None:
        return _as_set(own)
    for other in here:
        if other._type in ODD:  # noqa: SLF001 - as above
            odd = ODD[other._type].format(other.value)  # noqa: SLF001 - as above
            return replace(record_set(name, kind, (), 0), odd=odd)
    return record_set(name, kind, (), 0)


def _as_set(record: Any) -> RecordSet:
    values = record.values if hasattr(record, "values") else [record.value]
    found = record_set(record.fqdn, record._type, [str(one) for one in values], record.ttl)  # noqa: SLF001 - as above
    rules = getattr(record, "dynamic", None) or getattr(record, "geo", None)
    return replace(found, odd="answered by rules, not by one value" if rules else "")


def _refused(error: Exception) -> bool:
    """Whether an API said no, so that nothing came of it."""
    status = _status(error)
    if isinstance(status, int):
        return 400 <= status < 500 and status not in (408, 429)
    return status in _SAID_NO


_SAID_NO = (
    "unauthorized",
    "forbidden",
    "token_readonly",
    "not_found",
    "invalid_input",
    "protected",
)
"""Words in which Hetzner's library gives what HTTP calls 4xx."""


def _status(error: Exception) -> object:
    """What an API answered, wherever the library of its provider keeps it."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):
        return response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    kept = (getattr(response, "status_code", None), getattr(error, "status_code", None))
    return next((one for one in kept if one is not None), getattr(error, "code", None))
