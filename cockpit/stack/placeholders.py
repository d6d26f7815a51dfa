"""Values that stand where nobody has put the real one in."""

from __future__ import annotations

import re

_SEPARATORS = re.compile(r"[\s_.:!*-]+")
_WHOLE = re.compile(
    r"(?ix)^(?:<.*>|\$[({].*[)}]|%\w+%|\{\{.*\}\}|__\w+__|\[.*\]|x{3,}|\*{3,}|\.{3,}|-+|(?P<one>.)(?P=one)*"
    r"|(?:0?123456\d*|12345|qwerty\w*|abc123|hunter2|letmein|p@ssw0rd\d*|minioadmin(?::minioadmin)?))$"
)
_BEGINS = re.compile(
    r"(?i)^(?:change ?(?:me|it|this|in|before)|replace|your(?: |password|passwd|secret|key|token)"
    r"|to ?do\b|fix ?me|placeholder|example|insert|dummy|put |enter |set (?:me|this|it)\b|fill "
    r"|redacted|not ?a ?(?:secret|password)|insecure)"
)
_WORDS = frozenset(
    (
        *("password", "passwd", "pass", "secret", "token", "key", "value", "none", "null", "test"),
        *("dev", "development", "staging", "production", "local", "default", "my", "the", "a"),
        *("super", "supersecret", "mysecret", "mypassword", "foo", "bar", "baz", "admin", "root"),
        *("postgres", "redis", "user", "app", "db", "database", "api", "jwt", "here", "real"),
        *("goes", "insecure", "unsafe", "todo", "xxx", "dummy", "sample", "demo", "unset"),
    )
)
"""Words of which no secret is made, however many of them it has."""
_NAMED = re.compile(r"[\"':=\s](?:PASSWORD|SECRET|KEY|TOKEN|YOUR_\w+|CHANGE_?ME)(?=[\"'\s,}]|$)")
"""What documents put for a value, within a file of several."""
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----\s*(?P<body>.*?)\s*-----END", re.DOTALL)


def is_placeholder(text: str) -> bool:
    """Whether nobody has put the real value in: the whole text, any line, or a part of it."""
    text = text.strip()
    if pem := _PEM.match(text):
        return len(re.sub(r"[^A-Za-z0-9+/]", "", pem["body"])) < 40
    return bool(_NAMED.search(text)) or all(map(_is_one, text.splitlines()))


def _is_one(line: str) -> bool:
    line = line.strip().strip("\"'`").strip()
    if not line or _WHOLE.match(line):
        return True
    plain = _SEPARATORS.sub(" ", line).strip().lower()
    words = re.sub(r"\d+$", "", plain).split()
    known = bool(words) and all(word.rstrip("0123456789") in _WORDS for word in words)
    return known or bool(_BEGINS.match(plain))
