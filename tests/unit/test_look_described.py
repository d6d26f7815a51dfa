from __future__ import annotations

from typing import Any

from cockpit.stack.described import rows

INSPECTED: dict[str, Any] = {
    "Id": "0123456789abcdef",
    "Name": "/freshtrack-backend-1",
    "Created": "2026-12-05T01:00:00.123456789Z",
    "Image": "sha256:aa11",
    "RestartCount": 2,
    "State": {"StartedAt": "2026-12-05T01:00:01.5Z", "FinishedAt": "0001-01-01T00:00:00Z"},
    "Config": {
        "Image": "freshtrack/backend:1.4.2",
        "Env": ["NODE_ENV=production", "JWT_SECRET=tH1s1sSecret", "EMPTY"],
        "Healthcheck": {
            "Test": ["CMD-SHELL", "wget -q -O /dev/null http://127.0.0.1:3000/health"],
            "Interval": 30 * 10**9,
            "Timeout": 10 * 10**9,
            "Retries": 3,
        },
    },
    "HostConfig": {
        "RestartPolicy": {"Name": "unless-stopped"},
        "Memory": 1 << 30,
        "MemoryReservation": 512 << 20,
        "NanoCpus": 10**9,
    },
    "Mounts": [
        {"Type": "bind", "Source": "/srv/x", "Destination": "/run/secrets/jwt", "RW": False},
        {
            "Type": "volume",
            "Name": "data",
            "Source": "/var/lib/x",
            "Destination": "/data",
            "RW": True,
        },
    ],
    "NetworkSettings": {
        "Networks": {"inner": {"IPAddress": "10.0.0.4"}},
        "Ports": {"3000/tcp": None, "443/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8443"}]},
    },
}


def test_a_container_is_described_by_what_is_asked_at_night() -> None:
    found = dict(rows(INSPECTED, {"RepoDigests": ["freshtrack/backend@sha256:bb22"]}))
    assert found["image"] == ("freshtrack/backend:1.4.2",)
    assert found["digest"] == ("freshtrack/backend@sha256:bb22",)
    assert found["image id"] == ("sha256:aa11",)
    assert found["started"] == ("2026-12-05 01:00:01 UTC",)
    assert found["ended"] == ("never",)
    assert found["restart"] == ("unless-stopped; restarted 2x",)
    assert found["limits"] == ("memory 1.0 GiB, 512 MiB reserved", "CPU 1")
    assert found["mounts"] == (
        "bind /srv/x at /run/secrets/jwt, read only",
        "volume data at /data, read and write",
    )
    assert found["networks"] == ("inner 10.0.0.4",)
    assert found["ports"] == ("3000/tcp, not published", "127.0.0.1:8443 to 443/tcp")
    assert found["health"][1] == "interval 30 s, timeout 10 s, 3 retries"


def test_variables_are_named_and_never_shown() -> None:
    found = rows(INSPECTED, {})
    assert dict(found)["environment"] == ("EMPTY, JWT_SECRET, NODE_ENV",)
    assert "tH1s1sSecret" not in repr(found)


def test_a_password_in_a_health_check_is_not_repeated() -> None:
    config = {"Healthcheck": {"Test": ["CMD-SHELL", "psql postgres://app:hunter22@db/x -c ''"]}}
    found = dict(rows({"Config": config}, {}))
    assert found["health"] == ("not shown: it seems to hold a password in an address",)


def test_what_an_engine_leaves_out_is_said_to_be_none() -> None:
    found = dict(rows({}, {}))
    assert found["digest"] == ("unknown",)
    assert found["limits"] == ("memory without limit", "CPU without limit")
    assert found["mounts"] == found["ports"] == found["networks"] == ("none",)
    assert found["health"] == ("no check",)
    assert dict(rows({}, {"RepoDigests": []}))["digest"] == ("none: it was made on this host",)
