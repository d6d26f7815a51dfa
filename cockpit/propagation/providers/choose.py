"""What reads and changes a target's records, imported when it is first needed."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from cockpit.errors import Refused
from cockpit.propagation.providers.base import Effort, RecordChanger, RecordReader
from cockpit.runbook.targets import DnsTarget
from cockpit.secrets import Secrets

_READERS = {"manual": ("manual", "ByHand")}
_CHANGERS = {
    "rfc2136": ("rfc2136", "DynamicUpdates"),
    "digitalocean": ("digitalocean", "DigitalOcean"),
    "cloudflare": ("cloudflare", "Cloudflare"),
}


_BY_LIBRARY = ("library", "Library")


def reader_for(target: DnsTarget, secrets: Secrets, effort: Effort | None = None) -> RecordReader:
    """What reads the records of a target."""
    module, name = {**_READERS, **_CHANGERS}.get(target.provider, _BY_LIBRARY)
    made = getattr(import_module(f"cockpit.propagation.providers.{module}"), name)
    return cast("RecordReader", made(target, secrets, effort))


def changer_for(target: DnsTarget, secrets: Secrets, effort: Effort | None = None) -> RecordChanger:
    """What reads and changes the records of a target; Refused where only a person can."""
    if target.provider in _READERS:
        raise Refused(f"the records of {target.zone} are changed by hand", where=target.provider)
    return cast("RecordChanger", reader_for(target, secrets, effort))
