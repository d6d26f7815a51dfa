from __future__ import annotations

import re

import pytest

from cockpit.clock import live_clock
from cockpit.commands.dns import look
from cockpit.commands.dns_run import Known
from cockpit.runbook.targets import Authority, Resolver
from tests.fakes.dns_lab import runbook_of
from tests.fakes.dns_servers import NEW, Zone, serving
from tests.fakes.dns_targets import dns_target


async def test_a_name_server_by_ipv6_is_asked_and_shown_and_so_is_a_resolver(
    capsys: pytest.CaptureFixture[str],
) -> None:
    turned = Zone.at(NEW, 60)
    async with serving("::1", turned.answer, tcp=turned.answer) as port:
        target = dns_target(
            authorities=(Authority(name="ns6", address="::1", port=port),),
            resolvers=(
                Resolver(name="six", address="::1", port=port),
                Resolver(name="six by TCP", address="::1", port=port, way="tcp"),
            ),
        )
        code = await look(runbook_of(target), live_clock(), Known(), once=True, form="details")
    text = capsys.readouterr().out
    assert code == 0
    for name in ("ns6", "six", "six by TCP"):
        assert re.search(rf"^{name} +✓ new", text, re.MULTILINE), text
        assert f"{name} (::1) @: new {NEW}, TTL 60" in text
