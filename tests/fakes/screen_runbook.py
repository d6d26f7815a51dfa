"""A fixed runbook in FreshTrack's spirit: pictures must not change with the shipped one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cockpit.runbook.actions import DnsAction, ManualAction, ShellAction
from cockpit.runbook.checks import DiskCheck, NotBeforeCheck, SoakCheck
from cockpit.runbook.model import Decision, Phase, Probe, Procedure, Profile, Runbook, Signal, Step
from cockpit.runbook.targets import Authority, DnsTarget, HostTarget, HttpTarget, Target
from cockpit.runbook.words import Environment

HOUR = 3600.0


def _step(step_id: str, title: str, **more: Any) -> Step:
    words = {
        "why": f"{title}: the change needs it before anything that follows.",
        "success_looks_like": "every count is equal and no client saw an error",
        "if_it_fails": "nothing was switched yet: look at the output, mend it, and run it again",
        "ask": "Mara, on call, +49 30 1234567",
        "action": ShellAction(kind="shell", argv=("./bin/do", step_id)),
    }
    return Step(id=step_id, title=title, **(words | more))


PHASES = (
    Phase(
        id="prepare",
        title="Prepare",
        offset=-48 * HOUR,
        steps=(
            _step("announce", "Tell the customers"),
            _step("lower_ttl", "Lower the TTL to 60 s"),
            _step("back_up", "Back up the old side"),
        ),
    ),
    Phase(
        id="rehearse",
        title="First copy and warning",
        offset=-24 * HOUR,
        steps=(
            _step("first_copy", "Copy all rows", estimate=540.0, gates=("disk",), idempotent=True),
            _step("warn", "Put up the notice"),
        ),
    ),
    Phase(
        id="cut_over",
        title="Cut over",
        offset=0.0,
        steps=(
            _step("go", "Go or no-go", offset=-1500.0, gates=("disk",)),
            _step("freeze", "Old side: read-only", offset=-1080.0),
            _step("rest", "Rest of the rows copied", offset=-900.0, estimate=300.0),
            _step("open_new", "New side opened", offset=-180.0, no_return="rows"),
            _step(
                "switch",
                "Switch DNS",
                t0=True,
                gates=("ttl_low", "old_refuses", "certificate"),
                action=DnsAction(kind="dns", target="zone", change="to_new"),
            ),
        ),
    ),
    Phase(
        id="watch",
        title="Watch",
        offset=15 * 60.0,
        steps=(
            _step("errors", "Errors and response times", gates=("disk",)),
            _step("readings", "Readings arrive", offset=20 * 60.0),
            _step("logins", "Logins work", offset=45 * 60.0),
        ),
    ),
    Phase(
        id="end",
        title="Decommission",
        offset=7 * 24 * HOUR,
        steps=(
            _step("raise_ttl", "Raise the TTL again", gates=("soaked",)),
            _step(
                "decommission",
                "Decommission the old side",
                gates=("week",),
                irreversible=True,
                typed_word="DECOMMISSION",
                no_return="end",
                way_back="none, because the old side is deleted",
            ),
        ),
    ),
)
ROLLBACK = (
    _step("back_switch", "Switch DNS back", undoes=("switch",)),
    _step("back_rows", "Carry the rows back", undoes=("open_new",), estimate=300.0),
    _step("back_open", "Open the old side", undoes=("freeze",)),
    _step("back_ttl", "Put the TTL back", undoes=("lower_ttl",)),
)
CHECKS = (
    DiskCheck(kind="disk", id="disk", title="20 GiB are free", target="host", at_least=20 << 30),
    DiskCheck(kind="disk", id="ttl_low", title="TTL 60 everywhere", target="host", at_least=1),
    DiskCheck(kind="disk", id="old_refuses", title="old side refuses", target="host", at_least=1),
    DiskCheck(kind="disk", id="certificate", title="certificate", target="host", at_least=1),
    SoakCheck(kind="soak", id="soaked", title="a day went by", after="switch", duration=86400.0),
    NotBeforeCheck(kind="not_before", id="week", title="a week went by", offset=7 * 24 * HOUR),
)
TARGETS: dict[str, Target] = {
    "host": HostTarget(kind="host"),
    "web": HttpTarget(kind="http", url="http://203.0.113.10"),
    "zone": DnsTarget(
        kind="dns",
        zone="freshtrackpro.test.",
        names=("freshtrackpro.test.", "www.freshtrackpro.test."),
        old="203.0.113.10",
        new="198.51.100.20",
        provider="rfc2136",
        secret="dns_token",
        authorities=(Authority(name="ns1", address="192.0.2.1"),),
    ),
}


def screen_runbook(environment: Environment = "production") -> Runbook:
    procedure = Procedure(
        cockpit=1,
        name="freshtrack",
        title="FreshTrack Pro leaves its old home",
        targets={},
        checks=CHECKS,
        phases=PHASES,
        probes=(Probe(id="backend", title="backend", kind="http", target="web"),),
        signals=(
            Signal(
                id="failures", title="Failing requests", kind="failures", target="web", limit=0.1
            ),
        ),
        decision=Decision(signals=("failures",), after="switch"),
        rollback=ROLLBACK,
        call_off=("back_ttl",),
    )
    profile = Profile(
        cockpit=1, environment=environment, domain="freshtrackpro.com", targets=TARGETS
    )
    return Runbook(procedure, profile, "/runbooks/freshtrack")


def with_action_by_hand(runbook: Runbook, step_id: str, *do: str) -> Runbook:
    """The same runbook with one step done by a person."""
    action = ManualAction(kind="manual", do=do)
    phases = tuple(
        replace(
            phase,
            steps=tuple(
                replace(step, action=action) if step.id == step_id else step for step in phase.steps
            ),
        )
        for phase in runbook.procedure.phases
    )
    return replace(runbook, procedure=replace(runbook.procedure, phases=phases))
