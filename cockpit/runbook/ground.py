"""Relative paths of a profile made absolute, so that the plan's copy still leads to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cockpit.runbook.model import Profile
from cockpit.runbook.targets import ComposeTarget, HttpTarget, PostgresTarget, SecretFile, Target


def grounded(profile: Profile, origin: Path) -> Profile:
    """The profile with every path absolute, relative ones beginning at the folder."""
    base = origin.absolute()
    return replace(
        profile,
        targets={name: _target(one, base) for name, one in profile.targets.items()},
        secrets={
            name: SecretFile(file=str(base / one.file)) for name, one in profile.secrets.items()
        },
    )


def _target(target: Target, base: Path) -> Target:
    if isinstance(target, ComposeTarget):
        return replace(target, directory=str(base / target.directory))
    if isinstance(target, PostgresTarget | HttpTarget) and target.sslrootcert:
        return replace(target, sslrootcert=str(base / target.sslrootcert))
    return target
