"""Which records of a whole zone still lead to an address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network

from cockpit.propagation.beside import value_of
from cockpit.propagation.classify import canonical
from cockpit.propagation.providers.base import RecordSet
from cockpit.runbook.targets import DnsTarget

_RANGE = re.compile(r"\bip[46]:([0-9a-f:./]+)", re.IGNORECASE)
"""An address or network that an SPF record allows to send (RFC 7208 s4.6.1: in either case)."""

LEADING = ("A", "AAAA", "HTTPS", "SVCB")
"""Types by which users are led to an address beside the type that moves."""


def holding(records: Iterable[RecordSet], wanted: str) -> Iterator[tuple[RecordSet, str]]:
    """Each record set with the value in which an address or name stands, alone or in a range."""
    for one in records:
        for value in one.values:
            # A TXT record's strings may be cut in the midst of an address.
            if _names(value, wanted) or _names(value_of(one.type, value), wanted):
                yield one, value


def undeclared(records: Iterable[RecordSet], target: DnsTarget) -> Iterator[str]:
    """Whatever else leads users of a name that moves, and of which nobody said where it leads."""
    moving = {canonical(name) for name in target.names}
    declared = {(canonical(one.name), one.type) for one in target.records}
    for one in records:
        is_other = one.type in LEADING and one.type != target.record_type
        if one.name in moving and is_other and (one.name, one.type) not in declared:
            yield from (f"{one.name} {one.type} {value}" for value in one.values)


def _names(value: str, wanted: str) -> bool:
    words = {canonical(word) for word in re.split(r'[\s",;=]+', value) if word}
    if canonical(wanted) in words:
        return True
    return any(_contains(found, wanted) for found in _RANGE.findall(value))


def _contains(network: str, wanted: str) -> bool:
    try:
        return ip_address(wanted) in ip_network(network, strict=False)
    except ValueError:
        return False
