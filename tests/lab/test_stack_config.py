from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from cockpit.resources import shipped
from cockpit.runbook.plan import load_plan
from tests.lab.stack_parts import compose
from tests.lab.stack_project import SHIPPED

ENVIRONMENTS = ("", "compose.production.yaml", "compose.staging.yaml")
WATCHING = ("", "compose.observability.yaml")
LAB = ("", "compose.lab.yaml")
PROFILES = ("", "pgbouncer", "tools", "development", "*")
LIVE = ("production", "staging")
FOUR_GB = 4e9
ROOM = 0.8
"""The share of a host's memory that all limits together may take."""
HEALTH = {
    "redis": ("5s", "3s", 5, None),
    "backend": ("30s", "10s", 3, "40s"),
}
SIGNALS = ("http_requests_total", "http_request_duration_seconds", "readings_accepted_total")
SECRET = re.compile(r"password|secret|token|credential|key$", re.IGNORECASE)


@lru_cache(maxsize=1)
def plugins() -> TemporaryDirectory[str]:
    """A Docker configuration with the Compose plugin; it asks no engine."""
    folder = TemporaryDirectory(prefix="cockpit-compose-")
    (Path(folder.name) / "cli-plugins").mkdir()
    (Path(folder.name) / "cli-plugins" / "docker-compose").symlink_to(compose())
    return folder


@lru_cache(maxsize=64)
def resolved(layers: tuple[str, ...], profile: str = "") -> Mapping[str, Any]:
    """What Compose makes of these layers."""
    files = [part for name in layers if name for part in ("--file", str(SHIPPED / name))]
    profiles = ["--profile", profile] if profile else []
    done = subprocess.run(
        ("docker", "compose", *files, *profiles, "config", "--format", "json"),
        env={"PATH": os.environ["PATH"], "HOME": "/", "DOCKER_CONFIG": plugins().name},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found


def whole(environment: str) -> Mapping[str, Any]:
    layers = ("compose.yaml", f"compose.{environment}.yaml", "compose.observability.yaml")
    return resolved(layers)["services"]  # type: ignore[no-any-return]  # JSON


def combinations() -> Iterator[tuple[tuple[str, ...], str]]:
    for environment, watching, lab in itertools.product(ENVIRONMENTS, WATCHING, LAB):
        if lab and not (environment and watching):
            continue  # the lab's layer lies on top of all others
        yield from ((("compose.yaml", environment, watching, lab), name) for name in PROFILES)


@pytest.mark.parametrize(("layers", "profile"), combinations())
def test_every_combination_of_layers_resolves_without_a_warning(
    layers: tuple[str, ...], profile: str
) -> None:
    services = resolved(layers, profile)["services"]
    assert {"backend", "redis", "s3_store", "caddy"} <= set(services)
    for name, service in services.items():
        tag = service["image"].rpartition(":")[2]
        assert tag not in ("latest", service["image"]), name


@pytest.mark.parametrize("environment", LIVE)
def test_what_is_the_developers_is_gone(environment: str) -> None:
    services = whole(environment)
    assert "postgres" not in services
    backend = services["backend"]
    assert backend["build"]["target"] == "production"
    assert backend["environment"]["NODE_ENV"] == environment
    assert "volumes" not in backend
    assert [port["host_ip"] for port in backend["ports"]] == ["127.0.0.1"]


@pytest.mark.parametrize("environment", LIVE)
def test_only_caddy_is_open_to_the_world(environment: str) -> None:
    for name, service in whole(environment).items():
        hosts = {port.get("host_ip") for port in service.get("ports", ())}
        assert hosts <= ({None} if name == "caddy" else {"127.0.0.1"}), name
    caddy = whole(environment)["caddy"]["ports"]
    assert {(port["published"], port["protocol"]) for port in caddy} == {
        ("80", "tcp"),
        ("443", "tcp"),
        ("443", "udp"),
    }


@pytest.mark.parametrize("environment", LIVE)
def test_every_service_has_limits_a_health_check_a_restart_and_rotated_logs(
    environment: str,
) -> None:
    for name, service in whole(environment).items():
        resources = service["deploy"]["resources"]
        limit, reserved = (int(resources[key]["memory"]) for key in ("limits", "reservations"))
        assert 0 < reserved <= limit, name
        assert float(resources["limits"]["cpus"]) > 0, name
        assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL"), name
        assert service["restart"] == "unless-stopped", name
        assert "restart_policy" not in service["deploy"], name
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name
        waits = service.get("depends_on", {}).values()
        assert {one["condition"] for one in waits} <= {"service_healthy"}, name


@pytest.mark.parametrize("environment", LIVE)
def test_all_limits_together_leave_a_fifth_of_a_4_gb_host(environment: str) -> None:
    limits = [service["deploy"]["resources"]["limits"] for service in whole(environment).values()]
    assert sum(int(limit["memory"]) for limit in limits) <= FOUR_GB * ROOM


@pytest.mark.parametrize("service", HEALTH)
def test_health_is_asked_as_often_as_the_plan_says(service: str) -> None:
    check = whole("production")[service]["healthcheck"]
    found = tuple(check.get(key) for key in ("interval", "timeout", "retries", "start_period"))
    assert found == HEALTH[service]


@pytest.mark.parametrize("environment", LIVE)
def test_secrets_come_from_files_and_stand_in_no_environment(environment: str) -> None:
    services = resolved(("compose.yaml", f"compose.{environment}.yaml"), "tools")["services"]
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable.removesuffix("_FILE")) and value:
                assert variable.endswith("_FILE"), f"{name}: {variable}"
                assert value.removeprefix("/run/secrets/") in {
                    one["source"] for one in service["secrets"]
                }, f"{name}: {variable}"
        assert "@" not in service.get("environment", {}).get("DATABASE_URL", ""), name


def test_staging_has_nothing_of_production() -> None:
    staging, production = (
        resolved(("compose.yaml", f"compose.{name}.yaml"))["services"]["backend"]["environment"]
        for name in ("staging", "production")
    )
    own = ("DATABASE_URL", "FRONTEND_URL", "SITE", "STACK_AUTH_URL", "STACK_AUTH_PROJECT")
    assert [name for name in own if staging[name] == production[name]] == []
    off = [staging[name] for name in ("EMAIL_ENABLED", "SMS_ENABLED", "ALERT_PREFIX")]
    assert off == ["false", "false", "[STAGING] "]
    assert "staging" not in json.dumps(production)


def test_variables_of_a_step_reach_the_backend_and_the_migration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services = resolved(("compose.yaml", "compose.production.yaml"), "tools")["services"]
    for name in ("backend", "migrate"):
        given = services[name]["environment"]
        assert (given["JOBS_ENABLED"], given["PGOPTIONS"]) == ("false", "")


def test_the_lab_hears_of_a_fault_within_seconds() -> None:
    layers = ("compose.yaml", "compose.production.yaml", *WATCHING[1:], *LAB[1:])
    services = resolved(layers)["services"]
    for name in ("backend", "redis", "s3_store", "caddy", "prometheus", "node_exporter"):
        assert services[name]["healthcheck"]["interval"] == "2s", name
        assert all(port["host_ip"] == "127.0.0.1" for port in services[name].get("ports", ()))


def test_the_dashboards_show_what_the_decision_reads() -> None:
    text = (SHIPPED / "docker/grafana/dashboards/cutover.json").read_text(encoding="utf-8")
    assert [name for name in SIGNALS if name not in text] == []


def test_the_dashboards_ask_the_sources_that_grafana_is_given() -> None:
    sources = (SHIPPED / "docker/grafana/provisioning/datasources/sources.yml").read_text()
    uids = set(re.findall(r"uid: (\w+)", sources))
    assert uids == {"prometheus", "loki"}
    for file in (SHIPPED / "docker/grafana/dashboards").glob("*.json"):
        panels = json.loads(file.read_text(encoding="utf-8"))["panels"]
        assert {panel["datasource"]["uid"] for panel in panels} <= uids
        assert len({panel["id"] for panel in panels}) == len(panels)


@pytest.mark.parametrize("environment", LIVE)
def test_every_lasting_service_has_a_tile_of_its_container(environment: str) -> None:
    runbook = load_plan(shipped("runbooks") / "freshtrack", environment, {}).runbook
    probes = [one for one in runbook.procedure.probes if one.kind == "container"]
    assert sorted(one.container for one in probes) == sorted(whole(environment))


def test_no_secret_file_is_in_the_repository() -> None:
    tracked = subprocess.run(
        ("git", "ls-files", "secrets", "docker/caddy/certificates"),
        cwd=SHIPPED,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert tracked == ["docker/caddy/certificates/README.md", "secrets/README.md"]
