"""Cloudflare's zones and DNS records API on loopback, as its published description says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.fakes.api_server import Api, Asked, Said

TOKEN = "cf_a_token_for_tests_40_characters_long"
ZONE_ID = "023e105f4ecef8ad9ca31a8372d0c353"
AUTOMATIC = 1
_ERRORS = {
    400: (1004, "DNS Validation Error"),
    401: (9109, "Invalid access token"),
    403: (10000, "Authentication error"),
    404: (81044, "Record does not exist."),
    405: (10405, "Method not allowed for this authentication scheme"),
    429: (971, "Please wait and consider throttling your request speed"),
    500: (10013, "Internal service error"),
}


def envelope(result: Any, **more: Any) -> dict[str, Any]:
    return {"result": result, "success": True, "errors": [], "messages": [], **more}


def error(status: int, *chain: tuple[int, str]) -> dict[str, Any]:
    code, message = _ERRORS[status]
    told: dict[str, Any] = {"code": code, "message": message}
    if chain:
        told["error_chain"] = [{"code": one, "message": text} for one, text in chain]
    return {"result": None, "success": False, "errors": [told], "messages": []}


@dataclass
class CloudflareZone:
    """One zone and its records."""

    name: str
    records: list[dict[str, Any]]
    page: int = 2
    plan: str = "free"
    permissions: list[str] = field(default_factory=lambda: ["#dns_records:edit", "#zone:read"])
    status: str = "active"
    serial: int = 1
    api: Api = field(init=False)

    def __post_init__(self) -> None:
        self.api = Api(TOKEN, self.answer, error, limits=_limits)
        for one in self.records:
            one.setdefault("proxied", False)
            one.setdefault("modified_on", "2026-01-01T00:00:00.000001Z")

    def sets(self) -> dict[tuple[str, str], tuple[int, frozenset[str]]]:
        """What its name servers give; for a proxied record its own addresses."""
        found: dict[tuple[str, str], tuple[int, frozenset[str]]] = {}
        for one in self.records:
            key = f"{one['name']}.", str(one["type"])
            own = 300 if one["ttl"] == AUTOMATIC or one["proxied"] else one["ttl"]
            ttl, values = found.get(key, (own, frozenset()))
            value = "203.0.113.200" if one["proxied"] else one["content"]
            found[key] = min(ttl, own), values | {value}
        return found

    def answer(self, asked: Asked) -> Said:
        if asked.path == "/zones" and asked.method == "GET":
            return Said(200, self.zones(asked.query))
        base = f"/zones/{ZONE_ID}/dns_records"
        if asked.path == base and asked.method == "GET":
            return Said(200, self.listed(asked.query))
        if asked.path == f"{base}/batch" and asked.method == "POST":
            return self.batch(asked.body)
        found = [one for one in self.records if asked.path == f"{base}/{one['id']}"]
        if not found:
            return Said(404, error(404))
        if asked.method == "GET":
            return Said(200, envelope(dict(found[0])))
        return Said(405, error(405))

    def zones(self, query: Any) -> dict[str, Any]:
        zone = {
            "id": ZONE_ID,
            "name": self.name,
            "status": self.status,
            "type": "full",
            "permissions": self.permissions,
            "plan": {"legacy_id": self.plan},
        }
        found = [zone] if query.get("name", self.name) == self.name else []
        return envelope(found, result_info=_info(1, 20, len(found), len(found)))

    def listed(self, query: Any) -> dict[str, Any]:
        found = self.records
        if "name.exact" in query:
            found = [one for one in found if one["name"] == query["name.exact"]]
        if "type" in query:
            found = [one for one in found if one["type"] == query["type"]]
        number, length = int(query.get("page", 1)), min(int(query.get("per_page", 100)), self.page)
        shown = found[(number - 1) * length : number * length]
        info = _info(number, length, len(shown), len(found))
        return envelope([dict(one) for one in shown], result_info=info)

    def batch(self, body: dict[str, Any]) -> Said:
        if set(body) - {"patches"}:
            return Said(400, error(400, (1, "these tests know no deletes, puts and posts")))
        by_id = {one["id"]: one for one in self.records}
        for patch in body["patches"]:
            if patch["id"] not in by_id:
                return Said(404, error(404))
            ttl = patch.get("ttl", AUTOMATIC)
            least = 30 if self.plan == "enterprise" else 60
            if ttl != AUTOMATIC and not least <= ttl <= 86400:
                words = f"TTL must be between {least} and 86400 seconds, or 1 for Automatic."
                return Said(400, error(400, (9021, words)))
            if patch["type"] != by_id[patch["id"]]["type"]:
                return Said(400, error(400, (9000, "the type cannot be changed here")))
        for patch in body["patches"]:
            self.touch(by_id[patch["id"]], **{"ttl": AUTOMATIC, **patch})
        done = [dict(by_id[patch["id"]]) for patch in body["patches"]]
        return Said(200, envelope({"deletes": [], "patches": done, "puts": [], "posts": []}))

    def touch(self, record: dict[str, Any], **more: Any) -> None:
        """A write by whomever."""
        self.serial += 1
        record.update(more)
        record["modified_on"] = f"2026-01-01T00:00:01.{self.serial:06}Z"


def _info(page: int, length: int, count: int, total: int) -> dict[str, int]:
    pages = -(-total // length)
    return {
        "page": page,
        "per_page": length,
        "count": count,
        "total_count": total,
        "total_pages": pages,
    }


def _limits(left: int | None, refused: bool) -> dict[str, str]:
    if left is None:
        return {}
    plain = {"Ratelimit": f'"default";r={left};t=1', "Ratelimit-Policy": '"default";q=1200;w=300'}
    return plain | ({"retry-after": "1"} if refused else {})
