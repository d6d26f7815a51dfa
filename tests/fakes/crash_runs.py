"""A run whose steps are small programs, with its real engine: begun, killed, started again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cockpit.clock import wall_s
from cockpit.engine import intents
from cockpit.engine.attempt_files import AttemptFolder, Identity
from cockpit.engine.client import Client
from cockpit.engine.layout import RunDirectory
from cockpit.engine.processes import Process, is_alive, session_members
from cockpit.engine.start import begin, is_running, launch_engine, run_started, wait_for_engine
from cockpit.journal.events import Event
from cockpit.journal.file import JournalReader
from cockpit.runbook.plan import load_plan
from tests.fakes.operators import Operator

SECRET = "v3ry/secret+w0rd=\u00fc?"
SCRIPT = """\
# The steps' program: `act.sh NAME`. What it does first is its effect: one line in a file.
echo "$1 begins"
case "$1" in plain*) sleep 0.05 ;; gone) exec setsid sh "$0" far ;; esac
echo "$1" >> "$FOLDER/effects"
session() { read -r line < "/proc/$1/stat" && set -- ${line##*) } && echo "$4"; } 2>/dev/null
wait_for() { while [ ! -e "$FOLDER/$1" ]; do sleep 0.02; done; }
case "$1" in
  patient) echo one; wait_for say; echo two; wait_for go ;;
  slow* | far) echo halfway; wait_for go; echo "went on" ;;
  flaky) [ -e "$FOLDER/mended" ] || { echo "it is not mended"; exit 3; } ;;
  stubborn) sh "$0" deaf & sh "$0" deaf & setsid sh "$0" deaf & sh "$0" deaf ;;
  deaf) trap '' TERM; wait_for go ;;
  suicidal) kill -KILL 0 ;;
  sessional) own=$(session self); for p in /proc/[0-9]*; do
    [ "$(session "${p#/proc/}")" != "$own" ] || [ "${p#/proc/}" = $$ ] || kill -KILL "${p#/proc/}"
    done; wait_for go ;;
  killed) kill -KILL $$ ;;
  hungry) ulimit -v 200000; exec "$PYTHON" -c 'x = bytearray(10**9)' ;;
  daemon) setsid sh "$0" slow < /dev/null > /dev/null 2>&1 & ;;
  chatty) . "$FOLDER/chatty.sh" ;;
  plain*) sleep 0.05 ;;
esac
echo "$1 ends"
"""
CHATTY = """\
# Prints a secret in every way in which a program may.
S=$(cat "$API_TOKEN_FILE")
echo "plain $S"
printf 'split %s' "${S%????????}"; sleep 0.1; printf '%s\n' "${S#"${S%????????}"}"
base64 -w 7 < "$API_TOKEN_FILE"; echo
printf 'user:%s' "$S" | base64
printf '%s\n' "$S" | sed 's/./&\n/9'
printf '%s\n' "$S" | sed "s/./&$(printf '\\033')[31m/5"
printf 'https://db/?password=v3ry%%2Fsecret%%2Bw0rd%%3D%%C3%%BC%%3F\n'
printf 'https://db/?password=v3ry%%2fsecret%%2bw0rd%%3d%%c3%%bc%%3f\n'
printf %s "$S" | od -An -tx1 | tr -d ' \n'; echo
# And what a terminal must never be told.
printf '\033]0;owned\007\033]52;c;b3duZWQ=\007\033[6n\033[2J'
printf '\302\233[35m\033Pq~\033\\\342\200\256nwod\n'
echo '[bold red]shout[/] [@click=app.quit]here[/]'
wait_for go
echo "cannot log in with $S" >&2
exit 4
"""
RUNBOOK = """\
cockpit: 1
name: survival
title: A move that is killed again and again
variables:
  folder: {about: Where the steps leave their marks}
targets:
  zone: {kind: dns, about: The name that moves}
  web: {kind: http, about: A service at which nobody answers}
checks:
__CHECKS__
phases:
  - id: before
    title: Before
    offset: T-1h
    steps:
__STEPS__
      - id: poke
        title: Service poked
        why: It is wanted.
        success_looks_like: It answers.
        if_it_fails: Look.
        ask: the owner
        action: {kind: http, target: web, method: POST, path: /poke}
        needs: []
        way_back: not needed, because nobody is there
  - id: switch
    title: Switch
    offset: T-0
    steps:
      - id: switch_dns
        title: DNS switched
        why: It moves the users.
        success_looks_like: It moved.
        if_it_fails: Look.
        ask: the owner
        action: {kind: dns, target: zone, change: to_new}
        needs: [quick]
        t0: true
rollback:
  - id: back_dns
    title: DNS back
    why: It moves the users back.
    success_looks_like: It moved.
    if_it_fails: Look.
    ask: the owner
    action: {kind: dns, target: zone, change: to_old}
    undoes: [switch_dns]
__BACK__
call_off: [back_quick]
"""
PROFILE = """\
cockpit: 1
environment: staging
domain: survival.test
variables:
  folder: __FOLDER__
targets:
  zone:
    kind: dns
    zone: survival.test.
    names: [www.survival.test.]
    record_type: A
    old: 127.0.0.10
    new: 127.0.0.20
    provider: rfc2136
    server: "__NET__.53:5300"
    key_name: cutover
    secret: dns_key
    authorities:
      - {name: ns1, address: __NET__.53, port: 5300}
  web: {kind: http, url: "http://__NET__.80:8080"}
secrets:
  dns_key: {file: __FOLDER__/dns_key}
  api_token: {file: __FOLDER__/api_token}
notifiers:
  log: {kind: file}
"""
STEP = """\
      - id: __ID__
        title: Step __ID__
        why: It is wanted.
        success_looks_like: Its mark is there.
        if_it_fails: Look.
        ask: the owner
        action:
          {kind: shell, argv: [sh, act.sh, __WORD__], files: [act.sh], environment: __ENVIRONMENT__}
        needs: [__NEEDS__]
        verify: [__VERIFY__]
        estimate: 1s
        timeout: __TIMEOUT__
__MORE__"""
NOT_NEEDED = "        way_back: not needed, because it is a mark in a file\n"


@dataclass(frozen=True)
class Kind:
    """One step of the small runbook."""

    id: str
    needs: str = ""
    verify: str = "{}_seen"
    timeout: str = "60s"
    sees: str = '[grep, -qx, {}, "${{folder}}/effects"]'
    """What its verification runs: it looks for its mark."""
    more: str = ""
    """More fields, in YAML."""
    idempotent: bool = False
    undone: bool = False


KINDS = (
    Kind("quick", undone=True),
    Kind("slow"),
    Kind("patient", more="soft_timeout: 2s, silence: 1s"),
    Kind("after", needs="slow"),
    Kind("again", idempotent=True),
    Kind("paired", more="second_person: true"),
    Kind("flaky"),
    Kind("stubborn", timeout="2s"),
    Kind("suicidal"),
    Kind("sessional"),
    Kind("killed"),
    Kind("hungry"),
    Kind("daemon"),
    Kind("chatty"),
    Kind("telltale", sees='[cat, "${{folder}}/api_token"]'),
)


def some_net() -> str:
    """A part of loopback at which nobody answers."""
    return f"127.{random.randint(20, 240)}.{random.randint(1, 250)}"


def plain(count: int) -> tuple[Kind, ...]:
    """So many steps that only leave their mark."""
    return tuple(Kind(f"plain{number}") for number in range(count))


def write_runbook(folder: Path, net: str, kinds: tuple[Kind, ...]) -> Path:
    """The runbook, its profile, its program and its secrets, in a folder of their own."""
    for name in ("dns_key", "api_token"):
        (folder / name).write_text(SECRET if name == "api_token" else "c2VjcmV0LWtleQ==")
        (folder / name).chmod(0o600)
    (folder / "effects").touch()
    (folder / "chatty.sh").write_text(CHATTY)
    book = folder / "runbook"
    book.mkdir()
    (book / "act.sh").write_text(SCRIPT)
    (book / "runbook.yaml").write_text(_procedure(kinds))
    profile = PROFILE.replace("__FOLDER__", str(folder)).replace("__NET__", net)
    (book / "staging.yaml").write_text(profile)
    return book


def _procedure(kinds: tuple[Kind, ...]) -> str:
    checks = [
        f"  - {{id: {kind.id}_seen, title: The mark of {kind.id} is there, kind: command, "
        f"argv: {kind.sees.format(kind.id)}, reads_only: true}}"
        for kind in kinds
    ]
    text = RUNBOOK.replace("__CHECKS__", "\n".join(checks))
    text = text.replace("__STEPS__\n", "".join(_step(kind, kind.id) for kind in kinds))
    back = [_step(kind, f"back_{kind.id}") for kind in kinds if kind.undone]
    return text.replace("__BACK__\n", "".join(_outdented(one) for one in back))


def _step(kind: Kind, name: str) -> str:
    back = name.startswith("back_")
    text = STEP.replace("__ID__", name).replace("__WORD__", name)
    text = text.replace("__TIMEOUT__", kind.timeout)
    lines = (f"        {line}\n" for line in kind.more.split(", ") if line)
    text = text.replace("__MORE__", "".join(lines))
    text = text.replace("__ENVIRONMENT__", f'{{FOLDER: "${{folder}}", PYTHON: {sys.executable}}}')
    text = text.replace("__VERIFY__", "" if back else kind.verify.format(kind.id))
    text = text.replace(
        "        needs: [__NEEDS__]\n", "" if back else f"        needs: [{kind.needs}]\n"
    )
    if kind.idempotent:
        text += "        idempotent: true\n"
    if back:
        return text + f"        undoes: [{kind.id}]\n"
    return text if kind.undone else text + NOT_NEEDED


def _outdented(text: str) -> str:
    return "".join(line[4:] for line in text.splitlines(keepends=True))


@dataclass
class Run:
    """One run, its engine and its operator."""

    folder: Path
    directory: RunDirectory
    engine: subprocess.Popen[bytes] | None = None
    engines: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _operator: Operator | None = None

    # -- engine and runner ----------------------------------------------------------------------

    def start(self, **environment: str) -> None:
        """Start an engine, and wait until it works."""
        engine = self.launch(**environment)
        while not is_running(self.directory) and engine.poll() is None:
            time.sleep(0.01)  # on a machine that is busy, longer than an operator would wait
        wait_for_engine(self.directory, engine)

    def launch(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start an engine."""
        # Compiled once for all runs of a session, also where the environment keeps no bytecode.
        bytecode = str(self.folder.parents[1] / "bytecode")
        compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": bytecode}
        with _environment(compiled | environment):
            self.engine = launch_engine(self.directory)
        assert self.engine is not None
        self.engines.append(self.engine)
        return self.engine

    @property
    def engine_pid(self) -> int:
        """The engine's pid."""
        assert self.engine is not None
        return self.engine.pid

    def kill_engine(self) -> None:
        """SIGKILL, as an out-of-memory killer sends it."""
        assert self.engine is not None
        self.engine.kill()
        self.engine.wait(10)

    def identity(self, step: str, attempt: int = 1) -> Identity:
        """The runner of an attempt."""
        found = self.attempt(step, attempt).identity()
        assert found is not None
        return found

    def kill_runner(self, step: str, attempt: int = 1) -> None:
        """SIGKILL an attempt's runner."""
        one = self.identity(step, attempt)
        assert is_alive(one.pid, one.start_time, one.boot_id)
        os.kill(one.pid, signal.SIGKILL)
        eventually(lambda: not is_alive(one.pid, one.start_time, one.boot_id), "the runner's end")

    def attempt(self, step: str, attempt: int = 1) -> AttemptFolder:
        """An attempt's files."""
        return AttemptFolder(self.directory.attempt(step, attempt))

    def left_behind(self, step: str, attempt: int = 1) -> list[Process]:
        """What lives on of an attempt."""
        found = self.attempt(step, attempt).identity()
        return [] if found is None or found.void else session_members(found.pid)

    # -- the operator ---------------------------------------------------------------------------

    @property
    def operator(self) -> Operator:
        """The driver."""
        if self._operator is None:
            self._operator = Operator(Client(self.directory))
            self._operator.take_seat()
        return self._operator

    def confirm(self, step: str) -> None:
        """Open a step and confirm it as shown."""
        shown = self.operator.proposal(step)
        assert shown.closed == (), shown.closed
        self.operator.confirm(shown)

    def confirm_slow(self) -> None:
        """Confirm the slow step, and wait until it stands in its middle."""
        self.confirm("slow")
        self.wait_status("slow", "running")
        output = self.attempt("slow").output
        eventually(lambda: output.exists() and "halfway" in output.read_text(), "its middle")

    def status(self, step: str) -> str:
        return self.operator.view().state.step(step).status

    def fresh_status(self, step: str) -> str:
        """What a viewer shows that opens the run now."""
        return Client(self.directory).view().state.step(step).status

    def wait_status(self, step: str, *wanted: str, seconds: float = 30.0) -> None:
        self.operator.wait(
            f"{step} {' or '.join(wanted)}",
            lambda view: view.state.step(step).status in wanted,
            seconds,
        )

    def refused(self, send: Callable[[], object]) -> str:
        """Why the engine does not follow what is sent now."""
        before = len(self.told("intent_refused"))
        send()
        eventually(lambda: len(self.told("intent_refused")) > before, "the refusal")
        return str(self.told("intent_refused")[-1]["reason"])

    def send(self, kind: intents.Kind, **details: str | float) -> None:
        """Ask something as the driver."""
        self.operator.client.send(kind, **details)

    def settle_done(self, step: str, text: str) -> None:
        """Look at what a step left behind, and call it done."""
        before = len(self.told("verified"))
        self.send("look", step=step)
        eventually(lambda: len(self.told("verified")) > before, "what was seen")
        self.send("settle_done", step=step, text=text)

    def told_after(self, kind: str, send: Callable[[], object]) -> list[dict[str, Any]]:
        """What the events of one type say, once what is sent now has added one."""
        before = len(self.told(kind))
        send()
        eventually(lambda: len(self.told(kind)) > before, kind)
        return self.told(kind)

    # -- marks ----------------------------------------------------------------------------------

    def effects(self, step: str) -> int:
        """How often a step had its effect."""
        return (self.folder / "effects").read_text().split("\n").count(step)

    def let_go(self) -> None:
        """Let the slow step go on."""
        (self.folder / "go").touch()

    def events(self) -> list[Event]:
        """The journal, whose chain must hold."""
        reader = JournalReader(self.directory.journal, self.directory.about().plan)
        events = [event for event, _ in reader.read()]
        assert reader.damage == ""
        return events

    def told(self, kind: str, step: str = "") -> list[dict[str, Any]]:
        """What the events of one type say, of one step where it is named."""
        found = [one.plain for one in self.events() if one.type == kind]
        return [data for data in found if step in ("", data.get("step"))]

    # -- the end --------------------------------------------------------------------------------

    def end(self) -> None:
        """Leave no process behind."""
        self.let_go()
        for engine in self.engines:
            if engine.poll() is None:
                engine.send_signal(signal.SIGCONT)
                engine.terminate()
        for engine in self.engines:
            try:
                engine.wait(10)
            except subprocess.TimeoutExpired:
                engine.kill()
                engine.wait(10)
        for path in self.directory.path.glob("attempts/*/*/identity.json"):
            found = AttemptFolder(path.parent).told().identity
            if found is not None and not found.void:
                _end_session(found.pid)


def _end_session(session: int) -> None:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if os.getsid(int(entry.name)) == session:
                    os.kill(int(entry.name), signal.SIGKILL)


@contextmanager
def _environment(more: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def slow(count: int) -> tuple[Kind, ...]:
    """So many steps that stand in their middle until they are let go."""
    return tuple(Kind("slow" if not number else f"slow{number}") for number in range(count))


def new_run(folder: Path, net: str = "", plains: int = 0, kinds: tuple[Kind, ...] = KINDS) -> Run:
    """A run that has begun, whose engine is not started yet."""
    folder.mkdir(exist_ok=True)
    book = write_runbook(folder, net or some_net(), (*kinds, *plain(plains)))
    plan = load_plan(book, "staging", {})
    return Run(folder, begin(plan, {}, run_started(plan, wall_s() + 86400)))


@contextmanager
def running(
    folder: Path,
    net: str = "",
    plains: int = 0,
    kinds: tuple[Kind, ...] = KINDS,
    **environment: str,
) -> Iterator[Run]:
    """A run with its engine at work."""
    run = new_run(folder, net, plains, kinds)
    try:
        run.start(**environment)
        yield run
    finally:
        run.end()


def eventually(holds: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come in {seconds:g} s"
        time.sleep(0.02)
