from __future__ import annotations

import asyncio
import json
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from cockpit.actions.compose_seen import words
from cockpit.checks.page import judged
from cockpit.probes.registry import sample
from cockpit.probes.sample import Sample
from cockpit.runbook.checks import SaysEnvironmentCheck
from cockpit.runbook.targets import HttpTarget
from cockpit.runbook.words import Id, TargetId
from tests.engine.test_probes_kinds import context, probe
from tests.lab.stack_engine import until
from tests.lab.stack_project import PROJECT, REAL, Outcome, Stack, perform, target

SITE = "freshtrackpro.test"
SECRETS = {
    "backend": ("postgres_password", "redis_password", "jwt_secret", "database_ca"),
    "redis": ("redis_password",),
    "s3_store": ("minio_credentials",),
}
COUNTED = (
    *("http_requests_total", "http_request_duration_seconds_bucket", "readings_accepted_total"),
    *("logins_total", "alerts_raised_total", "up_since_seconds"),
)
PAGE = """
import Fastify from "/app/node_modules/fastify/fastify.js";
import { routes } from "/app/src/routes.js";
const app = Fastify();
await routes(app, { metrics: {}, stores: {}, environment: process.argv[1] });
console.log((await app.inject("/")).body);
"""
"""The backend's own routes, asked for their page as another environment's."""
pytestmark = pytest.mark.usefixtures("deployed")


def ask(stack: Stack, service: str, port: int, path: str, **rest: Any) -> httpx.Response:
    url = f"http://{stack.address(service, port)}{path}"
    return httpx.request(rest.pop("method", "GET"), url, timeout=10, trust_env=False, **rest)


def bearer(stack: Stack) -> Mapping[str, str]:
    return {"authorization": f"Bearer {stack.token()}"}


def sql(stack: Stack, statement: str) -> str:
    words = ("psql", "-h", "127.0.0.1", "-U", "doadmin", "-d", "freshtrack", "-Atc", statement)
    shell = 'PGPASSWORD="$(cat /run/secrets/postgres_owner_password)" exec "$@"'
    return stack.compose("exec", "-T", "managed_postgres", "sh", "-c", shell, "sh", *words).strip()


@contextmanager
def secure(stack: Stack) -> Iterator[Callable[[str], tuple[int, Mapping[str, str], bytes]]]:
    """Ask Caddy by the public name, trusting its own authority and no other."""
    root = stack.compose("exec", "-T", "caddy", "cat", "/data/caddy/pki/authorities/local/root.crt")
    trust = ssl.create_default_context(cadata=root)
    host, port = stack.address("caddy", 443).rsplit(":", 1)

    class Connection(HTTPSConnection):
        def connect(self) -> None:
            self.sock = trust.wrap_socket(
                self._create_connection((host, int(port)), 10),  # type: ignore[attr-defined]
                server_hostname=SITE,
            )

    def get(path: str) -> tuple[int, Mapping[str, str], bytes]:
        connection = Connection(SITE)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    yield get


def test_a_deployment_says_what_it_starts_and_ends_with_every_service_healthy(
    stack: Stack, deployed: Mapping[str, Outcome]
) -> None:
    said = deployed["up"].said
    starts = {line.split()[0] for line in said if re.search(r" starts: [0-9a-f]{12}$", line)}
    assert starts == {*REAL} - {"managed_postgres"}
    assert any(re.fullmatch(r"managed_postgres stays: [0-9a-f]{12}", line) for line in said)
    assert any(re.fullmatch(r"7 services ready after \d+ s", line) for line in said)
    images = deployed["up"].recorded["images"]
    assert isinstance(images, Mapping)
    for service, container in stack.containers().items():
        assert container["State"]["Health"]["Status"] == "healthy"
        assert images[service] == container["Image"]


def test_the_migration_names_what_it_applied_and_leaves_the_jobs_off(
    stack: Stack, deployed: Mapping[str, Outcome]
) -> None:
    said = deployed["migrate"].said
    assert [line for line in said if line.startswith("applied")]
    assert "jobs switched on: none" in said
    again = perform(target(stack), "run", "migrate", command=("node", "migrate.js"))
    assert again.said[-1] == "0 applied, none left"
    assert sql(stack, "select rolpassword like '%$4096:%' from pg_authid where rolname = 'app'")


def test_every_image_of_the_lab_says_that_it_stands_in(stack: Stack) -> None:
    for container in stack.containers().values():
        assert "cockpit.stand-in" in container["Config"]["Labels"]


def test_each_container_reads_its_own_secrets_and_no_environment_holds_one(stack: Stack) -> None:
    for service, names in SECRETS.items():
        for name in names:
            held = stack.compose("exec", "-T", service, "cat", f"/run/secrets/{name}").strip()
            assert held == (stack.folder / "secrets" / f"{name}.txt").read_text().strip()
    values = [file.read_text().strip() for file in (stack.folder / "secrets").glob("*.txt")]
    seen = json.dumps(list(stack.containers().values()))
    assert [value for value in values if value and value in seen] == []
    top = stack.compose("top")
    assert [value for value in values if value and value in top] == []


def test_the_backend_takes_readings_only_from_those_it_knows(stack: Stack) -> None:
    sql(stack, "insert into users (email, name, role) values ('a@b.test', 'A', 'owner')")
    owner = sql(stack, "select max(id) from users")
    sql(
        stack,
        "insert into sensors (user_id, name, kind, min_celsius, max_celsius)"
        f" values ({owner}, 'fridge', 'fridge', 2, 8)",
    )
    sensor = int(sql(stack, "select max(id) from sensors"))
    reading = {"sensor": sensor, "celsius": 20.5, "humidity": 40}
    path = "/api/readings"
    unknown = ask(stack, "backend", 3000, path, method="POST", json=reading)
    known = bearer(stack)
    taken = ask(stack, "backend", 3000, path, method="POST", json=reading, headers=known)
    absurd = {**reading, "celsius": 900}
    refused = ask(stack, "backend", 3000, path, method="POST", json=absurd, headers=known)
    nowhere = ask(stack, "backend", 3000, "/api/login", method="POST", json={"token": "x"})
    codes = (unknown.status_code, taken.status_code, refused.status_code, nowhere.status_code)
    assert codes == (401, 201, 400, 503)
    shown = ask(stack, "backend", 3000, path, headers=known).json()["readings"]
    assert shown[0]["celsius"] == 20.5
    figures = ask(stack, "backend", 3000, "/metrics").text
    assert [name for name in COUNTED if name not in figures] == []
    assert re.search(r"^readings_accepted_total 1$", figures, re.MULTILINE)


def test_a_job_runs_only_while_its_row_is_switched_on(stack: Stack) -> None:
    before = sql(stack, "select count(*) from alerts")
    time.sleep(5)  # more than two rounds of the scheduler
    assert sql(stack, "select count(last_run) from scheduler.jobs") == "0"
    sql(stack, "update scheduler.jobs set enabled = true where name = 'raise_alerts'")
    asked = "select count(*) from scheduler.jobs where last_run is not null"
    until(lambda: sql(stack, asked) == "1", 15, "the job does not run")
    sql(stack, "update scheduler.jobs set enabled = false")
    assert before == "0"


def test_the_public_name_has_tls_security_headers_and_an_access_log(stack: Stack) -> None:
    with secure(stack) as get:
        status, headers, body = get("/health")
        assert (status, json.loads(body)["status"]) == (200, "healthy")
        wanted = {
            "strict-transport-security": "max-age=31536000; includeSubDomains",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "referrer-policy": "strict-origin-when-cross-origin",
        }
        assert {name: headers.get(name) for name in wanted} == wanted
        assert "server" not in headers
        assert "h3" in headers["alt-svc"]
        assert get("/metrics")[0] == 404
    plain = ask(stack, "caddy", 80, "/health", headers={"host": SITE}, follow_redirects=False)
    assert (plain.status_code, plain.headers["location"]) == (308, f"https://{SITE}/health")
    lines = stack.compose("exec", "-T", "caddy", "cat", "/var/log/caddy/apex.log").splitlines()
    logged = [json.loads(line) for line in lines]
    assert {("/health", 200), ("/metrics", 404)} <= {
        (line["request"]["uri"], line["status"]) for line in logged
    }


def test_the_page_says_staging_in_staging_and_only_there(stack: Stack) -> None:
    check = SaysEnvironmentCheck(
        kind="says_environment", id=Id("page"), title="The page", target=TargetId("caddy")
    )
    with secure(stack) as get:
        status, headers, body = get("/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert judged(body.decode(), check, is_staging=False).said == "pass"
    words = ("node", "--input-type=module", "-e", PAGE, "staging")
    page = stack.compose("exec", "-T", "backend", *words)
    assert judged(page, check, is_staging=True).said == "pass"


@pytest.mark.parametrize("issuer", ["admin@freshtrackpro.com", "internal"])
def test_caddy_accepts_the_file_with_each_kind_of_issuer(stack: Stack, issuer: str) -> None:
    words = ("caddy", "validate", "--config", "/etc/caddy/Caddyfile")
    settings = ("-e", f"CADDY_TLS={issuer}", "-e", "SITE=freshtrackpro.com")
    stack.compose("run", "--rm", "--no-TTY", "--no-deps", *settings, "caddy", *words)


def test_the_s3_store_is_ready_and_refuses_who_shows_no_key(stack: Stack) -> None:
    assert ask(stack, "s3_store", 8333, "/healthz").status_code == 200
    assert ask(stack, "s3_store", 8333, "/").status_code == 403


def test_every_query_of_dashboards_and_alerts_gives_a_series(stack: Stack) -> None:
    with secure(stack) as get:
        until(lambda: get("/health")[0] == 200, 20, "the product does not answer")
        ask(stack, "backend", 3000, "/api/readings", headers=bearer(stack))
        empty = queries(stack)
        deadline = time.monotonic() + 40
        while empty and time.monotonic() < deadline:
            get("/health")
            ask(stack, "backend", 3000, "/api/readings", headers=bearer(stack))
            time.sleep(1)
            empty = {title: text for title, text in empty.items() if not series(stack, text)}
    assert empty == {}


def queries(stack: Stack) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for file in sorted((stack.folder / "docker/grafana/dashboards").glob("*.json")):
        for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]:
            for one in panel["targets"]:
                if one["datasource"]["uid"] == "prometheus":
                    found[f"{file.stem}: {panel['title']} {one['refId']}"] = one["expr"]
    rules = yaml.safe_load((stack.folder / "docker/prometheus/alerts.yml").read_text())
    for rule in rules["groups"][0]["rules"]:
        measured, comparison, _ = re.split(r"\s(<=?|>=?)\s", rule["expr"])
        assert comparison
        found[rule["alert"]] = measured
    assert len(found) > 30
    return found


def series(stack: Stack, query: str) -> list[object]:
    path = f"/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    answer = ask(stack, "prometheus", 9090, path).json()
    assert answer["status"] == "success", f"{query}: {answer}"
    found: list[object] = answer["data"]["result"]
    return found


def test_prometheus_reaches_every_target_and_has_loaded_every_rule(stack: Stack) -> None:
    def is_up() -> bool:
        ups = series(stack, "up")
        return len(ups) == 4 and all(one["value"][1] == "1" for one in ups)  # type: ignore[index]

    until(is_up, 30, "a target is down")
    groups = ask(stack, "prometheus", 9090, "/api/v1/rules").json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) == 8
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}


@pytest.mark.usefixtures("no_patience")
def test_a_store_that_is_gone_turns_health_to_503_and_back(stack: Stack) -> None:
    stack.compose("pause", "redis")
    try:
        until(lambda: health(stack)[0] == 503, 15, "health does not notice")
        assert health(stack)[1]["checks"] == {"database": True, "redis": False}
        tile = seen(stack)
        assert (tile.state, tile.figure) == ("down", "503 redis")
        assert "check redis fails" in tile.detail
        assert ask(stack, "backend", 3000, "/metrics").status_code == 200
        failed = perform(target(stack), "restart", "backend").failed
        assert "backend is not ready: unhealthy" in failed
        assert '"redis":false' in failed
        assert "last lines of its log:" in failed
    finally:
        stack.compose("unpause", "redis")
    until(lambda: health(stack)[0] == 200, 30, "health does not come back")
    until(lambda: seen(stack).state == "fine", 10, "the tile does not come back")
    assert not perform(target(stack), "restart", "backend").failed


def seen(stack: Stack) -> Sample:
    """The backend's tile."""
    aim = HttpTarget(kind="http", url=f"http://{stack.address('backend', 3000)}")
    return asyncio.run(sample(probe("http"), context(aim)))


def health(stack: Stack) -> tuple[int, Any]:
    try:
        answer = ask(stack, "backend", 3000, "/health")
    except httpx.TransportError:
        return 0, {}
    return answer.status_code, answer.json()


def test_stopping_ends_the_backend_at_its_own_word_and_up_starts_it_again(stack: Stack) -> None:
    assert not perform(target(stack), "stop", "backend").failed
    assert stack.containers()["backend"]["State"]["ExitCode"] == 0
    assert '"msg":"closed"' in stack.compose("logs", "--no-log-prefix", "backend")
    again = perform(target(stack), "up", "backend", environment={"JOBS_ENABLED": "false"})
    assert not again.failed
    assert any(line.startswith("backend starts again: ") for line in again.said)


def test_a_new_build_replaces_the_backend_and_its_former_image_outlives_prune(
    stack: Stack,
) -> None:
    aim, off = target(stack), {"JOBS_ENABLED": "false"}
    first = stack.containers()["backend"]["Image"]
    source = stack.folder / "backend" / "src" / "main.js"
    ids = [first]
    for number in range(2):
        source.write_text(f"{source.read_text(encoding='utf-8')}// {number}\n", encoding="utf-8")
        assert not perform(aim, "build", "backend").failed
        ids.append(built(stack))
    up = perform(aim, "up", "backend", environment=off)
    short = [one.removeprefix("sha256:")[:12] for one in ids]
    told = f"backend is replaced (another image): {short[0]} stops, {short[2]} starts"
    assert told in up.said
    assert up.recorded["replaced"] == {"backend": first}
    source.write_text(f"{source.read_text(encoding='utf-8')}// again\n", encoding="utf-8")
    assert not perform(aim, "build", "backend").failed
    said = perform(aim, "prune", recorded={"restart_new": up.recorded}).said
    assert f"backend {short[0]}: kept, was replaced in this run" in said
    stack.engine.docker("image", "inspect", first)


def built(stack: Stack) -> str:
    name = f"{PROJECT}-backend:built"
    return stack.engine.docker("image", "inspect", "--format", "{{.Id}}", name).strip()


def test_another_engine_is_reached_by_its_context(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.engine.docker("context", "create", "droplet", "--docker", f"host={stack.engine.host}")
    monkeypatch.delenv("DOCKER_HOST")
    done = perform(target(stack, context="droplet"), "restart", "caddy")
    assert not done.failed
    assert done.said[-1].startswith("1 service ready")


def test_words_of_every_running_service_are_good_ones(stack: Stack) -> None:
    from cockpit.actions.compose_seen import look
    from cockpit.actions.docker_engine import client

    until(
        lambda: all(one.is_ready for one in look(client(target(stack), str(Path.cwd())))),
        40,
        "not every service is ready",
    )
    found = look(client(target(stack), str(Path.cwd())))
    assert {words(one).split(",")[0] for one in found} == {"healthy"}
