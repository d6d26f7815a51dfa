"""The words of the command line: each command, what it takes, and the function that does it."""

from __future__ import annotations

import argparse
import difflib
import re
from pathlib import Path

from cockpit import __version__
from cockpit.called import called
from cockpit.commands.folder import runbook_folder
from cockpit.errors import UsageError

_CHOICE = re.compile(r"argument (.+): invalid choice: '(.*)' \(choose from (.*)\)")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]  # it raises, as the base exits
        mend = f"`{self.prog} --help` lists what it takes"
        if wrong := _CHOICE.fullmatch(message):
            name, word, choices = wrong.groups()
            known = [one.strip("'") for one in choices.split(", ")]
            close = difflib.get_close_matches(word, known, n=1)
            message = f"{name} takes no `{word}`"
            mend = f"did you mean `{close[0]}`?" if close else f"one of: {', '.join(known)}"
        raise UsageError(message, mend=mend)


def parser() -> argparse.ArgumentParser:
    """All commands; parsing raises UsageError where one is called wrongly."""
    parser = _Parser(prog=called(), description="The cutover cockpit.")
    parser.add_argument("--version", action="version", version=f"cockpit {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND")
    for add in (_rehearse, _run, _attach, _check, _plan, _preflight, _look, _keep, _write):
        add(commands)
    return parser


def _command(
    commands: argparse._SubParsersAction[_Parser], name: str, where: str, words: str
) -> _Parser:
    parser = commands.add_parser(name, help=words, description=words)
    parser.set_defaults(function=where)
    return parser


def _folder(parser: _Parser) -> None:
    words = "the runbook's folder, or the runbook.yaml in it"
    parser.add_argument("directory", metavar="RUNBOOK", type=runbook_folder, help=words)


def _environment(parser: _Parser, *, required: bool) -> None:
    choices = ("production", "staging", "rehearsal")
    parser.add_argument("--env", dest="environment", choices=choices, required=required)


def _t0(parser: _Parser) -> None:
    parser.add_argument("--t0", metavar="TIME", help="the planned T-0, with its zone (RFC 3339)")


def _json(parser: _Parser) -> None:
    parser.add_argument("--json", dest="as_json", action="store_true")


def _which(parser: _Parser) -> None:
    parser.add_argument("run", metavar="RUN", nargs="?", default="", help="the newest otherwise")


def _rehearse(commands: argparse._SubParsersAction[_Parser]) -> None:
    words = "walk a whole cutover in the embedded lab, on this machine alone"
    parser = _command(commands, "rehearse", "rehearse:run", words)
    words = "the runbook's folder; the shipped FreshTrack one otherwise"
    parser.add_argument("directory", metavar="RUNBOOK", type=runbook_folder, nargs="?", help=words)
    parser.add_argument("--scenario", help="what goes wrong: errors, slow, …; calm otherwise")
    parser.add_argument("--speed", type=float, help="run seconds a real second; 60 otherwise")
    parser.add_argument("--seed", type=int, help="the same seed, the same chances; 1 otherwise")
    parser.add_argument("--new", action="store_true", help="even where one is unfinished")


def _run(commands: argparse._SubParsersAction[_Parser]) -> None:
    words = "start or resume a run, and open its screen"
    parser = _command(commands, "run", "run:run", words)
    _folder(parser)
    _environment(parser, required=True)
    _t0(parser)
    words = "a group of this host whose members may look on, confirm as second person, take over"
    parser.add_argument("--share", metavar="GROUP", help=words)


def _attach(commands: argparse._SubParsersAction[_Parser]) -> None:
    _which(_command(commands, "attach", "run:attach", "look on at a run; take over from there"))


def _check(commands: argparse._SubParsersAction[_Parser]) -> None:
    parser = _command(commands, "check", "check:run", "every mistake in a runbook at once")
    _folder(parser)
    _environment(parser, required=False)


def _plan(commands: argparse._SubParsersAction[_Parser]) -> None:
    parser = _command(commands, "plan", "plan:run", "what would happen: steps, times, commands")
    _folder(parser)
    _environment(parser, required=True)
    _t0(parser)
    _json(parser)
    parser.add_argument("--markdown", action="store_true", help="the paper fallback")


def _preflight(commands: argparse._SubParsersAction[_Parser]) -> None:
    parser = _command(commands, "preflight", "preflight:run", "the gates, asked now; no change")
    _folder(parser)
    _environment(parser, required=True)
    grid = _command(commands, "dns", "dns:run", "who still sees which side: the grid alone")
    _folder(grid)
    _environment(grid, required=True)
    grid.add_argument("--once", action="store_true")
    grid.add_argument(
        "--details",
        action="store_true",
        dest="in_detail",
        help="each answer too: values, age, round trip, site",
    )
    _json(grid)
    compare = _command(commands, "reconcile", "reconcile:run", "compare old and new data now")
    _folder(compare)
    _environment(compare, required=True)
    _json(compare)


def _look(commands: argparse._SubParsersAction[_Parser]) -> None:
    status = _command(commands, "status", "status:run", "a run in one screenful, no screen needed")
    _which(status)
    _json(status)
    journal = _command(commands, "journal", "journal:run", "a run's events, and their proof")
    _which(journal)
    _json(journal)
    journal.add_argument("--verify", action="store_true", help="name the first that does not fit")
    journal.add_argument("--head", metavar="HASH", help="a head that must be among the events")


def _keep(commands: argparse._SubParsersAction[_Parser]) -> None:
    report = _command(commands, "report", "report:run", "the evidence, self-contained")
    _which(report)
    report.add_argument("--out", type=Path, metavar="DIR", help="the run directory otherwise")
    kept = _command(commands, "runs", "runs:run", "the runs on this host")
    take_in = kept.add_subparsers(metavar="import FILE")
    taken = _command(take_in, "import", "runs:take_in", "a record from another host, verified")
    taken.add_argument("file", metavar="FILE", type=Path)
    host = _command(commands, "doctor", "doctor:run", "what this host has and lacks")
    words = "what this runbook needs, too: its folder, or the runbook.yaml in it"
    host.add_argument("directory", metavar="RUNBOOK", type=runbook_folder, nargs="?", help=words)
    _environment(host, required=False)


def _write(commands: argparse._SubParsersAction[_Parser]) -> None:
    init = _command(commands, "init", "init:run", "a new runbook to edit")
    init.add_argument("directory", metavar="DIR", type=Path)
    schema = _command(commands, "schema", "schema:run", "JSON Schema of the runbook, for editors")
    schema.add_argument("--profile", action="store_true", help="of a profile instead")
