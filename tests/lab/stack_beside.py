"""The shipped runbook with the stacks of both environments on this host, to be compared."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.lab.stack_parts import ROOT
from tests.lab.stack_project import copied

RUNBOOK = ROOT / "runbooks" / "freshtrack"
PER_STACK = ("pgbouncer_users", "database_ca")
AUTHORITY = f"-----BEGIN CERTIFICATE-----\n{'MIIB' * 16}\n-----END CERTIFICATE-----\n"


def beside_production(folder: Path) -> Path:
    """The runbook, with production's stack on this host, filled in, and the same authority."""
    runbook, production = folder / "runbook", copied(folder / "production")
    shutil.copytree(RUNBOOK, runbook, ignore=shutil.ignore_patterns("stack"))
    profile = runbook / "production.yaml"
    text = profile.read_text(encoding="utf-8")
    assert "directory: /opt/freshtrack" in text
    profile.write_text(text.replace("/opt/freshtrack", str(production)), encoding="utf-8")
    for stack in (production, folder / "stack"):
        users, authority = (stack / "secrets" / f"{name}.txt" for name in PER_STACK)
        users.chmod(0o600)
        users.write_text(f'"app" "{stack.parent.name}"', encoding="ascii")
        users.chmod(0o444)
        authority.chmod(0o600)
        authority.write_text(AUTHORITY, encoding="ascii")
        authority.chmod(0o444)
    return runbook
