"""Secrets: in files of their own, granted to who needs them, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cockpit.runbook.literals import is_secret_key, secret_in
from cockpit.stack import written
from cockpit.stack.facts import SecretProblem
from cockpit.stack.model import Found, Stack

MOUNT = "/run/secrets/"
_SWITCH = re.compile(r"(?i)^(?:true|false|yes|no|on|off|0|1|none|null)$")
MENDS: dict[SecretProblem, str] = {
    "missing": "write the secret into that file: mode 0444, in a folder of mode 0700",
    "empty": "write the secret into that file",
    "placeholder": "write the real secret into that file",
    "readable": "chmod 700 its folder, so that only its owner reaches it",
    "tracked": "git rm --cached the file, add it to .gitignore, and change the secret",
}


def in_environment(stack: Stack) -> Iterator[Found]:
    """A secret that `docker inspect`, logs and children of the service show."""
    for one in stack.services:
        for name, value in one.environment.items():
            if kind := _secret(name, value):
                what = f"{name} holds {kind} in the environment"
                bare = name.removesuffix("__FILE").removesuffix("_FILE")
                mend = f"put it into a secret's file, and set {bare}_FILE to its path"
                yield one.found(what, mend, "environment", name)


def _secret(name: str, value: str) -> str:
    if not value or _SWITCH.match(value) or name.endswith("_FILE"):
        return ""
    is_named = is_secret_key(name) or written.names_secret(name, value)
    return "a secret" if is_named else secret_in(value)


def in_command(stack: Stack) -> Iterator[Found]:
    """A secret among the arguments of a program, where `ps` shows it."""
    for one in stack.services:
        for path in (("command",), ("entrypoint",), ("healthcheck", "test")):
            words = one.at(*path) or ()
            line = words if isinstance(words, str) else " ".join(map(str, words))
            if written.among_arguments(line):
                what = f"its {path[0]} holds a secret among the arguments"
                yield one.found(what, "let the program read the secret's file", *path)


def in_label(stack: Stack) -> Iterator[Found]:
    """A secret in a label, which everybody reads who may ask the engine."""
    for one in stack.services:
        for name, value in (one.at("labels") or {}).items():
            plain = re.sub(r"[^A-Za-z0-9]", "_", name)
            if not _SWITCH.match(str(value)) and written.in_line(plain, str(value)):
                mend = "let the program that reads the label take a secret's file"
                yield one.found(f"the label {name} holds a secret", mend, "labels", name)


def in_config(stack: Stack) -> Iterator[Found]:
    """A secret in the content of a config, which stands in the Compose file."""
    for name, config in (stack.config.get("configs") or {}).items():
        if written.in_text(str(config.get("content") or "")):
            mend = "put the secret into a file under `secrets:`, or all of it"
            yield Found("", f"the config {name} holds a secret", mend, ("configs", name))


def in_build(stack: Stack) -> Iterator[Found]:
    """A secret in a build argument, which stays in the image's history."""
    for one in stack.services:
        for name, value in (one.at("build", "args") or {}).items():
            if kind := _secret(name, str(value or "")):
                mend = "pass it as a build secret (`build.secrets`)"
                yield one.found(f"the build argument {name} holds {kind}", mend, "build", "args")


def from_environment(stack: Stack) -> Iterator[Found]:
    """A secret that comes from the operator's environment rather than from a file."""
    for name, secret in (stack.config.get("secrets") or {}).items():
        if secret.get("environment"):
            what = f"the secret {name} is taken from the variable {secret['environment']}"
            yield Found("", what, "give it a `file:`", ("secrets", name))


def not_granted(stack: Stack) -> Iterator[Found]:
    """A path to a secret that the service does not get."""
    for one in stack.services:
        granted = {_target(secret) for secret in one.at("secrets") or ()}
        for name, value in one.environment.items():
            if name.endswith("_FILE") and value.startswith(MOUNT) and value not in granted:
                what = f"{name} names {value}, a secret that the service is not granted"
                yield one.found(what, "list it under the service's `secrets:`", "environment", name)


def _target(secret: dict[str, str] | str) -> str:
    if isinstance(secret, str):
        return MOUNT + secret
    target = secret.get("target") or secret.get("source", "")
    return target if target.startswith("/") else MOUNT + target


def missing(stack: Stack) -> Iterator[Found]:
    """A secret without a file."""
    return _files(stack, "missing")


def empty(stack: Stack) -> Iterator[Found]:
    """A secret whose file holds nothing."""
    return _files(stack, "empty")


def placeholder(stack: Stack) -> Iterator[Found]:
    """A secret that nobody has filled in."""
    return _files(stack, "placeholder")


def readable(stack: Stack) -> Iterator[Found]:
    """A secret that other users of the host can read."""
    return _files(stack, "readable")


def tracked(stack: Stack) -> Iterator[Found]:
    """A secret that git keeps for ever."""
    yield from _files(stack, "tracked")
    for name, file in stack.facts.secrets.items():
        if file.untold:
            mend = "install git, or keep the secret outside the repository"
            yield Found("", f"the secret {name} {file.untold}", mend, ("secrets", name), "", True)


def _files(stack: Stack, problem: SecretProblem) -> Iterator[Found]:
    for name, file in stack.facts.secrets.items():
        if problem in file.problems:
            what = f"the secret {name} {file.problems[problem]}"
            yield Found("", what, MENDS[problem], ("secrets", name))


def unset_variable(stack: Stack) -> Iterator[Found]:
    """A variable without a value, which Compose makes empty."""
    for name in stack.facts.unset:
        what = f"the variable {name} has no value, and Compose puts in nothing"
        yield Found("", what, f"set {name} in the environment's .env file", like=name)
