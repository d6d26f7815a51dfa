"""For each lint rule a project that breaks it, and one that comes near and does not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from cockpit.runbook.words import Environment
from cockpit.stack.digest import digest
from cockpit.stack.facts import Bound, Facts, Image, Other, SecretFile

GIB = 1024**3
Service = dict[str, Any]
WGET = ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"]
SOUND: Service = {
    "image": "web:1.2.3",
    "restart": "unless-stopped",
    "healthcheck": {"test": WGET, "interval": "5s"},
    "logging": {"driver": "json-file", "options": {"max-size": "10m"}},
    "deploy": {"resources": {"limits": {"memory": "256M"}, "reservations": {"memory": "64M"}}},
}
"""A service of which no rule complains."""
HOLDS = Image({"wget": True, "/bin/sh": True, "curl": True, "node": True, "redis-cli": True})
CALM = Facts(
    memory=4 * GIB,
    disk_free=20 * GIB,
    ports=(),
    is_clock_set=True,
    images={"web": HOLDS, "redis": HOLDS},
    other=Other("production"),
)
"""Facts of which no rule complains."""


@dataclass(frozen=True)
class Project:
    """A project of a sound service `web`, with some of its keys replaced; None takes one out."""

    web: Service = field(default_factory=dict)
    redis: Service | None = None
    top: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    environment: Environment = "production"

    def written(self) -> dict[str, Any]:
        services = {"web": _with(self.web)}
        if self.redis is not None:
            services["redis"] = _with(self.redis)
        return {"name": "p", "services": services, **self.top}

    def known(self) -> Facts:
        plain = {name: getattr(CALM, name) for name in Facts.__dataclass_fields__}
        return Facts(**{**plain, **self.facts})


def _with(changes: Service) -> Service:
    merged = {**SOUND, **changes}
    return {key: value for key, value in merged.items() if value is not None}


def shell(line: str) -> Service:
    return {"healthcheck": {"test": ["CMD-SHELL", line]}}


def limits(limit: str, reserved: str = "64M") -> Service:
    resources = {"limits": {"memory": limit}, "reservations": {"memory": reserved}}
    return {"deploy": {"resources": resources}}


def port(published: str, address: str = "127.0.0.1") -> Service:
    where = {"host_ip": address} if address else {}
    return {"ports": [{"target": 80, "published": published, **where}]}


def bind(source: str, target: str = "/x", *, read_only: bool = False) -> dict[str, Any]:
    return {"type": "bind", "source": source, "target": target, "read_only": read_only}


def policy(**parts: Any) -> Service:
    return {"restart": None, "deploy": {**SOUND["deploy"], "restart_policy": parts}}


def staging(**environment: str) -> Project:
    other = Other("production", {"db.shop.example": "the database"}, {})
    return Project({"environment": environment}, environment="staging", facts={"other": other})


def same(value: str) -> Project:
    other = Other("production", {}, {digest(b"shop-account-1"): "web's TTN_APP_ID"})
    return Project(
        {"environment": {"TTN_APP_ID": value}}, environment="staging", facts={"other": other}
    )


def secret(file: SecretFile, other: Other | None = None) -> Project:
    return Project(
        {"secrets": [{"source": "key", "target": "/run/secrets/key"}]},
        top={"secrets": {"key": {"file": "./secrets/key.txt"}}},
        facts={"secrets": {"key": file}, "other": other or Other("production")},
        environment="staging" if other else "production",
    )


def variables(**environment: str) -> Project:
    return Project({"environment": environment})


def key(name: str, value: Any) -> Project:
    return Project({name: value})


GRANTED = [{"source": "key", "target": "/run/secrets/key"}]
KEY = {"secrets": {"key": {"file": "./secrets/key.txt"}}}
GOOD_SECRET = secret(SecretFile({}, "d1"))
ON_REDIS = {"depends_on": {"redis": {"condition": "service_healthy", "required": True}}}
AT_START = {"depends_on": {"redis": {"condition": "service_started", "required": True}}}
DUMB = {"healthcheck": {"disable": True}}
BUILT = {"image": None, "build": {"context": "/srv/web", "target": "production"}}
THEIRS = Other("production", {}, {"d1": "the secret key"})

CASES: tuple[tuple[str, Project, Project], ...] = (
    ("memory-limit", key("deploy", None), Project({"deploy": None, "mem_limit": "128m"})),
    (
        "memory-reservation",
        key("deploy", {"resources": {"limits": {"memory": "256M"}}}),
        Project({"deploy": None, "mem_limit": "128m", "mem_reservation": "64m"}),
    ),
    ("reservation-above-limit", Project(limits("64M", "128M")), Project(limits("64M", "64M"))),
    ("limits-exceed-host", Project(limits("5G")), Project(limits("4G"))),
    ("limits-leave-little", Project(limits("3500M")), Project(limits("3G"))),
    (
        "limit-near-use",
        Project(facts={"peaks": {"web": 200 * 2**20}}),
        Project(facts={"peaks": {"web": 100 * 2**20}}),
    ),
    ("disk-short", Project(facts={"disk_free": 4 * GIB}), Project(facts={"disk_free": 6 * GIB})),
    (
        "secret-in-environment",
        variables(JWT_SECRET="kept-in-the-open"),
        Project(
            {"environment": {"JWT_SECRET_FILE": "/run/secrets/key"}, "secrets": GRANTED}, top=KEY
        ),
    ),
    (
        "secret-in-environment",
        variables(DATABASE_URL="postgres://app:hunter22@db.example/shop"),
        variables(DATABASE_URL="postgres://app@db.example/shop", USE_TOKEN="true"),
    ),
    (
        "secret-in-command",
        key("command", ["redis-server", "--requirepass", "hunter22"]),
        key("command", ["redis-server", "--requirepass", "$$(cat /run/secrets/redis)"]),
    ),
    (
        "secret-in-build",
        Project({"build": {"context": "/srv/web", "args": {"NPM_TOKEN": "npm-abcdefgh"}}}),
        Project({"build": {"context": "/srv/web", "args": {"NODE_VERSION": "22"}}}),
    ),
    (
        "secret-from-environment",
        Project({"secrets": GRANTED}, top={"secrets": {"key": {"environment": "KEY"}}}),
        GOOD_SECRET,
    ),
    (
        "secret-not-granted",
        variables(KEY_FILE="/run/secrets/key"),
        Project({"environment": {"KEY_FILE": "/run/secrets/key"}, "secrets": GRANTED}, top=KEY),
    ),
    ("secret-missing", secret(SecretFile({"missing": "has no file"})), GOOD_SECRET),
    ("secret-empty", secret(SecretFile({"empty": "is empty"})), GOOD_SECRET),
    ("secret-placeholder", secret(SecretFile({"placeholder": "is one"})), GOOD_SECRET),
    ("secret-readable", secret(SecretFile({"readable": "can be read"})), GOOD_SECRET),
    ("secret-tracked", secret(SecretFile({"tracked": "is tracked"})), GOOD_SECRET),
    ("secret-tracked", secret(SecretFile(untold="lies in a repository")), GOOD_SECRET),
    ("variable-unset", Project(facts={"unset": ("SITE",)}), Project()),
    ("health-check", key("healthcheck", None), Project()),
    ("health-check", Project(DUMB), Project()),
    (
        "health-program",
        Project(facts={"images": {"web": Image({"wget": False})}}),
        Project(shell("curl -f http://127.0.0.1/ || exit 1")),
    ),
    (
        "health-cannot-fail",
        Project(shell("curl -f http://127.0.0.1/ || true")),
        Project(shell("curl -f http://127.0.0.1/ || exit 1")),
    ),
    (
        "health-cannot-fail",
        Project({"healthcheck": {"test": ["CMD", "curl", "http://127.0.0.1/"]}}),
        Project({"healthcheck": {"test": ["CMD", "curl", "-fsS", "http://127.0.0.1/"]}}),
    ),
    (
        "health-cannot-fail",
        Project(
            {"healthcheck": {"test": ["CMD", "node", "-e", "require('http').get('http://x')"]}}
        ),
        Project(
            {
                "healthcheck": {
                    "test": [
                        *("CMD", "node", "-e"),
                        "require('http').get('http://x', r => process.exit(r.statusCode !== 200))",
                    ]
                }
            }
        ),
    ),
    (
        "health-cannot-fail",
        Project(shell("wget -qO- http://127.0.0.1/ | grep healthy")),
        Project(shell("redis-cli ping | grep -q PONG")),
    ),
    ("depends-on-started", Project(AT_START, {}), Project(ON_REDIS, {})),
    ("depends-on-unhealthy", Project(ON_REDIS, DUMB), Project(ON_REDIS, {})),
    ("restart-policy", key("restart", None), key("restart", "always")),
    ("restart-policy", Project(policy(condition="none")), Project(policy(condition="on-failure"))),
    (
        "restart-refused",
        Project(policy(condition="any", max_attempts=3)),
        Project(policy(condition="on-failure", max_attempts=3)),
    ),
    (
        "restart-ignored",
        Project(policy(condition="any", delay="5s")),
        Project(policy(condition="any")),
    ),
    ("port-open", Project(port("3000", "")), Project(port("3000"))),
    ("port-open", Project(port("5432", "0.0.0.0")), Project(port("443", "0.0.0.0"))),
    ("host-network", key("network_mode", "host"), Project()),
    (
        "port-taken",
        Project(port("3000"), facts={"ports": (Bound("0.0.0.0", 3000, "tcp", "node"),)}),
        Project(
            port("3000"),
            facts={
                "ports": (
                    Bound("127.0.0.2", 3000, "tcp", "node"),
                    Bound("127.0.0.1", 3000, "udp", "node"),
                )
            },
        ),
    ),
    ("port-twice", Project(port("3000"), port("3000")), Project(port("3000"), port("3001"))),
    ("image-latest", key("image", "registry.example:5000/web"), Project()),
    (
        "image-latest",
        key("image", "web:latest"),
        key("image", "registry.example:5000/web@sha256:" + "0" * 64),
    ),
    ("version-obsolete", Project(top={"version": "3.8"}), Project()),
    ("links", Project({"links": ["redis"]}, {}), Project({}, {})),
    ("old-limit", key("mem_limit", "256m"), Project()),
    ("container-name", key("container_name", "web"), Project()),
    (
        "docker-socket",
        key("volumes", [bind("/var/run/docker.sock", read_only=True)]),
        key("volumes", [bind("/var/log")]),
    ),
    ("host-root", key("volumes", [bind("/")]), key("volumes", [bind("/proc", read_only=True)])),
    ("privileged", key("privileged", True), key("cap_add", ["NET_BIND_SERVICE"])),
    ("log-rotation", key("logging", None), key("logging", {"driver": "local"})),
    ("log-rotation", key("logging", {"driver": "json-file"}), Project()),
    ("wrong-environment", variables(NODE_ENV="development"), variables(NODE_ENV="production")),
    (
        "wrong-environment",
        variables(FRONTEND_URL="https://staging.shop.example"),
        variables(FRONTEND_URL="https://shop.example", STAGE_COUNT="3"),
    ),
    ("wrong-environment", staging(NODE_ENV="development"), staging(NODE_ENV="staging")),
    ("sends", staging(EMAIL_ENABLED="true"), staging(EMAIL_ENABLED="false")),
    ("sends", variables(SMS_ENABLED="false"), variables(SMS_ENABLED="true")),
    ("alerts-unmarked", staging(ALERT_PREFIX=""), staging(ALERT_PREFIX="[STAGING] ")),
    ("alerts-unmarked", staging(EMAIL_ENABLED="false"), staging(LEVEL="info")),
    (
        "reaches-production",
        staging(DATABASE_URL="postgres://db.shop.example:5432/shop"),
        staging(DATABASE_URL="postgres://db.staging.shop.example:5432/shop"),
    ),
    ("same-values", same("shop-account-1"), same("shop-account-2")),
    (
        "same-values",
        same("shop-account-1"),
        replace(
            staging(DATABASE_CA_FILE="/run/secrets/ca"),
            facts={"other": Other("production", {}, {digest(b"/run/secrets/ca"): "web's"})},
        ),
    ),
    ("shares-secrets", secret(SecretFile({}, "d1"), THEIRS), secret(SecretFile({}, "d2"), THEIRS)),
    (
        "not-compared",
        Project(environment="staging", facts={"other": None}),
        Project(environment="staging"),
    ),
    (
        "development-stage",
        Project({**BUILT, "build": {"context": "/srv/web", "target": "development"}}),
        Project(BUILT),
    ),
    (
        "source-mount",
        Project({**BUILT, "volumes": [bind("/srv/web/src", "/app/src")]}),
        Project({**BUILT, "volumes": [bind("/srv/data", "/data")]}),
    ),
    ("clock-unset", Project(facts={"is_clock_set": False}), Project()),
)
