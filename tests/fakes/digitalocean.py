"""DigitalOcean's records API on loopback, as its published description says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.fakes.api_server import Api, Asked, Said

TOKEN = "dop_v1_a_token_for_tests"
LEAST_TTL = 30
DEFAULT_TTL = 1800
"""What a record gets whose TTL is not sent, at an update too."""
_MESSAGES = {
    401: ("unauthorized", "Unable to authenticate you"),
    404: ("not_found", "The resource you requested could not be found."),
    405: ("method_not_allowed", "not here"),
    422: ("unprocessable_entity", "cannot be processed"),
    429: ("too_many_requests", "API Rate limit exceeded."),
    500: ("server_error", "Unexpected server-side error"),
}
_KEYS = ("id", "type", "name", "data", "priority", "port", "ttl", "weight", "flags", "tag")


def error(status: int, message: str = "") -> dict[str, str]:
    kind, said = _MESSAGES[status]
    return {"id": kind, "message": message or said, "request_id": "4d9d8375-3c56-4925-a3e7"}


@dataclass
class Account:
    """The records of one domain, and what was asked."""

    domain: str
    records: list[dict[str, Any]]
    keeps_ttl: bool = False
    """Whether it silently ignores a new TTL."""
    page: int = 2
    """The longest page it gives."""
    serial: int = 1
    api: Api = field(init=False)

    def __post_init__(self) -> None:
        self.api = Api(TOKEN, self.answer, error, limits=_limits)

    def sets(self) -> dict[tuple[str, str], tuple[int, frozenset[str]]]:
        """What its name servers give."""
        found: dict[tuple[str, str], tuple[int, frozenset[str]]] = {}
        for one in self.records:
            name = self.domain if one["name"] == "@" else f"{one['name']}.{self.domain}"
            key = f"{name}.", str(one["type"])
            ttl, values = found.get(key, (one["ttl"], frozenset()))
            found[key] = min(ttl, one["ttl"]), values | {one["data"]}
        return found

    def answer(self, asked: Asked) -> Said:
        base = f"/v2/domains/{self.domain}/records"
        if asked.path == base and asked.method == "GET":
            return Said(200, self.listed(asked.query))
        number = asked.path.removeprefix(f"{base}/")
        found = [one for one in self.records if str(one["id"]) == number]
        if not asked.path.startswith(f"{base}/") or not found:
            return Said(404, error(404))
        if asked.method == "GET":
            return Said(200, {"domain_record": _shown(found[0])})
        if asked.method == "PATCH":
            return self.patched(found[0], asked.body)
        return Said(405, error(405))

    def listed(self, query: Any) -> dict[str, Any]:
        found = self.records
        if "name" in query:
            relative = query["name"].removesuffix(self.domain).rstrip(".") or "@"
            found = [one for one in found if one["name"] == relative]
        if "type" in query:
            found = [one for one in found if one["type"] == query["type"]]
        number, length = int(query.get("page", 1)), min(int(query.get("per_page", 20)), self.page)
        first = (number - 1) * length
        more = first + length < len(found)
        pages = {"next": f"https://api/?page={number + 1}", "last": "…"} if more else {}
        return {
            "domain_records": [_shown(one) for one in found[first : first + length]],
            "links": {"pages": pages} if more or number > 1 else {},
            "meta": {"total": len(found)},
        }

    def patched(self, record: dict[str, Any], body: dict[str, Any]) -> Said:
        if unknown := set(body) - set(_KEYS):
            return Said(422, error(422, f"unknown: {', '.join(unknown)}"))
        if body.get("type") != record["type"]:
            return Said(422, error(422, "type is required and cannot be changed"))
        ttl = body.get("ttl", DEFAULT_TTL)
        if ttl < LEAST_TTL:
            return Said(422, error(422, f"record ttl must be greater than {LEAST_TTL}"))
        record["data"] = body.get("data", record["data"])
        record["ttl"] = record["ttl"] if self.keeps_ttl else ttl
        self.serial += 1
        return Said(200, {"domain_record": _shown(record)})


def _shown(record: dict[str, Any]) -> dict[str, Any]:
    return {key: record.get(key) for key in _KEYS}


def _limits(left: int | None, refused: bool) -> dict[str, str]:
    if left is None:
        return {}
    plain = {"ratelimit-limit": "5000", "ratelimit-remaining": str(left)}
    return plain | ({"retry-after": "0"} if refused else {"ratelimit-reset": "1444931833"})
