"""What a profile gives each DNS provider."""

from __future__ import annotations

from collections.abc import Mapping

NEEDED: Mapping[str, tuple[str, ...]] = {
    "rfc2136": ("server", "key_name", "secret"),
    "digitalocean": ("secret",),
    "cloudflare": ("secret",),
    "manual": (),
}
"""The keys that a provider cannot do without."""
HEEDED: Mapping[str, tuple[str, ...]] = {
    "rfc2136": (),
    "digitalocean": (),
    "cloudflare": (),
    "manual": ("least_ttl", "export"),
}
"""The keys that it looks at besides."""
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "powerdns": ("host", "port", "scheme", "server_id"),
    "route53": ("access_key_id", "role_arn", "delegation_set_id"),
    "googlecloud": ("project",),
    "azure": ("client_id", "directory_id", "sub_id", "resource_group"),
    "ns1": (),
    "hetzner": (),
}
"""By provider that octoDNS speaks to: what its module is made with, besides its secret."""
BY_LIBRARY = ("secret",), ("options", "least_ttl")
"""What each of these needs, and looks at besides."""
EXAMPLES: Mapping[str, str] = {
    "server": "`address:port`",
    "key_name": "the TSIG key's name",
    "secret": "the name of a declared secret",
    "options": "",
    "least_ttl": "",
    "export": "",
}
"""What to write for a key."""


def keys_of(provider: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The keys that a provider needs, and those that it looks at besides."""
    if provider in OPTIONS:
        return BY_LIBRARY
    return NEEDED[provider], HEEDED[provider]
