"""Steps as commands to paste into bash, for the day on which the cockpit itself is gone.

A module `cockpit.actions.KIND` may have

    paper(action, sheet) -> tuple[str, ...]     pure: what a person pastes, line by line

No secret is in them, only its file's place; none becomes a program's argument. What has several
lines is one subshell, which bash reads whole before it starts and leaves at the first failure.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cockpit.journal.events import Json
from cockpit.runbook.model import Runbook, Step
from cockpit.runbook.targets import PostgresTarget


@dataclass(frozen=True)
class Sheet:
    """What a step's commands may be made from."""

    runbook: Runbook
    step: Step
    recorded: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    """What the steps of a run recorded, by step id; empty before there is a run."""
    run_directory: Path | None = None
    """The run's folder, where exports already lie; none before there is a run."""

    def secret(self, secret_id: str) -> str:
        """A secret as a shell reads it from its file."""
        path = Path(self.runbook.directory) / self.runbook.profile.secrets[secret_id].file
        return f'"$(cat {shlex.quote(str(path))})"'


def remarks(lines: Iterable[str]) -> tuple[str, ...]:
    """Lines that a shell passes over."""
    return tuple(f"# {part}".rstrip() for line in lines for part in line.splitlines() or [""])


def block(*lines: str) -> tuple[str, ...]:
    """Lines that run together, and stop at the first that fails."""
    return ("( set -euo pipefail", *lines, ")")


def here(command: str, text: str, descriptor: str = "") -> tuple[str, ...]:
    """A command that reads a text as it stands; nothing in it is replaced."""
    mark = "END"
    while re.search(rf"^{mark}$", text, re.MULTILINE):
        mark += "_"
    return (f"{command} {descriptor}<<'{mark}'", *text.strip("\n").splitlines(), mark)


def fenced(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines as a page of Markdown shows them, for copying as they are."""
    longest = max((len(ticks) for line in lines for ticks in re.findall("`+", line)), default=0)
    fence = "`" * max(3, 1 + longest)
    return (f"{fence}bash", *lines, fence)


def by_hand_folder(step_id: str) -> Path:
    """Where what a step does by hand leaves files, below the folder in which it is pasted."""
    return Path("by_hand") / step_id


def session(sheet: Sheet, target_id: str, role: str | None = None) -> str:
    """A shell function that is psql at a database, as its owner or as one of its roles."""
    target = sheet.runbook.target(target_id)
    if not isinstance(target, PostgresTarget):
        raise TypeError(f"{target_id} is no database")
    user, secret = (role, target.roles[role]) if role else (target.user, target.password)
    place = {
        "host": target.host,
        "port": str(target.port),
        "dbname": target.database,
        "user": user,
        "sslmode": target.sslmode,
        **({"sslrootcert": target.sslrootcert} if target.sslrootcert else {}),
        **({"sslrootcert": "system"} if _trusts_the_system(target) else {}),
        "application_name": "by_hand",
    }
    words = shlex.quote(" ".join(f"{name}={_value(value)}" for name, value in place.items()))
    options = "--no-psqlrc --quiet --no-password --set=ON_ERROR_STOP=1"
    password = f"PGPASSWORD={sheet.secret(secret)}"
    return f'{named(target_id, role)}() {{ {password} psql {words} {options} "$@"; }}'


def named(target_id: str, role: str | None = None) -> str:
    """The name of that function."""
    return re.sub(r"\W", "_", f"{role}_at_{target_id}" if role else f"at_{target_id}")


def bearer(sheet: Sheet, name: str, secret_id: str | None) -> str:
    """A shell function that is curl, with a token that reaches it through a pipe."""
    curl = 'curl --config - --fail-with-body --silent --show-error "$@"'
    if secret_id is None:
        return f"{name}() {{ : | {curl}; }}"
    header = """printf 'header = "Authorization: Bearer %s"\\n'"""
    return f"{name}() {{ {header} {sheet.secret(secret_id)} | {curl}; }}"


def _value(text: str) -> str:
    """A value of libpq's connection string."""
    if re.fullmatch(r"[\w./:-]+", text):
        return text
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _trusts_the_system(target: PostgresTarget) -> bool:
    return target.sslmode.startswith("verify") and not target.sslrootcert
