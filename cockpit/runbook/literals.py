"""Text that looks like a secret: it must stand in a file of its own, never in a runbook."""

from __future__ import annotations

import math
import re
from collections import Counter

_TOKENS = (
    (re.compile(r"\bdo[opr]_v1_[0-9a-f]{16,}"), "a DigitalOcean token"),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{12,}"), "an AWS access key"),
    (re.compile(r"\b(?:ghp|gho|ghs|ghu|github_pat)_[A-Za-z0-9_]{20,}"), "a GitHub token"),
    (re.compile(r"\bsbp_[0-9a-f]{20,}"), "a Supabase token"),
    (re.compile(r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,}"), "a Stripe key"),
    (re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}"), "a Slack token"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,400}\.eyJ[A-Za-z0-9_-]{8}"), "a JSON web token"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (
        re.compile(r"\b[a-z][a-z0-9+.-]{0,20}://[^/\s:@]{0,80}:[^/\s@]{1,200}@"),
        "a password in an address",
    ),
    (re.compile(r"(?i)\bpassword\s+'[^']+'"), "a password in SQL"),
    (
        re.compile(r"(?i)\bauthorization:\s*(?:bearer|basic)\s+[a-z0-9._~+/=-]{8,}"),
        "an Authorization header",
    ),
    (
        re.compile(
            r"(?i)\b[a-z0-9_]{0,40}(?:password|passwd|pgpass|secret|api_?key|token)[\"']?"
            r"(?:=|:)[\"']?(?![\"'\s$<{/])[^\s\"',}]{4,}"
        ),
        "a password",
    ),
    (re.compile(r"(?i)[\"'](?:password|secret|token)[\"']\s*:\s*[\"'][^\"'$]{4,}"), "a password"),
)
_KEY = re.compile(r"(?i)(?:^|_)(?:password|passwd|pgpassword|secret|token|api_?key|private_?key)$")
_HEX = re.compile(r"(?<![0-9A-Za-z:])[0-9a-fA-F]{32,}(?![0-9A-Za-z])")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{28,}={0,2}")


def secret_in(text: str) -> str:
    """What kind of secret a text seems to hold; empty where none."""
    for pattern, word in _TOKENS:
        if pattern.search(text):
            return word
    if _HEX.search(text):
        return "a long hexadecimal number"
    if any(_is_random(found) for found in _BASE64.findall(text)):
        return "a long random text"
    return ""


def looks_secret(text: str) -> bool:
    """Whether a text should not be repeated in a message."""
    return bool(secret_in(text))


def is_secret_key(key: str) -> bool:
    """Whether a variable of that name would hold a secret: `PGPASSWORD`, `api_key`."""
    return bool(_KEY.search(key))


def _is_random(text: str) -> bool:
    kinds = (r"[A-Z]", r"[a-z]", r"[0-9]")
    if not all(re.search(kind, text) for kind in kinds) or text.count("/") > 3 or text[0] == "/":
        return False
    counts = Counter(text)
    bits = -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())
    return bits > 4.0
