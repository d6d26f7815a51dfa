"""The corpus of bad runbooks: small changes to a sound one, and what must then be said."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cockpit.runbook.load import load

CORPUS = Path(__file__).parents[1] / "unit" / "bad_runbooks"
BASE = CORPUS / "base"


@dataclass
class Change:
    file: str
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)

    def made_in(self, folder: Path) -> None:
        path = folder / self.file
        text = path.read_text(encoding="utf-8")
        old, new = ("".join(f"{line}\n" for line in lines) for lines in (self.old, self.new))
        assert text.count(old) == 1, old
        path.write_text(text.replace(old, new), encoding="utf-8")


@dataclass
class Case:
    name: str
    environment: str | None = None
    changes: list[Change] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def take(self, line: str) -> None:
        mark, text = line[:1], line[1:]
        if mark == "?":
            self.environment = text
        elif mark == "!":
            self.expected.append(text)
        elif mark == "@" or (mark == "-" and self.changes[-1].new):
            self.changes.append(Change(text if mark == "@" else self.changes[-1].file))
        if mark == "-":
            self.changes[-1].old.append(text)
        elif mark == "+":
            self.changes[-1].new.append(text)


def cases() -> Iterator[Case]:
    for path in sorted(CORPUS.glob("*.cases")):
        for block in re.split(r"(?m)^== ", path.read_text(encoding="utf-8"))[1:]:
            name, *lines = block.splitlines()
            case = Case(f"{path.stem}: {name}")
            for line in lines:
                case.take(line)
            yield case


CASES = list(cases())


def written(case: Case, tmp_path: Path) -> Path:
    """The folder of a sound runbook with the changes of a case."""
    folder = tmp_path / "runbook"
    shutil.copytree(BASE, folder)
    for change in case.changes:
        change.made_in(folder)
    return folder


def said(case: Case, tmp_path: Path) -> list[str]:
    return said_of(written(case, tmp_path), case.environment)


def said_of(folder: Path, environment: str | None) -> list[str]:
    problems = load(folder, environment).problems
    return [str(problem).removeprefix(f"{folder}/") for problem in problems]
