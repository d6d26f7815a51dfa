from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.location import PyTestLocation

SVGImageExtension = import_module("pytest_textual_snapshot").SVGImageExtension
SNAPSHOTS = Path(__file__).parents[2] / "snapshots"


def pytest_configure(config: pytest.Config) -> None:
    def dirname(_cls: type, *, test_location: PyTestLocation) -> str:
        return str(SNAPSHOTS / test_location.basename)

    # Done here and not in a fixture: syrupy asks again after the last test for unused pictures.
    SVGImageExtension.dirname = classmethod(dirname)


@pytest.fixture(autouse=True)
def _utc(_nothing_of_this_machine: None) -> None:
    time.tzset()


@pytest.fixture
def svg(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """A picture in `snapshots/`, compared as SVG."""
    return snapshot.use_extension(SVGImageExtension)
