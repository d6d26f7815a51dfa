"""More projects for the lint's rules: the finer ways in which each is broken, and its near miss."""

from __future__ import annotations

from dataclasses import replace

from cockpit.stack.facts import Image, Other
from tests.fakes.stack_cases import BUILT, SOUND, Project, Service, bind, key, shell, variables


def beside_production(web: Service, *files: str) -> Project:
    """Staging with keys of its own, and a mounted file that names these hosts."""
    theirs = {"db.shop.example": "the database", "192.0.2.20": "an address of zone"}
    facts = {
        "other": Other("production", theirs),
        "mounted": {"web": {"/srv/pool.ini": frozenset(files)}},
    }
    return Project(web, environment="staging", facts=facts)


def config(content: str) -> Project:
    return replace(
        beside_production({"configs": [{"source": "pool", "target": "/pool"}]}),
        top={"configs": {"pool": {"content": content}}},
    )


WRAPPERS = dict.fromkeys(("timeout", "/usr/bin/env", "env", "sh", "nohup", "curl", "/bin/sh"), True)


def behind(test: list[str]) -> Project:
    """A health check whose program is started by another one."""
    return Project({"healthcheck": {"test": test}}, facts={"images": {"web": Image(WRAPPERS)}})


def behind_shell(program: str, line: str) -> Project:
    return behind(["CMD-SHELL", line.format(program)])


def waiver(rule: str, reason: str) -> Project:
    return key("x-cockpit-waive", {rule: reason})


NAMED = {
    **dict.fromkeys(("SECRET_KEY", "SECRET_KEY_BASE", "PASSPHRASE"), "/run/secrets/key"),
    **dict.fromkeys(("SMTP_PASS", "DB_PASS", "PGPASS", "MYSQL_PWD"), "/run/secrets/key"),
    **dict.fromkeys(("REDIS_AUTH", "JWT_KEY", "ENCRYPTION_KEY"), "/run/secrets/key"),
    "STACK_SECRET_SERVER_KEY": "",
    "AWS_SECRET_ACCESS_KEY": "",
}
"""Names of secrets, each with a value that is none."""
POOL: Service = {"configs": [{"source": "pool", "target": "/pool"}]}
FAULTLESS = 'curl -f http://127.0.0.1/ || { echo "no answer"; exit 1; }'
CANNOT_FAIL = {
    "curl -f http://127.0.0.1/ || echo unhealthy": FAULTLESS,
    "curl -f http://127.0.0.1/; echo done": "curl -f http://127.0.0.1/ || exit 1; echo done",
    "curl -f http://127.0.0.1/ || true # never mind": "curl -f http://127.0.0.1/ # || true",
    "curl -f http://127.0.0.1/ &": "curl -f http://127.0.0.1/ && echo fine",
    "command -v curl && curl http://127.0.0.1/": "command -v curl && curl -f http://127.0.0.1/",
    "exit 0;": "set -e; curl -f http://127.0.0.1/; echo fine",
    "curl -f http://127.0.0.1/ | cat": "curl -f http://127.0.0.1/ | grep -q ok",
    "curl -f http://127.0.0.1/ || (echo bad; exit 0)": "echo unhealthy && exit 1",
    "said=$(curl -s http://127.0.0.1/)": 'test "$(curl -s http://127.0.0.1/)" = ok',
    'test -n "$(curl -s http://127.0.0.1/)"': "[ `curl -s http://127.0.0.1/` = ok ]",
    "sh -ec 'curl http://127.0.0.1/ || true' || true": "sh -ec 'curl -f http://127.0.0.1/'",
}

MORE: tuple[tuple[str, Project, Project], ...] = (
    *(
        ("secret-in-environment", variables(**{name: "hunter22"}), variables(**{name: place}))
        for name, place in NAMED.items()
    ),
    *(
        ("secret-in-command", key("command", f"{bad}"), key("command", f"{good}"))
        for bad, good in (
            ("serve --db-pass=hunter22", "serve --db-pass-file=/run/secrets/key"),
            ("mysql -phunter22", "mysql -p -hdb"),
            ("psql postgres://app:hunter22@db/shop", "psql --no-password postgres://app@db/shop"),
        )
    ),
    (
        "secret-in-command",
        Project({"healthcheck": {"test": ["CMD", "redis-cli", "-a", "hunter22", "ping"]}}),
        Project(shell('REDISCLI_AUTH="$$(cat /run/secrets/key)" redis-cli ping | grep PONG')),
    ),
    (
        "secret-in-label",
        key("labels", {"proxy.auth.password": "hunter22"}),
        key("labels", {"revision": "1f" * 20, "proxy.password": "/run/secrets/key"}),
    ),
    (
        "secret-in-config",
        Project(POOL, top={"configs": {"pool": {"content": "user=app\npassword=hunter22"}}}),
        Project(
            POOL, top={"configs": {"pool": {"content": "user=app\npassword=/run/secrets/key"}}}
        ),
    ),
    *(
        ("health-cannot-fail", Project(shell(bad)), Project(shell(good)))
        for bad, good in CANNOT_FAIL.items()
    ),
    (
        "health-cannot-fail",
        Project(
            {
                "healthcheck": {
                    "test": [
                        "CMD",
                        "node",
                        "-e",
                        "require('http').get({host: 'x'}, r => process.exit(0))",
                    ]
                }
            }
        ),
        Project({"healthcheck": {"test": ["CMD", "node", "health-check.js"]}}),
    ),
    (
        "health-cannot-fail",
        Project(
            {
                "command": "redis-server --requirepass $$PASS",
                "healthcheck": {"test": ["CMD", "redis-cli", "ping"]},
            }
        ),
        Project({"healthcheck": {"test": ["CMD", "redis-cli", "ping"]}}),
    ),
    (
        "health-program",
        Project({"healthcheck": None}, facts={"images": {"web": Image({"curl": False}, True)}}),
        Project({"healthcheck": None}, facts={"images": {"web": Image({"curl": True}, True)}}),
    ),
    (
        "health-program",
        Project({"healthcheck": {"test": ["CMD", "/check.sh"]}}),
        Project(
            {
                "healthcheck": {"test": ["CMD", "/check.sh"]},
                "volumes": [bind("/srv/check.sh", "/check.sh", read_only=True)],
            }
        ),
    ),
    (
        "health-program",
        Project(shell("command -v nosuch && nosuch -f http://127.0.0.1/")),
        Project(shell(". /app/env && command -v curl && curl -f http://127.0.0.1/")),
    ),
    (
        "limits-exceed-host",
        Project({"deploy": {**SOUND["deploy"], "replicas": 20}}),
        Project({"deploy": {**SOUND["deploy"], "replicas": 2}}),
    ),
    (
        "docker-socket",
        key("volumes", [bind("/var/run", "/var/run")]),
        key("volumes", [bind("/var/running", "/x")]),
    ),
    (
        "source-mount",
        Project({**BUILT, "volumes": [bind("/srv", "/app")]}),
        Project({**BUILT, "volumes": [bind("/srv/webs", "/app")]}),
    ),
    (
        "wrong-environment",
        key("command", ["node", "main.js"]),
        Project({"command": ["node", "main.js"], "environment": {"NODE_ENV": "production"}}),
    ),
    (
        "wrong-environment",
        variables(APP_ENV="stg", BANNER="this is staging"),
        variables(GREETING="this is the last stage", APP_ENV="production"),
    ),
    (
        "reaches-production",
        beside_production({}, "db.shop.example"),
        beside_production({}, "db.staging.shop.example"),
    ),
    (
        "reaches-production",
        beside_production({"command": ["pool", "--to=db.shop.example:5432"]}),
        beside_production({"command": ["pool", "--to=db.staging.shop.example:5432"]}),
    ),
    (
        "reaches-production",
        beside_production({"extra_hosts": ["db=192.0.2.20"]}),
        beside_production({"extra_hosts": ["db=192.0.2.21"]}),
    ),
    (
        "reaches-production",
        config("shop = host=db.shop.example port=5432"),
        config("shop = host=db.staging.shop.example port=5432"),
    ),
    *(
        ("health-program", behind([*words, "nosuch"]), behind([*words, "curl"]))
        for words in (
            ["CMD", "timeout", "5"],
            ["CMD", "timeout", "-s", "KILL", "--kill-after=1", "5"],
            ["CMD", "/usr/bin/env", "-u", "HOME", "A=b", "timeout", "5"],
        )
    ),
    *(
        ("health-program", behind_shell("nosuch", line), behind_shell("curl", line))
        for line in (
            "timeout 5 {} -f http://127.0.0.1/ || exit 1",
            "A=b env B=c {} -f http://127.0.0.1/ >/dev/null 2>&1 || exit 1",
            "sh -c 'nohup {} -f http://127.0.0.1/' || exit 1",
        )
    ),
    *(
        ("image-latest", key("image", f"redis:{bad}"), key("image", f"redis:{good}"))
        for bad, good in (
            ("edge", "7.4.2"),
            ("alpine", "7-alpine"),
            ("stable-alpine3.20", "7.4.2-alpine3.20"),
            ("nightly", "nightly-20261101"),
            ("main", "main-4f2a9c1"),
            ("lts", "v2"),
        )
    ),
    (
        "secret-in-environment",
        variables(SENTRY_DSN="https://4f2a9c1@o1.ingest.example/42"),
        variables(SENTRY_DSN_FILE="/run/secrets/dsn", PG_DSN="postgres://app@db.example/shop"),
    ),
    ("waiver", waiver("privilegd", "it sets the clock"), waiver("privileged", "as it must")),
    ("waiver", waiver("privileged", ""), Project()),
    (
        "waiver",
        Project(top={"x-cockpit-waive": {"clock-unsett": "it keeps no time of its own"}}),
        Project(top={"x-cockpit-waive": {"clock-unset": "it keeps no time of its own"}}),
    ),
)
