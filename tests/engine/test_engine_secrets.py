from __future__ import annotations

import base64
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from cockpit import cli
from cockpit.engine.processes import every_process
from cockpit.engine.start import begin, run_started
from cockpit.errors import Refused
from cockpit.runbook.plan import load_plan
from tests.fakes.crash_runs import KINDS, SECRET, Run, eventually, running, some_net, write_runbook
from tests.fakes.folded import TOKEN, folded, left
from tests.fakes.terminals import terminal

RAW = SECRET.encode()
MADE = "m4de-by-a-step-2026"
TRACES = (
    RAW,
    quote(SECRET, safe="").encode(),
    quote(SECRET).lower().encode(),
    RAW.hex().encode(),
    json.dumps(SECRET)[1:-1].encode(),
    # Whatever stands before it: the middle of its base64 at each of the three offsets.
    *(base64.b64encode(b"x" * pad + RAW)[pad + 1 : -4] for pad in range(3)),
)


def traces(data: bytes) -> list[bytes]:
    """The secret in any form, white space or not between its characters."""
    dense = b"".join(data.split())
    return [trace for trace in TRACES if trace in data or trace in dense]


def content(path: Path) -> bytes:
    """What a file holds; nothing where its writer took it away since it was listed."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def of_processes() -> Iterator[tuple[str, bytes]]:
    """Arguments and environment of every process but this one."""
    for one in every_process():
        for name in ("cmdline", "environ") if one.pid != os.getpid() else ():
            with suppress(OSError):
                data = Path(f"/proc/{one.pid}/{name}").read_bytes()
                yield f"{name} of {one.pid} {one.name}", data


def test_the_traces_that_are_searched_for_would_be_found() -> None:
    for text in (SECRET, quote(SECRET, safe=""), json.dumps(SECRET)):
        assert traces(f"x {text} y".encode())
    for before in ("", "u", "us"):
        assert traces(base64.b64encode(f"{before}{SECRET}".encode()))


@pytest.fixture
def talking(tmp_path: Path) -> Iterator[Run]:
    """A run whose chatty step has said it all and waits; the operator's shell exports a secret."""
    with running(tmp_path / "run", LC_TOKEN=f"x{SECRET}", EXPORTED=SECRET) as run:
        run.confirm("chatty")
        run.wait_status("chatty", "running")
        output = run.attempt("chatty").output
        eventually(lambda: "[bold red]" in output.read_text(), "the output")
        yield run


def test_a_planted_secret_is_in_no_file_and_no_process(talking: Run) -> None:
    run = talking
    assert [where for where, data in of_processes() if traces(data)] == []
    for pid in (run.engine_pid, run.identity("chatty").pid):
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"Max core file size +0 ", limits), "a dump would hold it"
    run.let_go()
    run.wait_status("chatty", "failed")
    run.told_after("noted", lambda: run.send("note", text=f"the token is {SECRET}"))
    assert run.told("noted")[-1]["text"] == "the token is [api_token hidden]"
    assert "cannot log in with [api_token hidden]" in run.told("attempt_ended")[0]["message"]
    run.confirm("telltale")
    run.wait_status("telltale", "done")
    assert run.told("verified", "telltale")[0]["answers"][0]["evidence"] == "[api_token hidden]"
    output = run.attempt("chatty").output.read_text()
    assert output.count("hidden]") >= 9
    _nothing_in(run.directory.path)


def test_a_secret_that_a_step_makes_and_prints_at_once_is_in_no_file(tmp_path: Path) -> None:
    with running(tmp_path / "run") as run:
        words = f'echo {MADE} > "$API_TOKEN_FILE"; echo "made $(cat "$API_TOKEN_FILE")"'
        (run.folder / "chatty.sh").write_text(words)
        run.confirm("chatty")
        run.wait_status("chatty", "done")
        assert "made [api_token hidden]\n" in run.attempt("chatty").output.read_text()
        run.confirm("telltale")
        run.wait_status("telltale", "done")
        assert run.told("verified", "telltale")[0]["answers"][0]["evidence"] == "[api_token hidden]"
        run.told_after("noted", lambda: run.send("note", text=f"{MADE}, before it {SECRET}"))
        eventually(lambda: not list(run.directory.intents.iterdir()), "the wish's end")
        words = "[api_token hidden], before it [api_token hidden]"
        assert run.told("noted")[-1]["text"] == words
        files = [path for path in run.directory.path.rglob("*") if path.is_file()]
        assert [path for path in files if MADE.encode() in content(path)] == []


def test_a_secret_typed_while_the_engine_is_gone_waits_for_it_without_the_secret(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "run") as run:
        assert run.operator.view().is_driver
        run.kill_engine()
        run.send("note", text=f"the token is {SECRET}")
        run.send("take_seat", text="mine broke", note=f"give them {SECRET}")
        waiting = [path.read_text() for path in run.directory.intents.iterdir()]
        assert sum("[api_token hidden]" in one for one in waiting) == 2
        _nothing_in(run.directory.path)


def test_no_file_and_no_command_shows_a_part_of_a_secret_that_a_failed_step_folded(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "run") as run:
        (run.folder / "api_token").write_text(TOKEN)
        words = 'base64 -w 76 < "$API_TOKEN_FILE"; echo "error: 401"; echo "no retry"; exit 22'
        (run.folder / "chatty.sh").write_text(words)
        run.confirm("chatty")
        run.wait_status("chatty", "failed")
        message = run.told("attempt_ended", "chatty")[0]["message"]
        assert message.endswith("\n[api_token hidden]\nerror: 401\nno retry")
        name, out = str(run.directory.path), tmp_path / "report"
        for asked in (("report", name, "--out", str(out)), ("status", name), ("journal", name)):
            command = [sys.executable, "-m", "cockpit", *asked]
            done = subprocess.run(command, capture_output=True, check=True, text=True)
            assert left(folded(TOKEN), done.stdout) == [], asked
        files = [path for top in (run.directory.path, out) for path in top.rglob("*")]
        shown = {path: content(path).decode("latin-1") for path in files if path.is_file()}
        assert [path for path, text in shown.items() if left(folded(TOKEN), text)] == []


def test_a_planted_secret_is_in_no_report_and_nothing_that_a_command_prints(
    talking: Run, tmp_path: Path
) -> None:
    talking.let_go()
    talking.wait_status("chatty", "failed")
    name, out = str(talking.directory.path), str(tmp_path / "report")
    for words in (
        ("report", name, "--out", out),
        ("status", name, "--json"),
        ("status", name),
        ("journal", name),
        ("journal", name, "--json"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "cockpit", *words], capture_output=True, check=True
        )
        assert traces(done.stdout + done.stderr) == [], words
        assert b"\x1b" not in done.stdout, words
    _nothing_in(tmp_path / "report", 2)


def test_no_secret_no_escape_sequence_and_no_markup_reaches_the_operators_terminal(
    talking: Run,
) -> None:
    command = [sys.executable, "-m", "cockpit", "attach", str(talking.directory.path)]
    with terminal(command, {**os.environ, "LANG": "C.UTF-8"}) as shown:
        shown.says("chatty")
        shown.press("o")
        shown.says("Output of")
        text = shown.says("[api_token hidden]")
        assert "[bold red]shout[/] [@click=app.quit]here[/]" in text
        assert traces(bytes(shown.written)) == []
        assert traces(text.encode()) == []
        for order in (b"owned", b"\x1b]52", b"b3duZWQ", b"\xc2\x9b", b"\x1bP", "\u202e".encode()):
            assert order not in shown.written.replace(b"]0;owned]52;c;b3duZWQ=", b""), order


def test_a_command_that_breaks_keeps_its_trace_without_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    book = write_runbook(tmp_path, some_net(), KINDS[:1])
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    async def broken(*_: object) -> None:
        raise LookupError(f"\033[2Jno login with {SECRET} at {quote(SECRET)}")

    monkeypatch.setattr("cockpit.checks.registry.ask_all", broken)
    assert cli.main(["preflight", str(book), "--env", "staging"]) == 1
    said = capsys.readouterr()
    (trace,) = tmp_path.glob("cockpit-*.trace")
    for text in (said.err, said.out, trace.read_text()):
        assert traces(text.encode()) == []
        assert "\033" not in text
    assert "no login with [api_token hidden]" in said.err
    assert "LookupError" in trace.read_text()
    assert stat.S_IMODE(trace.stat().st_mode) == 0o600


def test_a_runbook_that_holds_a_secret_itself_is_never_copied(tmp_path: Path) -> None:
    book = write_runbook(tmp_path, some_net(), KINDS[:1])
    (book / "act.sh").write_text(f"curl -u ops:{quote(SECRET)} https://db")
    with pytest.raises(Refused, match=r"act\.sh: it holds the secret api_token itself") as refused:
        begin(plan := load_plan(book, "staging", {}), {}, run_started(plan, 0.0))
    assert traces(str(refused.value).encode()) == []
    assert not list(tmp_path.rglob("run.json"))


def test_what_python_itself_would_print_goes_to_the_log_without_its_secret(tmp_path: Path) -> None:
    program = f"""if True:
        import logging, os
        from pathlib import Path
        from cockpit.engine.logs import log_to
        from cockpit.redact import Redactor
        redactor = Redactor()
        redactor.learn("token", {SECRET!r})
        log_to(Path({str(tmp_path / "log")!r}), redactor)
        logging.error("a bad format %d", {SECRET!r})
        raise RuntimeError("it was " + {SECRET!r} + os.linesep + {SECRET!r}[:9])
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
    log = (tmp_path / "log").read_text()
    assert "RuntimeError: it was [token hidden]" in log
    assert traces(log.encode()) == []


def _nothing_in(folder: Path, least: int = 10) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > least
    assert [path for path in files if traces(content(path))] == []
