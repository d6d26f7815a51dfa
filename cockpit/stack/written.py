"""Secrets written out: under a variable's name, among arguments, and in the lines of a text."""

from __future__ import annotations

import re

from cockpit.runbook.literals import is_secret_key, secret_in

_NAME = re.compile(
    r"(?i)(?:^|_)(?:(?:db|pg|smtp|user|admin|root)?(?:pass|passwd|password|passphrase|pwd)"
    r"|redis(?:cli)?_?auth|api_?key|credentials?"
    r"|(?:secret|jwt|encryption|signing|private|api|access|master|server|session|cookie|hmac|crypt)"
    r"_key(?:_base)?|secret(?:_server)?(?:_access)?_key)$"
)
_DSN = re.compile(r"(?i)(?:^|_)dsn$")
_KEYED = re.compile(r"(?i)^https?://[^/@\s]+@")
"""An address that carries the key of who may report there."""
_VALUE_IS_NO_SECRET = re.compile(r"^(?:/|\$|file:|env:|\d{1,3}$|https?://[^@]*$)")
_ARGUMENT = re.compile(
    r"(?i)(?<![\w-])--?(?!-|no-)(?:requirepass|masterauth"
    r"|(?:[a-z-]*-)?(?:pass|passwd|password|passphrase|secret|token|api-?key))[ =]+(?P<value>\S+)"
)
_OF_A_CLIENT = re.compile(
    r"\bredis-cli\b[^|;&]*?\s-a\s+(?P<redis>\S+)"
    r"|\b(?:mysql|mariadb)(?:admin|dump)?\b[^|;&]*?\s-p(?P<mysql>[^\s-]\S*)"
)
_NO_VALUE = re.compile(r"[\"']?(?:\$|/|-|file:|env:|<)")
_PAIR = re.compile(r"^\s*[\"']?(?P<name>[\w.-]+)[\"']?\s*[=:]\s*[\"']?(?P<value>[^\s\"',]+)")


def names_secret(name: str, value: str) -> bool:
    """Whether a variable of that name holds a secret, and not the place of one."""
    if _DSN.search(name) and _KEYED.match(value):
        return True
    return bool(_NAME.search(name)) and not _VALUE_IS_NO_SECRET.match(value)


def among_arguments(line: str) -> bool:
    """Whether a program's arguments hold a secret, rather than a file's name or a variable."""
    found = [one["value"] for one in _ARGUMENT.finditer(line)]
    found += [one["redis"] or one["mysql"] for one in _OF_A_CLIENT.finditer(line)]
    has_address = any(secret_in(word) == "a password in an address" for word in line.split())
    return has_address or any(not _NO_VALUE.match(value) for value in found)


def in_line(name: str, value: str) -> bool:
    """Whether a name and its value show a secret; random text alone may be a version."""
    kind = secret_in(value)
    named = is_secret_key(name) and not _VALUE_IS_NO_SECRET.match(value)
    return bool(value) and (
        named
        or names_secret(name, value)
        or (kind.startswith(("a ", "an ")) and not kind.startswith("a long"))
    )


def in_text(text: str) -> bool:
    """Whether any line of a text gives a secret."""
    pairs = (match for line in text.splitlines() if (match := _PAIR.match(line)))
    return any(in_line(one["name"], one["value"]) for one in pairs)
