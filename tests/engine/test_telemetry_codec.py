from pathlib import Path

import pytest

from cockpit.answer import Answer
from cockpit.decision.evidence import Reading, Verdict
from cockpit.propagation.answers import Cell, Grid, Row
from cockpit.telemetry.codec import read, write
from cockpit.telemetry.live import LabView, Live, Proposal, Tile

ANSWER = Answer("c", "Old side refuses writes", "pass", "tried as 2 roles", 5.0)
FULL = Live(
    engine_pid=7,
    boot_ns=123,
    tiles=(Tile("p", "backend", "fine", "84 ms", 5.0, 1.0, (80.0, None, 84.0), ("up",), "new"),),
    grid=Grid(
        ("x.test.",),
        (Row("Quad9", "9.9.9.9", "ch", "resolver", "honest", 1.0, (Cell("new", ("1.2.3.4",)),)),),
    ),
    verdict=Verdict(
        "stay",
        "all good",
        (Reading("f", "Failing?", "good", 0.01, 0.0, 0.02, 0.1, 500, 0, "1%", 5.0),),
        looks=2,
        to_carry=187,
        cannot_bring_back=("mails",),
    ),
    proposal=Proposal(
        "switch", 1, "d", ("do",), (("dns", "zone"),), (ANSWER,), (), "back", "2 s", "", "", 9
    ),
    looked=("switch", (ANSWER,)),
    lab=LabView("up", "", "calm"),
    old_requests=3.5,
)


def test_what_is_written_reads_back_equal(tmp_path: Path) -> None:
    write(tmp_path / "live.json", FULL)
    assert read(tmp_path / "live.json") == FULL
    assert [path.name for path in tmp_path.iterdir()] == ["live.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"engine_pid": "x", "boot_ns": 1}'])
def test_what_is_no_live_view_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "live.json").write_text(content)
    assert read(tmp_path / "live.json") is None


def test_a_missing_file_is_none(tmp_path: Path) -> None:
    assert read(tmp_path / "live.json") is None


def test_a_file_that_cannot_be_written_is_an_error_and_leaves_no_litter(tmp_path: Path) -> None:
    (tmp_path / "live.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        write(tmp_path / "live.json", FULL)
    assert [path.name for path in tmp_path.iterdir()] == ["live.json"]
