from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cockpit.runbook.load import load
from tests.fakes.runbook_cases import BASE, CASES, Case, said_of, written

FILES = ("runbook.yaml", "production.yaml")
SINGLE = r"(?<=: )[^\s{\[][^,}\n]*(?=[,}\n])"
LIST = r"(?<=: )\[[^\]\n]*\]"
MAPPING = r"(?<=[:-] )\{[^}\n]*\}"
KEY = r"(?m)(?:(?<=^)|(?<= )|(?<=\{))[a-z_0-9]+(?=:(?: |$))"
BREAKS = {
    "a list for a value": (SINGLE, "[[z]]", 5),
    "a mapping for a value": (SINGLE, "{z: z}", 7),
    "a text for a list": (LIST, '"!!"', 1),
    "a text for a mapping": (MAPPING, '"!!"', 1),
}
"""What is replaced, by what, and each which: a prime stride leaves no sort of value out."""
OWN_NAMES = {"port", "soak", "owner", "app", "dns_token", "log", "give_up", "PGPASSWORD", "JOBS"}
"""Keys that the author chooses: another one is another name, not a misspelt key."""
TARGETS = {"old_db", "new_db", "old_web", "new_web", "zone", "stack", "host", "hots", "spare"}

SOUND_FORM = [one for one in CASES if not one.name.startswith(("form", "secrets", "together"))]


def broken(pattern: str, value: str) -> Iterator[tuple[str, str, int]]:
    for name in FILES:
        text = (BASE / name).read_text(encoding="utf-8")
        for found in re.finditer(pattern, text):
            line = text.count("\n", 0, found.start()) + 1
            yield name, text[: found.start()] + value + text[found.end() :], line


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", BREAKS)
def test_a_part_that_cannot_be_read_is_reported_once_and_nothing_else_is_blamed(
    name: str, tmp_path: Path
) -> None:
    folder = tmp_path / "runbook"
    shutil.copytree(BASE, folder)
    pattern, value, stride = BREAKS[name]
    tried = list(broken(pattern, value))[::stride]
    for file, text, line in tried:
        (folder / file).write_text(text, encoding="utf-8")
        problems = load(folder, "production").problems
        assert [(Path(one.file).name, one.line) for one in problems] == [(file, line)], problems
        shutil.copy(BASE / file, folder / file)
    assert len(tried) > 25


@pytest.mark.timeout(180)
def test_a_misspelt_key_is_one_mistake_and_the_known_key_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "runbook"
    shutil.copytree(BASE, folder)
    for file in FILES:
        text = (BASE / file).read_text(encoding="utf-8")
        keys = [one for one in re.finditer(KEY, text) if one.group() not in OWN_NAMES | TARGETS]
        for found in keys[::5]:
            key = found.group()
            wrong = f"{text[: found.start()]}{key}{key[-1]}{text[found.end() :]}"
            (folder / file).write_text(wrong, encoding="utf-8")
            (problem,) = load(folder, "production").problems
            assert f"`{key}{key[-1]}` is no key of" in problem.what
            assert problem.mend == f"did you mean `{key}`?"
        shutil.copy(BASE / file, folder / file)


def with_a_key_misspelt(case: Case, folder: Path, file: str, at: int) -> str:
    """Misspell one of the keys on a line that the case leaves alone; the key, empty for none."""
    path = folder / file
    lines = path.read_text(encoding="utf-8").split("\n")
    changed = {line for change in case.changes for line in change.new}
    keys = [
        (number, found)
        for number, line in enumerate(lines)
        for found in re.finditer(KEY, line)
        if line not in changed and found.group() not in OWN_NAMES | TARGETS
    ]
    number, found = keys[at % len(keys)]
    line = lines[number]
    lines[number] = f"{line[: found.end()]}{found.group()[-1]}{line[found.end() :]}"
    path.write_text("\n".join(lines), encoding="utf-8")
    return found.group()


@pytest.mark.timeout(180)
@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(case=st.sampled_from(SOUND_FORM), file=st.sampled_from(FILES), at=st.integers(0, 500))
def test_a_misspelt_key_hides_no_other_mistake(
    tmp_path: Path, case: Case, file: str, at: int
) -> None:
    shutil.rmtree(tmp_path / "runbook", ignore_errors=True)
    folder = written(case, tmp_path)
    key = with_a_key_misspelt(case, folder, file, at)
    said = said_of(folder, case.environment)
    known = [re.sub(r"known: .*", "known", one) for one in said]
    expected = [re.sub(r"known: .*", "known", one) for one in case.expected]
    more = [one for one in known if one not in expected]
    assert [one for one in expected if one not in known] == [], (key, said)
    assert all("is no key of" in one for one in more), (key, said)


STRUCTURAL = {
    "an offset": ("        offset: T+2h\n", "        offset: later\n"),
    "an unknown kind of action": ("{kind: notify, to: log", "{kind: pigeon, to: log"),
    "an unknown kind of check": ("kind: disk, target: host", "kind: room, target: host"),
    "a duration": ("every: 30s, after", "every: soon, after"),
    "an id": ("      - id: tell\n", "      - id: 7up\n"),
    "no title": ("        title: Tell users\n", "        title:\n"),
    "a list": ("        gates: [dumped]\n", "        gates: dumped\n"),
    "a number": ("limit: 0.05, warn: 0.02}\n  - {id: lost", "limit: x, warn: 0.02}\n  - {id: lost"),
}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", STRUCTURAL)
def test_a_structural_mistake_hides_no_mistake_elsewhere(name: str, tmp_path: Path) -> None:
    old, new = STRUCTURAL[name]
    tried = 0
    for number, case in enumerate(SOUND_FORM):
        # Some of the cases for each mistake, so that every case meets one of them.
        if (number + list(STRUCTURAL).index(name)) % 7:
            continue
        about_it = any("`tell`" in one or "→ tell" in one for one in case.expected)
        folder = written(case, tmp_path / str(number))
        text = (folder / "runbook.yaml").read_text(encoding="utf-8")
        if about_it or text.count(old) != 1:
            continue
        (folder / "runbook.yaml").write_text(text.replace(old, new), encoding="utf-8")
        said = said_of(folder, case.environment)
        assert [one for one in case.expected if one not in said] == [], case.name
        assert len(said) == len(case.expected) + 1, (case.name, said)
        tried += 1
    assert tried > 12
