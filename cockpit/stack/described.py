"""What an engine says of a container, as people ask for it; no value of its environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cockpit.runbook.literals import secret_in
from cockpit.stack.model import shown

Rows = tuple[tuple[str, tuple[str, ...]], ...]
NANO = 10**9


def rows(inspected: Mapping[str, Any], image: Mapping[str, Any]) -> Rows:
    """Name and values of each thing; `image` is what the engine says of its image."""
    config, host = inspected.get("Config") or {}, inspected.get("HostConfig") or {}
    state = inspected.get("State") or {}
    found: dict[str, Sequence[str]] = {
        "image": [str(config.get("Image", "?"))],
        "digest": _digests(image),
        "image id": [str(inspected.get("Image", "?"))],
        "container": [f"{_name(inspected)}, {str(inspected.get('Id', '?'))[:12]}"],
        "created": [_moment(inspected.get("Created"))],
        "started": [_moment(state.get("StartedAt"))],
        "ended": [_moment(state.get("FinishedAt"))],
        "restart": [_restart(host, int(inspected.get("RestartCount") or 0))],
        "limits": list(_limits(host)),
        "mounts": [_mount(one) for one in inspected.get("Mounts") or ()],
        "networks": list(_networks(inspected)),
        "ports": list(_ports(inspected)),
        "health": list(_health(config.get("Healthcheck") or {})),
        "environment": [", ".join(names(config)) or "no variables"],
    }
    return tuple((name, tuple(values) or ("none",)) for name, values in found.items())


def names(config: Mapping[str, Any]) -> list[str]:
    """The names of a container's variables: a value may be a secret."""
    return sorted(str(one).partition("=")[0] for one in config.get("Env") or ())


def _name(inspected: Mapping[str, Any]) -> str:
    return str(inspected.get("Name", "?")).lstrip("/")


def _digests(image: Mapping[str, Any]) -> Sequence[str]:
    found = [str(one) for one in image.get("RepoDigests") or ()]
    return found or ["none: it was made on this host" if image else "unknown"]


def _moment(text: object) -> str:
    """A moment without its nine digits of a second; the engine says year 1 for never."""
    moment = str(text or "")
    if not moment or moment.startswith("0001"):
        return "never"
    return moment.partition(".")[0].removesuffix("Z").replace("T", " ") + " UTC"


def _restart(host: Mapping[str, Any], count: int) -> str:
    policy = host.get("RestartPolicy") or {}
    most = int(policy.get("MaximumRetryCount") or 0)
    words = str(policy.get("Name") or "no") + (f", at most {most} times" if most else "")
    return f"{words}; restarted {count}x"


def _limits(host: Mapping[str, Any]) -> Iterator[str]:
    memory, reserved = int(host.get("Memory") or 0), int(host.get("MemoryReservation") or 0)
    yield f"memory {shown(memory) if memory else 'without limit'}" + (
        f", {shown(reserved)} reserved" if reserved else ""
    )
    if nanos := int(host.get("NanoCpus") or 0):
        yield f"CPU {nanos / NANO:g}"
    elif (quota := int(host.get("CpuQuota") or 0)) > 0:
        yield f"CPU {quota / int(host.get('CpuPeriod') or 100_000):g}"
    else:
        yield "CPU without limit"
    if (pids := int(host.get("PidsLimit") or 0)) > 0:
        yield f"{pids} processes"


def _mount(one: Mapping[str, Any]) -> str:
    source = one.get("Name") if one.get("Type") == "volume" else one.get("Source")
    way = "read and write" if one.get("RW") else "read only"
    return f"{one.get('Type', '?')} {source or '-'} at {one.get('Destination', '?')}, {way}"


def _networks(inspected: Mapping[str, Any]) -> Iterator[str]:
    for name, one in sorted(_settings(inspected, "Networks").items()):
        address = (one or {}).get("IPAddress")
        yield f"{name} {address}" if address else str(name)


def _ports(inspected: Mapping[str, Any]) -> Iterator[str]:
    for inner, outer in sorted(_settings(inspected, "Ports").items()):
        for one in outer or ():
            yield f"{one.get('HostIp', '')}:{one.get('HostPort', '?')} to {inner}"
        if not outer:
            yield f"{inner}, not published"


def _settings(inspected: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return (inspected.get("NetworkSettings") or {}).get(name) or {}


def _health(check: Mapping[str, Any]) -> Iterator[str]:
    test = [str(word) for word in check.get("Test") or ()]
    if not test or test == ["NONE"]:
        yield "no check"
        return
    words = " ".join(test[1:] if test[0] in ("CMD", "CMD-SHELL") else test)
    kind = secret_in(words)
    yield f"not shown: it seems to hold {kind}" if kind else words
    paces = {"interval": "Interval", "timeout": "Timeout", "start period": "StartPeriod"}
    seconds = {word: int(check.get(key) or 0) / NANO for word, key in paces.items()}
    pace = [f"{word} {value:g} s" for word, value in seconds.items() if value]
    if retries := int(check.get("Retries") or 0):
        pace.append(f"{retries} retries")
    if pace:
        yield ", ".join(pace)
