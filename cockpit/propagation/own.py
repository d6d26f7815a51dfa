"""The resolvers of this very host: what its programs ask, which may hold what nobody else does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from cockpit.runbook.targets import DnsTarget, Resolver

FILES = (
    ("host", Path("/etc/resolv.conf")),
    ("upstream", Path("/run/systemd/resolve/resolv.conf")),
)
"""What programs are told; and whom systemd-resolved asks where it stands between."""
_LINE = re.compile(r"nameserver[ \t]+(\S+)[ \t]*(?:[#;].*)?")


def nameservers(text: str) -> tuple[str, ...]:
    """The addresses of a resolv.conf, in order, each once; none that needs an interface's name."""
    found: list[str] = []
    for line in text.splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is None:
            continue
        try:
            address = ip_address(match[1])
        except ValueError:
            continue
        if not getattr(address, "scope_id", None):
            found.append(str(address))
    return tuple(dict.fromkeys(found))


def read_own(files: Iterable[tuple[str, Path]] = FILES) -> tuple[tuple[str, str], ...]:
    """Where each of this host's resolvers is named, with its address; a missing file names none."""
    found: dict[str, str] = {}
    for what, path in files:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for address in nameservers(text):
            found.setdefault(address, what)
    return tuple((what, address) for address, what in found.items())


def with_own(target: DnsTarget, own: Iterable[tuple[str, str]]) -> DnsTarget:
    """The target with these resolvers too, in no share: they are this host's, not its users'.

    One that is listed already stays as it is.
    """
    listed = {one.address for one in target.resolvers if not one.through and one.way == "udp"}
    names = {one.name for one in target.resolvers}
    more = tuple(
        Resolver(name=name, address=address, weight=0.0)
        for what, address in own
        if address not in listed and (name := f"{what} {address}") not in names
    )
    return replace(target, resolvers=(*target.resolvers, *more))
