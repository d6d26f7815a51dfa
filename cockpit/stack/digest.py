"""Values compared without being kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets

_KEY = secrets.token_bytes(32)


def digest(content: bytes) -> str:
    """Equal for equal values within this process, and of no use to anyone else."""
    return hmac.new(_KEY, content, hashlib.sha256).hexdigest()
