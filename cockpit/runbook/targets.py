"""Targets: the things outside that steps act on, and who is told; values come from a profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cockpit.runbook.words import Duration, SecretId


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresTarget:
    """One PostgreSQL database."""

    kind: Literal["postgres"]
    host: str
    """Address or name of the server."""
    port: int = 5432
    database: str
    user: str
    """The role that copies, freezes and restores; it owns the tables."""
    password: SecretId
    sslmode: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] = "verify-full"
    sslrootcert: str | None = None
    """The certificate authority's file, for verify-ca and verify-full."""
    roles: Mapping[str, SecretId] = field(default_factory=dict)
    """The application's roles, each with its password: canary writes are tried as these."""
    identity: str | None = None
    """`system identifier/database` where known beforehand; else the first reading is pinned."""
    schema: str = "public"
    """The schema that holds the application's tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """A recursive resolver whose answers are watched."""

    name: str
    address: str
    port: int = 53
    country: str = ""
    weight: float = 1.0
    """Its share of users, relative to the others."""
    behaviour: Literal["honest", "clamps", "violates", "fails"] = "honest"
    """`clamps` raises small TTLs, `violates` holds on, `fails` answers nothing: known, named, and
    not waited for."""
    clamp: float = 0.0
    """Seconds to which a clamping resolver raises a TTL."""
    way: Literal["udp", "tcp", "tls", "https"] = "udp"
    """How it is asked: over UDP with TCP where cut short, TCP, TLS (port 853) or HTTPS (443)."""
    host: str = ""
    """The name that its certificate proves, for TLS and HTTPS; its address where left out."""
    through: str = ""
    """The host, as ssh knows it, on which it is asked by `dig`: it answers nobody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """One address of an authoritative server."""

    name: str
    address: str
    port: int = 53
    lag: Duration = Duration(0.0)
    """For how long it may go on giving an answer of its own cache (PowerDNS: 20 s)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedRecord:
    """A record beside those that move: watched in the grid, never changed by the step."""

    name: str
    type: Literal["A", "AAAA", "CNAME", "HTTPS", "SVCB", "CAA", "MX", "TXT"]
    old: tuple[str, ...] = ()
    """All its values before the switch; none where there must be no such record."""
    new: tuple[str, ...] | None = None
    """All its values after it; as before where left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsTarget:
    """The names that the cutover moves, who serves them, and who is asked."""

    kind: Literal["dns"]
    zone: str
    names: tuple[str, ...]
    """The names that are switched, fully qualified."""
    record_type: Literal["A", "AAAA", "CNAME"] = "A"
    old: str
    """The answer that leads to the old side."""
    new: str
    """The answer that leads to the new side."""
    provider: Literal[
        "rfc2136",
        "digitalocean",
        "cloudflare",
        "manual",
        "powerdns",
        "route53",
        "googlecloud",
        "azure",
        "ns1",
        "hetzner",
    ]
    """Who keeps the records; `manual`: a person enters them, and the name servers are watched.

    From `powerdns` on: by octoDNS, which is installed beside."""
    server: str = ""
    """The server that takes dynamic updates (rfc2136), `address:port`."""
    key_name: str = ""
    """The name of the TSIG key (rfc2136)."""
    secret: SecretId | None = None
    """The TSIG key or API token; `manual` has none."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What a provider by octoDNS is made with besides its secret: `host`, `port`, for one."""
    least_ttl: Duration | None = None
    """The lowest TTL that the provider keeps, where no API tells (manual, octoDNS)."""
    export: str = ""
    """The zone as a file, exported by hand, where no API lists it (manual); an absolute path."""
    authorities: tuple[Authority, ...]
    resolvers: tuple[Resolver, ...] = ()
    parents: tuple[Authority, ...] = ()
    """Servers of the parent zone, for its delegation; found through a resolver where left out."""
    records: tuple[WatchedRecord, ...] = ()
    """What else is watched, each with what it must say before and after."""
    public_resolvers: tuple[Literal["ipv4", "ipv6", "tls"], ...] = ()
    """Which of the public resolvers that the cockpit knows are rows too, by how they are asked."""
    own_resolvers: bool = False
    """Whether this host's own resolvers are rows too, in no share."""
    ssh_config: str = ""
    """An ssh configuration for `through`, absolute; that of the user where left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTarget:
    """One HTTP service at a fixed address."""

    kind: Literal["http"]
    url: str
    """Scheme, host and port, without a path."""
    host_header: str = ""
    """The name that is asked of that address, where it differs."""
    bearer: SecretId | None = None
    """A token for the Authorization header."""
    sslrootcert: str | None = None
    """The certificate authority's file, where it is not a public one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisTarget:
    """One Redis server."""

    kind: Literal["redis"]
    host: str
    port: int = 6379
    password: SecretId | None = None
    tls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeTarget:
    """A Docker Compose project."""

    kind: Literal["compose"]
    project: str
    directory: str
    """Where its files lie, absolute or relative to the runbook."""
    files: tuple[str, ...]
    profiles: tuple[str, ...] = ()
    context: str | None = None
    """A Docker context or an `ssh://` host; the local engine otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostTarget:
    """The host on which the cockpit runs."""

    kind: Literal["host"]
    path: str = "/"
    """A path on the filesystem whose free space counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPlayed:
    """In rehearsal alone: a target that the embedded lab does not play."""

    kind: Literal["not_rehearsed"]


Target = (
    PostgresTarget | DnsTarget | HttpTarget | RedisTarget | ComposeTarget | HostTarget | NotPlayed
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookNotifier:
    """Notices by HTTP POST of JSON `{subject, body}`."""

    kind: Literal["webhook"]
    url: str
    bearer: SecretId | None = None
    prefix: str = ""
    """Put before every subject, `[STAGING] ` for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNotifier:
    """Notices appended to a file in the run directory: rehearsals, and hosts without mail."""

    kind: Literal["file"]
    file: str = "notices.txt"
    prefix: str = ""


Notifier = WebhookNotifier | FileNotifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """A sign of life, so that others notice when the engine falls silent."""

    every: Duration = Duration(30.0)
    """Real seconds between two signs."""
    file: str = "heartbeat.json"
    """Replaced at each sign: absolute, or in the run directory."""
    url: str = ""
    """Asked with GET at each sign, but while something keeps the engine from its work."""
    key: SecretId | None = None
    """Put behind the URL as its last part, for services whose address is the key."""
    bearer: SecretId | None = None
    """A token for the Authorization header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryMirror:
    """Copies of way-back.md and the journal in a folder: a share of another host, mounted here."""

    kind: Literal["directory"]
    directory: str
    """Absolute; it must exist, and each run gets a folder of its own in it."""
    every: Duration = Duration(60.0)
    """Real seconds between two copies; way-back.md is copied as soon as it changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RcloneMirror:
    """Copies of way-back.md and the journal where rclone reaches: a bucket, a host by SFTP."""

    kind: Literal["rclone"]
    remote: str
    """As rclone writes it, `backup:cockpit`; each run gets a folder of its own in it."""
    config: str
    """The rclone configuration with that remote, absolute, mode 0600."""
    every: Duration = Duration(60.0)
    """Real seconds between two copies; way-back.md is copied as soon as it changes."""


Mirror = DirectoryMirror | RcloneMirror


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFile:
    """Where a secret lies; it is read only when used."""

    file: str
    """Absolute, or relative to the profile."""
