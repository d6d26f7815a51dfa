"""A metrics page in the Prometheus text format, read into its samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cockpit.errors import TargetError
from cockpit.probes import web
from cockpit.runbook.targets import HttpTarget
from cockpit.secrets import Secrets

PATH = "/metrics"
PATIENCE_S = 4.0
"""Real seconds after which a page does not come."""


@dataclass(frozen=True, slots=True)
class Series:
    """One sample of a page."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Page:
    """All samples of a page, by name."""

    series: Mapping[str, tuple[Series, ...]] = field(default_factory=dict)

    def of(self, name: str) -> tuple[Series, ...]:
        """A metric's samples; none where it has not been counted yet."""
        return self.series.get(name, ())

    def total(self, name: str) -> float:
        """The sum over all labels."""
        return sum(one.value for one in self.of(name))


async def scrape(target: HttpTarget, secrets: Secrets) -> Page:
    """Read a page; TargetError where there is none, or none in this format."""
    answer = await web.get(target, PATH, secrets, PATIENCE_S)
    if answer.status_code != 200:
        raise TargetError(f"{PATH} answered {answer.status_code}", where=target.url)
    try:
        return parse(answer.text)
    except ValueError as error:
        raise TargetError(f"{PATH} is no metrics page: {error}", where=target.url) from error


def parse(text: str) -> Page:
    """The samples of a text; ValueError where it is none."""
    found: dict[str, list[Series]] = {}
    for name, series in _samples(text):
        found.setdefault(name, []).append(series)
    return Page({name: tuple(series) for name, series in found.items()})


def _samples(text: str) -> Iterator[tuple[str, Series]]:
    from prometheus_client.parser import text_string_to_metric_families

    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, Series(sample.labels, sample.value)
