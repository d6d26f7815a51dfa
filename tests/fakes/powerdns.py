"""PowerDNS's HTTP API on loopback, as its published description says: sets are replaced whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.fakes.api_server import Api, Asked, Said

TOKEN = "pdns_a_key_for_tests"


def error(status: int) -> dict[str, str]:
    return {"error": {401: "Unauthorized", 404: "Not Found"}.get(status, "Internal Server Error")}


@dataclass
class PowerDnsZone:
    """One zone and its record sets; `records` holds them as the API shows them."""

    name: str
    records: list[dict[str, Any]]
    serial: int = 1
    api: Api = field(init=False)

    def __post_init__(self) -> None:
        self.api = Api(TOKEN, self.answer, error)

    def sets(self) -> dict[tuple[str, str], tuple[int, frozenset[str]]]:
        """What its name servers give."""
        return {
            (one["name"], one["type"]): (
                one["ttl"],
                frozenset(record["content"] for record in one["records"]),
            )
            for one in self.records
        }

    def answer(self, asked: Asked) -> Said:
        base = "/api/v1/servers/localhost"
        if asked.path == base:
            return Said(200, {"type": "Server", "id": "localhost", "version": "4.9.1"})
        if asked.path != f"{base}/zones/{self.name}":
            return Said(404, error(404))
        if asked.method == "GET":
            return Said(200, {"name": self.name, "kind": "Native", "rrsets": self.records})
        if asked.method == "PATCH":
            return self.patched(asked.body["rrsets"])
        return Said(405, error(405))

    def patched(self, sets: list[dict[str, Any]]) -> Said:
        for one in sets:
            if one["changetype"] != "REPLACE" or not one["records"] or "ttl" not in one:
                return Said(422, {"error": f"these tests know no {one['changetype']}"})
        for one in sets:
            place = next(
                at
                for at, kept in enumerate(self.records)
                if (kept["name"], kept["type"]) == (one["name"], one["type"])
            )
            new = {key: value for key, value in one.items() if key != "changetype"}
            self.records[place] = new
        self.serial += 1
        return Said(204, None)
