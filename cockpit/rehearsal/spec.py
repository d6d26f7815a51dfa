"""What a lab is: its addresses, names, scenario and secrets, in `lab.json` of its folder."""

from __future__ import annotations

import base64
import os
import random
import secrets
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import msgspec

from cockpit.errors import Refused, TargetError
from cockpit.jsonread import read_json
from cockpit.rehearsal.scenarios import SCENARIOS

ROLES = ("owner", "authenticator", "authenticated", "service_role", "app", "jobs")
"""The database roles, each with a password file."""
KEY = "cutover"
"""The name of the TSIG key, HMAC-SHA256, that may change the zone."""
DNS_PORT = 5300
WEB_PORT = 8080
CONTROL_PORT = 8000
POSTGRES_PORT = 5432
OLD, NEW = "freshtrack_old", "freshtrack_new"
"""The databases of the two sides."""


class LabSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One lab."""

    net: str
    """Its /24 of loopback, `127.x.y`."""
    folder: str
    """Absolute; holds the lab's state, secrets and log."""
    journal: str
    """The run's journal, whose `clock_set` and `t0_happened` events the lab follows."""
    seed: int = 0
    scenario: str = "calm"
    zone: str = "freshtrackpro.test."
    names: tuple[str, ...] = (
        "freshtrackpro.test.",
        "www.freshtrackpro.test.",
        "api.freshtrackpro.test.",
    )
    ttl: int = 3600
    """Run seconds for which the zone's addresses may be kept at first."""
    requests_per_minute: float = 100.0
    """Requests of all users together in a run minute."""
    delay_s: float = 0.08
    """Real seconds that a web service takes for a request."""

    def at(self, host: int) -> str:
        """The address of one host of the lab's net, loopback or refused."""
        return loopback(f"{self.net}.{host}")

    @property
    def path(self) -> Path:
        """The lab's folder."""
        return Path(self.folder)

    @property
    def old(self) -> str:
        """The address of the old web service."""
        return self.at(10)

    @property
    def new(self) -> str:
        """The address of the new web service."""
        return self.at(20)

    @property
    def control(self) -> str:
        """The address of the lab's control."""
        return self.at(2)

    @property
    def database(self) -> str:
        """The address of the PostgreSQL server."""
        return self.at(5)

    def secret(self, name: str) -> str:
        """One secret of the lab, `NAME_password` or `dns_key`."""
        return (self.path / "secrets" / name).read_text(encoding="ascii").strip()

    def rng(self, part: str) -> random.Random:
        """Chance for one part of the lab, the same at every start from the same seed."""
        return random.Random(f"{self.seed}/{part}")  # noqa: S311 - simulation, no secret


def loopback(address: str) -> str:
    """The address itself; Refused where it is not of this machine alone."""
    if not IPv4Address(address).is_loopback:
        raise Refused("a lab keeps to loopback", where=address)
    return address


def prepare(folder: Path, net: str, seed: int, scenario: str, journal: Path) -> LabSpec:
    """Create a lab's folder with its secrets and `lab.json`; its servers are not started.

    Refused for an unknown scenario, a net off loopback, and a folder that holds a lab: new
    secrets would lock it out of its own data.
    """
    if scenario not in SCENARIOS:
        raise Refused(f"there is no scenario {scenario}", mend=f"one of {', '.join(SCENARIOS)}")
    folder = folder.absolute()
    loopback(f"{net}.1")
    if (folder / "lab.json").exists():
        raise Refused("a lab is here already", where=str(folder), mend="start it, or take another")
    spec = LabSpec(
        net=net, folder=str(folder), journal=str(journal.absolute()), seed=seed, scenario=scenario
    )
    (folder / "secrets").mkdir(mode=0o700, parents=True, exist_ok=True)
    for role in ROLES:
        _write_secret(folder / "secrets" / f"{role}_password", secrets.token_urlsafe(24))
    _write_secret(
        folder / "secrets" / "dns_key", base64.b64encode(secrets.token_bytes(32)).decode()
    )
    write_aside(folder / "lab.json", msgspec.json.format(msgspec.json.encode(spec)))
    return spec


def load(folder: Path) -> LabSpec:
    """The lab of a folder; TargetError where there is none."""
    try:
        return read_json((folder / "lab.json").read_bytes(), LabSpec)
    except (OSError, msgspec.MsgspecError) as error:
        raise TargetError(f"no lab here: {error}", where=str(folder)) from error


def write_aside(path: Path, content: bytes) -> None:
    """Replace a small file at once, never half written."""
    aside = path.with_name(f".{path.name}.aside")
    aside.write_bytes(content)
    aside.replace(path)


def free_net(seed: int | None = None) -> str:
    """A /24 of loopback, `127.x.y`, whose main addresses nobody listens on just now."""
    taken: OSError | None = None
    for net in _nets(seed):
        try:
            _bind(net)
        except OSError as error:
            taken = error
        else:
            return net
    raise TargetError(
        f"no net on loopback is free for a lab: {taken}",
        mend="a program that listens on this port of every address (0.0.0.0) is in the way",
    )


def _nets(seed: int | None) -> Iterator[str]:
    chance = random.Random(seed)  # noqa: S311 - a choice of addresses, no secret
    for _ in range(200):
        yield f"127.{chance.randint(16, 250)}.{chance.randint(1, 250)}"


def _bind(net: str) -> None:
    """Take the ports of a net for a moment; OSError, which names the first that is taken."""
    wanted = ((5, POSTGRES_PORT), (53, DNS_PORT), (2, CONTROL_PORT), (10, WEB_PORT), (20, WEB_PORT))
    for host, port in wanted:
        with socket.create_server((loopback(f"{net}.{host}"), port)):
            pass


def _write_secret(path: Path, value: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"{value}\n")
