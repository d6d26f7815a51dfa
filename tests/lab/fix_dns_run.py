"""A run that moves a real zone: its TTL down, the switch, and all the way back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from cockpit.clock import wall_s
from cockpit.engine.layout import RunDirectory
from cockpit.engine.start import begin, run_started
from cockpit.runbook.plan import load_plan
from tests.fakes.walkers import launched
from tests.lab.fix_dns import RealDns

STALE_S = 30
BROKEN = ("refusing", "silent", "nothing", "bogus", "failing")
"""Who gives no answer, known beforehand: no gate waits for them."""
STEP = """\
      title: {title}
      why: It is wanted.
      success_looks_like: It is so.
      if_it_fails: Look.
      ask: the owner
      action: {action}
"""
RUNBOOK = """\
cockpit: 1
name: moving
title: A zone that moves
targets:
  zone: {{kind: dns, about: The names that move}}
checks:
  - {{id: low, title: The TTL is low everywhere, kind: dns_ttl, target: zone, at_most: {low}s}}
  - {{id: quiet, title: No cache holds our answer, kind: dns_quiet, target: zone}}
  - {{id: is_old, title: It leads to the old side, kind: dns_answer, target: zone, answer: old}}
  - {{id: is_new, title: It leads to the new side, kind: dns_answer, target: zone, answer: new}}
phases:
  - id: before
    title: Before
    offset: T-1h
    steps:
    - id: lower
{lower}      gates: [is_old]
    - id: ready
{ready}      gates: [low]
      way_back: not needed, because nothing changes
  - id: switch
    title: Switch
    offset: T-0
    steps:
    - id: switch_dns
{switch}      gates: [quiet]
      verify: [is_new]
      t0: true
  - id: after
    title: After
    offset: T+1h
    steps:
    - id: settle
{settle}      way_back: not needed, because nothing changes
rollback:
    - id: back_dns
{back}      verify: [is_old]
      undoes: [switch_dns]
    - id: back_ttl
{restore}      undoes: [lower]
"""


def _step(title: str, action: str) -> str:
    return STEP.format(title=title, action=f"{{{action}}}")


def write_runbook(folder: Path, servers: RealDns, low_s: int) -> Path:
    """The runbook, and a staging profile that knows these servers."""
    folder.mkdir()
    text = RUNBOOK.format(
        low=low_s,
        lower=_step("TTL lowered", f"kind: dns, target: zone, change: ttl, ttl: {low_s}s"),
        ready=_step("All is ready", "kind: shell, argv: ['true']"),
        switch=_step("DNS switched", "kind: dns, target: zone, change: to_new"),
        settle=_step("It is settled", "kind: shell, argv: ['true']"),
        back=_step("DNS switched back", "kind: dns, target: zone, change: to_old"),
        restore=_step("TTL restored", "kind: dns, target: zone, change: restore_ttl, of: lower"),
    )
    (folder / "runbook.yaml").write_text(text, encoding="utf-8")
    profile = {
        "cockpit": 1,
        "environment": "staging",
        "domain": "freshtrackpro.test",
        "targets": {"zone": _target(servers)},
        "secrets": {"dns_key": {"file": str(servers.key_file)}},
    }
    # JSON is YAML.
    (folder / "staging.yaml").write_text(json.dumps(profile, indent=1), encoding="utf-8")
    return folder


def _target(servers: RealDns) -> dict[str, object]:
    target = asdict(servers.target)
    target["authorities"] = [
        {key: value for key, value in one.items() if value} for one in target["authorities"]
    ]
    for one in target["resolvers"]:
        if one["name"] == "stale":
            # What it serves stale has a longer TTL than the zone here (RFC 8767 s5).
            one |= {"behaviour": "clamps", "clamp": float(STALE_S)}
        elif one["name"] in BROKEN:
            one |= {"behaviour": "fails"}
    return {key: value for key, value in target.items() if value not in (None, (), {}, "")}


@contextmanager
def moving(folder: Path, servers: RealDns, low_s: int) -> Iterator[RunDirectory]:
    """The run, with its engine at work."""
    plan = load_plan(write_runbook(folder, servers, low_s), "staging", {})
    directory = begin(plan, {}, run_started(plan, wall_s() + 3600))
    engine = launched(directory)
    try:
        yield directory
    finally:
        engine.terminate()
        engine.wait(30)
