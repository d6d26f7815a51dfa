"""Public resolvers that anyone may ask: who runs each, where, and at which addresses.

Each was confirmed by at least two lists of 2026, or verified to answer by one. Those that are known
to rewrite answers or TTLs are left out; the rest are vetted before they count, wherever they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from cockpit.runbook.targets import DnsTarget, Resolver


class Operator(NamedTuple):
    """One operator's resolver."""

    name: str
    country: str
    ipv4: str = ""
    ipv6: str = ""
    host: str = ""
    """The name that its certificate proves, where it answers over TLS."""


OPERATORS = (
    Operator("Google", "US", "8.8.8.8", "2001:4860:4860::8888", "dns.google"),
    Operator("Cloudflare", "US", "1.1.1.1", "2606:4700:4700::1111", "one.one.one.one"),
    Operator("Quad9", "CH", "9.9.9.9", "2620:fe::fe", "dns.quad9.net"),
    Operator("Quad9 unsecured", "CH", "9.9.9.10", "2620:fe::10", "dns10.quad9.net"),
    Operator("OpenDNS", "US", "208.67.222.222", "2620:119:35::35", "dns.opendns.com"),
    Operator("AdGuard", "CY", "94.140.14.140", "2a10:50c0::1:ff", "unfiltered.adguard-dns.com"),
    Operator("ControlD", "CA", "76.76.2.0", "2606:1a40::", "p0.freedns.controld.com"),
    Operator("CleanBrowsing", "US", "185.228.168.9", "2a0d:2a00:1::2"),
    Operator("Vercara", "US", "64.6.64.6", "2620:74:1b::1:1"),
    Operator("UltraDNS", "US", "156.154.70.1", "2610:a1:1018::1"),
    Operator("Hurricane Electric", "US", "74.82.42.42", "2001:470:20::2", "ordns.he.net"),
    Operator("Level 3", "US", "4.2.2.2"),
    Operator("Lumen", "US", "205.171.3.65"),
    Operator("Comodo", "US", "8.26.56.26"),
    Operator("CIRA", "CA", "149.112.121.10", "2620:10a:80bb::10", "private.canadianshield.cira.ca"),
    Operator("DNS4EU", "EU", "86.54.11.100", "2a13:1001::86:54:11:100", "unfiltered.joindns4.eu"),
    Operator("CZ.NIC", "CZ", "193.17.47.1", "2001:148f:ffff::1", "odvr.nic.cz"),
    Operator("SWITCH", "CH", "130.59.31.248", "2001:620:0:ff::2", "dns.switch.ch"),
    Operator("DNS.SB", "DE", "185.222.222.222", "2a09::", "dot.sb"),
    Operator("UncensoredDNS", "DK", "91.239.100.100", "2001:67c:28a4::"),
    Operator("UncensoredDNS unicast", "DK", "89.233.43.71", "2a01:3a0:53:53::"),
    Operator("LibreDNS", "DE", "88.198.92.222", "", "dot.libredns.gr"),
    Operator("dnsforge", "DE", "176.9.93.198", "", "dnsforge.de"),
    Operator("DNS.WATCH", "DE", "84.200.69.80"),
    Operator("FDN", "FR", "80.67.169.12", "2001:910:800::12", "ns0.fdn.fr"),
    Operator("Gcore", "LU", "95.85.95.85"),
    Operator("Restena", "LU", "158.64.1.29", "", "dnspub.restena.lu"),
    Operator("Swisscom", "CH", "195.186.1.111"),
    Operator("SafeDNS", "RU", "195.46.39.39"),
    Operator("Yandex", "RU", "77.88.8.8", "2a02:6b8::feed:0ff", "common.dot.dns.yandex.net"),
    Operator("Bezeq", "IL", "192.115.106.10"),
    Operator("AliDNS", "CN", "223.5.5.5", "2400:3200::1", "dns.alidns.com"),
    Operator("DNSPod", "CN", "119.29.29.29", "2402:4e00::", "dot.pub"),
    Operator("114DNS", "CN", "114.114.114.114"),
    Operator("Baidu", "CN", "180.76.76.76"),
    Operator("CNNIC", "CN", "1.2.4.8"),
    Operator("360", "CN", "101.226.4.6"),
    Operator("Korea Telecom", "KR", "168.126.63.1"),
    Operator("LG U+", "KR", "164.124.101.2"),
    Operator("HiNet", "TW", "168.95.1.1"),
    Operator("Quad101", "TW", "101.101.101.101", "2001:de4::101", "101.101.101.101"),
    Operator("Telstra", "AU", "139.130.4.4"),
    Operator("SafeSurfer", "NZ", "104.197.28.121"),
    Operator("UOL", "BR", "200.221.11.100"),
)


def with_public(target: DnsTarget) -> DnsTarget:
    """The target with the public resolvers that it wants and does not list itself.

    They are in no share where the target weighs its own: nobody said how many users ask them.
    """
    weight = 0.0 if target.resolvers else 1.0
    listed = {(one.address, one.way) for one in target.resolvers if not one.through}
    names = {one.name for one in target.resolvers}
    more = tuple(
        one
        for kind in target.public_resolvers
        for one in _of(kind, weight)
        if (one.address, one.way) not in listed and one.name not in names
    )
    return replace(target, resolvers=(*target.resolvers, *more))


def _of(kind: str, weight: float) -> Iterator[Resolver]:
    for one in OPERATORS:
        if kind == "ipv4" and one.ipv4:
            yield Resolver(name=one.name, address=one.ipv4, country=one.country, weight=weight)
        elif kind == "ipv6" and one.ipv6:
            name = f"{one.name} IPv6"
            yield Resolver(name=name, address=one.ipv6, country=one.country, weight=weight)
        elif kind == "tls" and one.host and one.ipv4:
            yield Resolver(
                name=f"{one.name} TLS",
                address=one.ipv4,
                country=one.country,
                weight=weight,
                way="tls",
                host=one.host,
            )
