from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cockpit.runbook.load import load

BASE = Path(__file__).parent / "bad_runbooks" / "base"
FILES = ("runbook.yaml", "production.yaml", "rehearsal.yaml")
SCALARS = st.one_of(
    st.sampled_from(
        [
            "",
            "null",
            "true",
            "-1",
            "1e309",
            "0x",
            ".inf",
            "T-",
            "T+1h1h",
            "[]",
            "{}",
            "[[a]]",
            "{kind: dns}",
            "${",
            "${}",
            "${soak}",
            "$${x}",
            "../x",
            "sql/\\0",
            "'",
            '"',
            "|",
            "- -",
            "&a",
            "*a",
            "!!int x",
            "127.0.0.1",
            "::1",
            "http://[",
            "http://a:99999999",
        ]
    ),
    st.text(max_size=30),
)
MUTATIONS = st.sampled_from(["delete", "double", "swap", "value", "key", "bytes", "indent"])

pytestmark = pytest.mark.timeout(120)


def mutated(text: str, kind: str, at: int, other: int, scalar: str) -> bytes:
    lines = text.split("\n")
    at, other = at % len(lines), other % len(lines)
    line = lines[at]
    if kind == "delete":
        del lines[at]
    elif kind == "double":
        lines.insert(at, line)
    elif kind == "swap":
        lines[at], lines[other] = lines[other], line
    elif kind == "value":
        lines[at] = f"{line.partition(': ')[0]}: {scalar}"
    elif kind == "key":
        lines[at] = f"{line[: len(line) - len(line.lstrip())]}{scalar}: {line.partition(': ')[2]}"
    elif kind == "indent":
        lines[at] = f"  {line}"
    data = "\n".join(lines).encode("utf-8", "surrogatepass")
    if kind == "bytes":
        place = other * 37 % len(data)
        data = data[:place] + scalar.encode("utf-8", "surrogatepass") + data[place + 1 :]
    return data


@settings(
    max_examples=100,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    file=st.sampled_from(FILES),
    kind=MUTATIONS,
    at=st.integers(0, 400),
    other=st.integers(0, 400),
    scalar=SCALARS,
)
def test_any_change_to_a_sound_runbook_checks_clean_or_is_told_where_it_went_wrong(
    tmp_path: Path, file: str, kind: str, at: int, other: int, scalar: str
) -> None:
    folder = tmp_path / "runbook"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(BASE, folder)
    text = (BASE / file).read_text(encoding="utf-8")
    data = mutated(text, kind, at, other, scalar)
    (folder / file).write_bytes(data)
    loaded = load(folder, "rehearsal" if file == "rehearsal.yaml" else "production")
    for problem in loaded.problems:
        assert Path(problem.file).parent == folder
        assert 1 <= problem.line <= max(400, data.count(b"\n") + 1)
        assert problem.what
        assert problem.mend
        assert "\n" not in str(problem)
        assert str(problem).isprintable()
    assert (loaded.runbook is None) == bool(loaded.mistakes)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_without_an_exception(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("runbook")
    (folder / "runbook.yaml").write_bytes(data)
    (folder / "production.yaml").write_bytes(data)
    assert load(folder, None).mistakes
