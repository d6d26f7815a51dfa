"""The zone of a lab: its first records, and what a dynamic update (RFC 2136) does to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.update
import dns.zone
from dns.rdtypes.ANY.SOA import SOA

from cockpit.rehearsal.spec import LabSpec

GRANTED = frozenset((dns.rdatatype.A, dns.rdatatype.AAAA, dns.rdatatype.CNAME, dns.rdatatype.TXT))
"""The record types that the key may change, as an `update-policy` of BIND grants them."""
_FIXED = frozenset((dns.rdatatype.SOA, dns.rdatatype.NS))
"""Types that no update deletes at the zone's apex (RFC 2136, 3.4.2.3)."""

Name = dns.name.Name
Zone = dns.zone.Zone
Rcode = dns.rcode.Rcode


def first_zone(spec: LabSpec) -> Zone:
    """The zone as the old provider serves it before anything changed."""
    lines = [
        f"{spec.zone} 3600 IN SOA ns1.{spec.zone} hostmaster.{spec.zone} 1 3600 600 604800 900",
        f"{spec.zone} 86400 IN NS ns1.{spec.zone}",
        f"{spec.zone} 86400 IN NS ns2.{spec.zone}",
        f"ns1.{spec.zone} 86400 IN A {spec.at(53)}",
        f"ns2.{spec.zone} 86400 IN A {spec.at(54)}",
        *(f"{name} {spec.ttl} IN A {spec.old}" for name in spec.names),
    ]
    return read_zone("\n".join(lines), spec.zone)


def read_zone(text: str, origin: str) -> Zone:
    """A zone from its master file."""
    return dns.zone.from_text(text, origin=origin, relativize=False)


def write_zone(zone: Zone) -> str:
    """The zone's master file."""
    return str(zone.to_text(sorted=True, relativize=False))


def copy_zone(zone: Zone) -> Zone:
    """The same records, to be changed on their own."""
    return read_zone(write_zone(zone), origin_of(zone).to_text())


def origin_of(zone: Zone) -> Name:
    """The zone's name."""
    return zone.origin or dns.name.root


def soa_of(zone: Zone) -> dns.rrset.RRset:
    """The zone's SOA record."""
    return zone.find_rrset(origin_of(zone), dns.rdatatype.SOA)


def serial_of(zone: Zone) -> int:
    """The zone's serial."""
    soa = soa_of(zone)[0]
    return soa.serial if isinstance(soa, SOA) else 0


def update(zone: Zone, message: dns.update.UpdateMessage) -> tuple[Rcode, Zone]:
    """What an update answers, and the zone after it: whole or untouched, serial one higher."""
    refusal = _outside(zone, message) or _missed(zone, message.prerequisite) or _ban(message.update)
    if refusal:
        return refusal, zone
    changed = copy_zone(zone)
    for rrset in message.update:
        _apply(changed, rrset)
    if write_zone(changed) == write_zone(zone):
        return dns.rcode.NOERROR, zone
    soa = soa_of(changed)
    raised = soa[0].replace(serial=(serial_of(zone) + 1) % 2**32)
    changed.replace_rdataset(soa.name, dns.rdataset.from_rdata(soa.ttl, raised))
    return dns.rcode.NOERROR, changed


def _outside(zone: Zone, message: dns.update.UpdateMessage) -> Rcode | None:
    origin = origin_of(zone)
    names = [rrset.name for rrset in (*message.prerequisite, *message.update)]
    return None if all(name.is_subdomain(origin) for name in names) else dns.rcode.NOTZONE


def _missed(zone: Zone, prerequisites: Sequence[dns.rrset.RRset]) -> Rcode | None:
    """The first prerequisite that does not hold (RFC 2136, 3.2.5)."""
    values: dict[tuple[Name, dns.rdatatype.RdataType], dns.rrset.RRset] = {}
    for rrset in prerequisites:
        if rrset.deleting is None:
            wanted = values.setdefault(
                (rrset.name, rrset.rdtype),
                dns.rrset.RRset(rrset.name, rrset.rdclass, rrset.rdtype),
            )
            for rdata in rrset:
                wanted.add(rdata)
        elif missed := _unmet(zone, rrset):
            return missed
    for (name, rdtype), wanted in values.items():
        here = zone.get_rdataset(name, rdtype)
        if here is None or set(here) != set(wanted):
            return dns.rcode.NXRRSET
    return None


def _unmet(zone: Zone, rrset: dns.rrset.RRset) -> Rcode | None:
    wants_absence = rrset.deleting == dns.rdataclass.NONE
    if rrset.rdtype == dns.rdatatype.ANY:
        is_there, absent, present = (
            zone.get_node(rrset.name) is not None,
            dns.rcode.NXDOMAIN,
            dns.rcode.YXDOMAIN,
        )
    else:
        is_there, absent, present = (
            zone.get_rdataset(rrset.name, rrset.rdtype) is not None,
            dns.rcode.NXRRSET,
            dns.rcode.YXRRSET,
        )
    if is_there == wants_absence:
        return present if is_there else absent
    return None


def _ban(updates: Sequence[dns.rrset.RRset]) -> Rcode | None:
    for rrset in updates:
        deletes_name = rrset.deleting == dns.rdataclass.ANY and rrset.rdtype == dns.rdatatype.ANY
        if rrset.rdtype not in GRANTED and not deletes_name:
            return dns.rcode.REFUSED
    return None


def _apply(zone: Zone, rrset: dns.rrset.RRset) -> None:
    _KINDS[rrset.deleting](zone, rrset)


def _add(zone: Zone, rrset: dns.rrset.RRset) -> None:
    here = zone.get_rdataset(rrset.name, rrset.rdtype)
    node = zone.get_node(rrset.name)
    is_alias = zone.get_rdataset(rrset.name, dns.rdatatype.CNAME) is not None
    if rrset.rdtype == dns.rdatatype.CNAME and node is not None and not is_alias:
        return  # an alias beside other records is passed over (RFC 2136, 3.4.2.2)
    if rrset.rdtype != dns.rdatatype.CNAME and is_alias:
        return
    records = list(here) if here and rrset.rdtype != dns.rdatatype.CNAME else []
    zone.replace_rdataset(rrset.name, dns.rdataset.from_rdata_list(rrset.ttl, [*records, *rrset]))


def _delete_rrset(zone: Zone, rrset: dns.rrset.RRset) -> None:
    if rrset.rdtype != dns.rdatatype.ANY:
        zone.delete_rdataset(rrset.name, rrset.rdtype)
        return
    for rdataset in list(zone.get_node(rrset.name) or ()):
        if rrset.name != zone.origin or rdataset.rdtype not in _FIXED:
            zone.delete_rdataset(rrset.name, rdataset.rdtype)


def _delete_record(zone: Zone, rrset: dns.rrset.RRset) -> None:
    here = zone.get_rdataset(rrset.name, rrset.rdtype)
    left = [rdata for rdata in here or () if rdata not in rrset]
    if here is None:
        return
    if left:
        zone.replace_rdataset(rrset.name, dns.rdataset.from_rdata_list(here.ttl, left))
    else:
        zone.delete_rdataset(rrset.name, rrset.rdtype)


_KINDS: dict[dns.rdataclass.RdataClass | None, Callable[[Zone, dns.rrset.RRset], None]] = {
    None: _add,
    dns.rdataclass.ANY: _delete_rrset,
    dns.rdataclass.NONE: _delete_record,
}
