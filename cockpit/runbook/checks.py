"""Checks: named questions that only read, each answered pass, fail or unknown with evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cockpit.runbook.words import (
    Comparison,
    Duration,
    Id,
    Offset,
    ProbeId,
    Share,
    SignalId,
    Size,
    StepId,
    TargetId,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """What a value must be."""

    op: Comparison = "=="
    value: float | str
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckBase:
    """What every check has."""

    id: Id
    title: str
    """The question in the operator's words, a few of them."""
    fresh_for: Duration = Duration(60.0)
    """How long an answer counts, in run seconds."""
    timeout: Duration = Duration(10.0)
    """Real seconds after which the answer is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlCheck(CheckBase):
    """The first column of the first row of a read-only query."""

    kind: Literal["sql"]
    target: TargetId
    query: str
    expect: Expect


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCheck(CheckBase):
    """A GET; its status, and where given a value inside its JSON."""

    kind: Literal["http"]
    target: TargetId
    path: str
    expect_status: int = 200
    json: str = ""
    """A dotted path into the JSON body, numbers index lists."""
    expect: Expect | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseCheck(CheckBase):
    """A database answers, over TLS where asked, and is the one that is meant."""

    kind: Literal["database"]
    target: TargetId
    tls: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WritesCheck(CheckBase):
    """A canary insert as each application role, always rolled back: refused, or accepted."""

    kind: Literal["refuses_writes", "accepts_writes"]
    target: TargetId
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencesCheck(CheckBase):
    """Every sequence of the target lies beyond the source's by the margin."""

    kind: Literal["sequences_ahead"]
    source: TargetId
    target: TargetId
    margin: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciledCheck(CheckBase):
    """Both sides hold the same rows, or none was lost."""

    kind: Literal["reconciled"]
    source: TargetId
    target: TargetId
    tables: tuple[str, ...]
    mode: Literal["identical", "nothing_lost"] = "identical"


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsTtlCheck(CheckBase):
    """The TTL at every authoritative address and every honest resolver."""

    kind: Literal["dns_ttl"]
    target: TargetId
    at_most: Duration
    resolvers: bool = True
    """Whether resolvers count too; clamping and violating ones are named, and do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsAnswerCheck(CheckBase):
    """Every authoritative address gives that answer for every name."""

    kind: Literal["dns_answer"]
    target: TargetId
    answer: Literal["old", "new", "any"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvergedCheck(CheckBase):
    """The share of honest caches that follow the last switch."""

    kind: Literal["converged"]
    target: TargetId
    at_least: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsZoneCheck(CheckBase):
    """`dns_quiet`: caches have forgotten our last question; `dns_agree`: serials and delegation.

    `dns_old_address`: no record of the zone but those that move holds the old address.
    """

    kind: Literal["dns_quiet", "dns_agree", "dns_old_address"]
    target: TargetId


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsProviderCheck(CheckBase):
    """The provider holds what the name servers give, and accepts a TTL that low."""

    kind: Literal["dns_provider"]
    target: TargetId
    ttl: Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsCaaCheck(CheckBase):
    """No CAA record, climbing from each name, refuses the certificate's issuer."""

    kind: Literal["dns_caa"]
    target: TargetId
    issuer: str
    """As a CAA record names it: `letsencrypt.org`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsSignedCheck(CheckBase):
    """A signed zone's signatures hold, and will; an unsigned one is said to be."""

    kind: Literal["dns_signed"]
    target: TargetId
    valid_for: Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsCertificateCheck(CheckBase):
    """The new address proves itself for every name that moves, asked for by SNI."""

    kind: Literal["dns_certificate"]
    target: TargetId
    valid_for: Duration
    """Run seconds for which the certificate must hold yet."""
    tls: bool = True
    """Whether the sides speak TLS at all; where not, this is not rehearsed."""
    port: int = 443


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsServesCheck(CheckBase):
    """The old and the new address both answer HTTP for every name that moves."""

    kind: Literal["dns_serves"]
    target: TargetId
    path: str = "/"
    tls: bool = True
    port: int = 443


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskCheck(CheckBase):
    """Free space where the host target points."""

    kind: Literal["disk"]
    target: TargetId
    at_least: Size


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFilesCheck(CheckBase):
    """Every secret's file is there, not empty, and closed to other users of the host."""

    kind: Literal["secret_files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerCheck(CheckBase):
    """The Docker engine behind a Compose target answers."""

    kind: Literal["docker"]
    target: TargetId


@dataclass(frozen=True, slots=True, kw_only=True)
class StackLintCheck(CheckBase):
    """A Compose stack, as it resolves, makes none of the mistakes that end cutovers.

    `x-cockpit-waive: {RULE: REASON}` in a service, or at the top of a file, accepts one.
    """

    kind: Literal["stack_lint"]
    target: TargetId
    allow: Literal["warnings", "hints", "nothing"] = "warnings"
    """The gravest that may be found: `hints` lets warnings fail too, `nothing` lets hints."""
    elsewhere: Literal["unknown", "not_told"] = "unknown"
    """What disk, ports and clock of an engine on another host count as, which nobody here can tell:
    `not_told` names them in the evidence and lets the gate open; look at that host yourself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnonymousCheck(CheckBase):
    """No address and no phone of production is in staging's tables; passes outside staging.

    Compared by hashes that each database makes itself, so that nobody's address leaves either.
    """

    kind: Literal["anonymous"]
    target: TargetId
    source: TargetId
    """The database in production's profile whose people are meant."""
    columns: tuple[str, ...]
    """`TABLE.COLUMN` of the source: where production keeps addresses and phones."""
    tables: tuple[str, ...]
    """Tables of the target, of which every column that holds text is looked through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaysEnvironmentCheck(CheckBase):
    """The text of a page holds staging's mark in staging, and does not hold it in production."""

    kind: Literal["says_environment"]
    target: TargetId
    path: str = "/"
    mark: str = "staging"
    """The words that only staging's page has, in capitals or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicesCheck(CheckBase):
    """The tiles of these probes are fine and fresh."""

    kind: Literal["services"]
    probes: tuple[ProbeId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsedCheck(CheckBase):
    """A staging run of this procedure was rolled back, lately enough; passes outside production.

    After a production run that was rolled back: since then, and with that run's cause written down.
    """

    kind: Literal["rehearsed"]
    max_age: Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseCheck(CheckBase):
    """A note was written in this run since its rollback began; passes outside production."""

    kind: Literal["cause_written"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotBeforeCheck(CheckBase):
    """The run clock has reached an offset."""

    kind: Literal["not_before"]
    offset: Offset


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakCheck(CheckBase):
    """So much time has passed since a step was done."""

    kind: Literal["soak"]
    after: StepId
    duration: Duration
    zone: TargetId | None = None
    """Where the step lowered TTLs: the former one must have run out too, twice with a `lag`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalCheck(CheckBase):
    """A signal's measured value."""

    kind: Literal["signal"]
    signal: SignalId
    expect: Expect


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietCheck(CheckBase):
    """The counter of a metric probe has not risen for so long, and was watched all the while."""

    kind: Literal["quiet"]
    probe: ProbeId
    duration: Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCheck(CheckBase):
    """A step's export reads back: every file's digest and count as its manifest says."""

    kind: Literal["export_readable"]
    of: StepId


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandCheck(CheckBase):
    """A program that only reads exits with 0; in rehearsal it is not rehearsed."""

    kind: Literal["command"]
    argv: tuple[str, ...]
    reads_only: Literal[True]


Check = (
    SqlCheck
    | HttpCheck
    | DatabaseCheck
    | WritesCheck
    | SequencesCheck
    | ReconciledCheck
    | DnsTtlCheck
    | DnsAnswerCheck
    | ConvergedCheck
    | DnsZoneCheck
    | DnsProviderCheck
    | DnsCaaCheck
    | DnsSignedCheck
    | DnsCertificateCheck
    | DnsServesCheck
    | DiskCheck
    | SecretFilesCheck
    | DockerCheck
    | StackLintCheck
    | AnonymousCheck
    | SaysEnvironmentCheck
    | ServicesCheck
    | RehearsedCheck
    | CauseCheck
    | NotBeforeCheck
    | SoakCheck
    | SignalCheck
    | QuietCheck
    | ExportCheck
    | CommandCheck
)
