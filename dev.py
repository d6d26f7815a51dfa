#!/usr/bin/env python3
"""The developer's commands: `python3 dev.py rehearse|cockpit|test|lab|check|lock [arguments]`.

It needs nothing but Python 3.11 or newer on Linux: the first call makes `.venv` from
`requirements.lock`, later calls use it until the lock changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CALLED_FROM = Path.cwd()
HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
BIN = VENV / "bin"
LOCK = HERE / "requirements.lock"
STAMP = VENV / "made-from"

STATIC = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("lint-imports",),
)
FAILED = 1
"""How pytest exits where a test failed; anything else is no matter of a second try."""
FEW = 4
PYTEST = ("python", "-m", "pytest", "-q")
TESTS: Mapping[str, tuple[str, ...]] = {
    "unit": ("tests/unit", "tests/architecture"),
    "screen": ("tests/tui/test_[!w]*.py",),
    "walks": ("tests/tui/test_walk_*.py", "tests/engine/test_verdict_*.py"),
    "survival": ("tests/engine/test_engine_*.py",),
}
# What needs a Docker engine, and what needs name servers.
SERVERS: Mapping[str, tuple[str, ...]] = {
    "stack": ("tests/lab/test_stack_[fr]*.py",),
    "tiles": ("tests/lab/test_tiles_[cdl]*.py",),
    "lint": ("tests/lab/test_lint_compose.py", "tests/lab/test_tiles_remote.py"),
    "names": ("tests/lab/test_lab_dns*.py",),
}
SHARED: Mapping[str, int] = {"screen": 3, "survival": 3, "the rest": 4}
"""Parts whose tests wait a lot, and how many of them two cores carry at once."""
ALONE = frozenset(("stack", "tiles", "lint"))
"""Parts whose tests share one Docker engine."""
COMPILE = (
    *("uv", "pip", "compile", "pyproject.toml"),
    *("--extra", "rehearsal", "--extra", "docker", "--extra", "dns", "--group", "dev"),
    *("--universal", "--python-version", "3.11", "--generate-hashes"),
    *("--no-emit-index-url", "--no-header", "-o", "requirements.lock"),
)


def say(text: str) -> None:
    """Tell the developer; stdout belongs to the commands."""
    print(f"dev: {text}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Run one command."""
    if sys.version_info < (3, 11) or not sys.platform.startswith("linux"):
        say(f"this needs Linux and Python 3.11 or newer, here is {sys.version.split()[0]}")
        return 64
    command = COMMANDS.get(arguments[0]) if arguments else None
    if command is None:
        say(f"usage: python3 dev.py {'|'.join(COMMANDS)} [arguments]")
        return 64
    os.chdir(HERE)
    return command(list(arguments[1:]))


def rehearse(arguments: list[str]) -> int:
    """A full cutover in the embedded lab, on this machine."""
    return cockpit(["rehearse", *arguments])


def cockpit(arguments: list[str]) -> int:
    """The program itself, from where it was called; what it prints to be typed works as it is."""
    prepare()
    os.chdir(CALLED_FROM)
    os.environ["COCKPIT_CALLED"] = f"python3 {sys.argv[0]} cockpit"
    os.execv(BIN / "cockpit", ["cockpit", *arguments])


def test(arguments: list[str]) -> int:
    """Everything but the real servers: static checks, then the tests on every core, in parts."""
    return check([]) or parts("tests", TESTS, ["--ignore", "tests/lab", *arguments])


def lab(arguments: list[str]) -> int:
    """The tests against real servers, which mostly wait; `.ci/run` installs what they need."""
    prepare()
    return parts("tests/lab", SERVERS, arguments, "other servers", at_once=len(SERVERS) + 1)


def parts(
    folder: str,
    named: Mapping[str, tuple[str, ...]],
    arguments: Sequence[str],
    rest: str = "the rest",
    at_once: int = 1,
) -> int:
    """Run the tests of a folder part by part, each with its time; all of them, whatever fails.

    The last part takes whatever no other one names, so that no test is forgotten. Where several
    run at once, each prints when it has ended.
    """
    found = {
        name: sorted(str(one) for pattern in patterns for one in Path().glob(pattern))
        for name, patterns in named.items()
    }
    elsewhere = [word for paths in found.values() for path in paths for word in ("--ignore", path)]
    found[rest] = [folder, *elsewhere]
    # Kills at random are the same ones where a test runs again.
    os.environ.setdefault("COCKPIT_KILL_SEED", str(secrets.randbelow(10**6)))
    with ThreadPoolExecutor(at_once) as pool:
        ends = [
            pool.submit(pytest, name, [*paths, *arguments], whole=at_once > 1)
            for name, paths in found.items()
        ]
        return max(one.result() for one in ends)


def pytest(name: str, arguments: Sequence[str], *, whole: bool) -> int:
    """Run one part; the few tests that fail beside others run once more, alone.

    Most parts wait for real programs on a machine that may be busy. Only what fails twice is a
    failure; what failed once is named at the end, since it wants mending too.
    """
    kept = HERE / ".pytest_cache" / name.replace(" ", "-")
    words = (*PYTEST, "-o", f"cache_dir={kept}")
    status = run((*words, *workers(name), *arguments), name, whole=whole)
    failed = failures(kept)
    if status != FAILED or name == "unit" or not 0 < len(failed) <= FEW:
        return status
    status = run((*words, "-n", "0", "--last-failed", *arguments), f"{name}, again", whole=whole)
    if status == 0:
        say(f"{name}: failed beside others, good alone: {', '.join(failed)}")
    return status


def failures(kept: Path) -> list[str]:
    """The tests that failed last, as pytest keeps them."""
    file = kept / "v" / "cache" / "lastfailed"
    return list(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else []


def workers(name: str) -> tuple[str, ...]:
    """How many tests run at once; those of a Docker engine share it, one after the other.

    Many wait more than they work, for a program that starts, a cache that runs out or a server
    that keeps silent: several share a core then. Of the walks each has a worker, and one is for
    the verdicts, whose nights already run three at once.
    """
    if name == "walks":
        return ("-n", "5", "--dist", "loadgroup")
    if name in SHARED:
        return ("-n", str(SHARED[name] * (os.cpu_count() or 1) // 2))
    return ("-n", "0" if name in ALONE else "auto")


def check(_arguments: list[str]) -> int:
    """Format, lint, types, import contracts; all of them, whatever fails."""
    prepare()
    return max([run(words) for words in STATIC])


def lock(_arguments: list[str]) -> int:
    """Resolve the dependencies anew into requirements.lock."""
    if shutil.which("uv") is None:
        say("this needs uv on the PATH: pip install uv")
        return 64
    return subprocess.run(COMPILE, check=False).returncode


def run(words: Sequence[str], name: str = "", *, whole: bool = False) -> int:
    """Run a program of the environment, and say how long it took; its output whole at its end."""
    began = time.monotonic()
    ended = subprocess.run(
        (BIN / words[0], *words[1:]),
        env=environment(),
        check=False,
        stdout=subprocess.PIPE if whole else None,
        stderr=subprocess.STDOUT if whole else None,
    )
    took = time.monotonic() - began
    if whole:
        sys.stdout.buffer.write(ended.stdout)
        sys.stdout.buffer.flush()
    status = ended.returncode
    how = "good" if status == 0 else f"exit {status}"
    say(f"{name or ' '.join(words[:3])}: {how}, {took:.1f} s")
    return status


def environment() -> dict[str, str]:
    """The developer's own, with the programs of `.venv` first."""
    return {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}


def prepare() -> None:
    """Make `.venv` where it is missing, half made, or from another lock."""
    wanted = fingerprint()
    if STAMP.is_file() and STAMP.read_text(encoding="ascii") == wanted:
        return
    say("making .venv from requirements.lock: once, about half a minute …")
    if VENV.is_symlink():
        say(f".venv leads to {VENV.resolve()}, made for another place: only the link is taken away")
        VENV.unlink()  # clearing it would clear what it leads to
    began = time.monotonic()
    pip = (str(BIN / "python"), "-m", "pip", "--disable-pip-version-check", "-q", "install")
    must(sys.executable, "-m", "venv", "--clear", str(VENV))
    must(*pip, "--require-hashes", "--no-deps", "-r", str(LOCK))
    # The build backend came with the lock: an isolated build would fetch it again, unlocked.
    must(*pip, "--no-build-isolation", "--no-deps", "-e", str(HERE))
    must(str(BIN / "python"), "-m", "compileall", "-q", str(HERE / "cockpit"))
    STAMP.write_text(wanted, encoding="ascii")
    say(f".venv is ready after {time.monotonic() - began:.0f} s")


def fingerprint() -> str:
    """What the environment is made from: this Python, this place, the lock, the metadata."""
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    parts = (sys.version, str(HERE), LOCK.read_text(encoding="utf-8"), repr(project))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def must(*words: str) -> None:
    """Run a program that has to succeed."""
    status = subprocess.run(words, check=False).returncode
    if status:
        say(f"{' '.join(words)} exited with {status}")
        say("on Debian, `apt-get install python3-venv` brings what venv needs")
        sys.exit(1)


COMMANDS: Mapping[str, Callable[[list[str]], int]] = {
    "rehearse": rehearse,
    "cockpit": cockpit,
    "test": test,
    "lab": lab,
    "check": check,
    "lock": lock,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
