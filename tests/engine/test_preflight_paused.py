from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from cockpit.checks import registry
from cockpit.commands import preflight
from cockpit.commands.world import World
from cockpit.runbook.targets import Authority, Resolver
from tests.engine.test_dns_signed import SIGNED
from tests.engine.test_dns_zone_checks import AGREE
from tests.fakes.dns_lab import runbook_of
from tests.fakes.dns_servers import OLD, Zone, own_net, serving
from tests.fakes.dns_targets import dns_target


@pytest.mark.parametrize("why", ["", "T-0 is near"])
async def test_preflight_asks_no_resolver_while_a_run_is_about_to_switch(
    why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "pause", lambda *_: why)
    net, zone, heard = own_net(), Zone.at(OLD, 60), [b""]

    def respond(wire: bytes) -> bytes | None:
        heard.append(wire)
        return zone.answer(wire)

    (tmp_path / "journal.jsonl").touch()
    run = SimpleNamespace(
        journal=tmp_path / "journal.jsonl",
        live=tmp_path / "live.json",
        about=lambda: SimpleNamespace(plan="p" * 64),
    )
    async with serving(f"{net}.1", zone.answer) as ns, serving(f"{net}.2", respond) as port:
        target = dns_target(
            authorities=(Authority(name="ns1", address=f"{net}.1", port=ns),),
            resolvers=(Resolver(name="one", address=f"{net}.2", port=port),),
        )
        plan = SimpleNamespace(runbook=runbook_of(target), procedure_digest="q" * 64)
        context = preflight.context(cast("World", SimpleNamespace(plan=plan, going=run)))
        await registry.ask_all([AGREE, SIGNED], context)
    assert (len(heard) > 1) == (why == "")
