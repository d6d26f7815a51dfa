import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cockpit.clock import Clock
from cockpit.probes import container, host
from cockpit.probes.http import failing
from cockpit.probes.listener import Container, Use
from cockpit.probes.peaks import of_process, peak
from cockpit.probes.registry import KINDS, sample
from cockpit.probes.sample import ProbeContext, Sample
from cockpit.probes.scrape import parse
from cockpit.redact import Redactor
from cockpit.runbook.checks import Expect
from cockpit.runbook.model import Probe, Procedure, Profile, Runbook
from cockpit.runbook.targets import (
    ComposeTarget,
    FileNotifier,
    HostTarget,
    HttpTarget,
    NotPlayed,
    PostgresTarget,
    Target,
)
from cockpit.runbook.words import Duration, Environment, Id, SecretId, TargetId
from cockpit.secrets import Secrets
from tests.engine.fix_postgres import Pair
from tests.engine.fix_web import HandClock, free_target, served


def probe(kind: str, **fields: Any) -> Probe:
    return Probe(id=Id("it"), title="It", kind=kind, target=TargetId("it"), **fields)  # type: ignore[arg-type]


def context(
    target: Target,
    *,
    clock: Clock | None = None,
    secrets: Secrets | None = None,
    folder: Path = Path(),
    environment: Environment = "staging",
) -> ProbeContext:
    profile = Profile(
        cockpit=1,
        environment=environment,
        domain="x.test",
        targets={"it": target},
        notifiers={"file": FileNotifier(kind="file")},
    )
    procedure = Procedure(cockpit=1, name=Id("x"), title="X", targets={}, checks=(), phases=())
    files: Mapping[str, Path] = {}
    return ProbeContext(
        Runbook(procedure, profile, "."),
        clock or HandClock(),
        secrets or Secrets(files, Redactor()),
        folder,
    )


async def test_a_healthy_page_is_fine_with_its_time() -> None:
    async with served(health=(200, '{"status": "ok"}')) as web:
        found = await sample(probe("http"), context(web.target))
    assert (found.state, found.figure, found.value) == ("fine", "0 ms", 0.0)


async def test_a_failing_check_of_a_health_page_is_named() -> None:
    page = json.dumps({"status": "bad", "checks": {"database": "ok", "redis": "unreachable"}})
    async with served(health=(503, page)) as web:
        found = await sample(probe("http"), context(web.target))
    assert (found.state, found.figure) == ("down", "503 redis")
    assert "check redis fails" in found.detail


@pytest.mark.parametrize(
    ("checks", "names"),
    [
        ({"a": True, "b": False}, ("b",)),
        ({"a": {"status": "up"}, "b": {"status": "down"}}, ("b",)),
        ({"a": None}, ("a",)),
        ({}, ()),
    ],
)
def test_health_pages_say_it_in_several_ways(
    checks: dict[str, object], names: tuple[str, ...]
) -> None:
    assert failing(json.dumps({"checks": checks})) == names


@pytest.mark.parametrize("body", ["", "no json", "[]", '{"checks": 3}'])
def test_a_page_without_checks_names_none(body: str) -> None:
    assert failing(body) == ()


@pytest.mark.parametrize(
    ("page", "state", "figure"),
    [
        ('{"status": "healthy"}', "fine", "0 ms"),
        ('{"status": "unhealthy"}', "down", "status is unhealthy, expected == healthy"),
        ('{"state": "healthy"}', "down", "the answer has no status"),
        ("<html>welcome</html>", "down", "the answer has no status"),
    ],
)
async def test_a_page_must_say_what_the_runbook_expects(page: str, state: str, figure: str) -> None:
    expects = probe("http", json="status", expect=Expect(value="healthy"))
    async with served(health=(200, page)) as web:
        found = await sample(expects, context(web.target))
    assert (found.state, found.figure) == (state, figure)


async def test_a_slow_answer_is_slow() -> None:
    async with served() as web:
        clock = HandClock()

        def late() -> tuple[int, str]:
            clock.move(2.1)
            return 200, ""

        web.pages["/health"] = late
        found = await sample(probe("http"), context(web.target, clock=clock))
    assert (found.state, found.figure) == ("slow", "2.1 s")


@pytest.mark.parametrize("kind", ["http", "tcp"])
async def test_where_nobody_listens_it_is_down(kind: str) -> None:
    found = await sample(probe(kind), context(free_target()))
    assert (found.state, found.figure) == ("down", "no answer")


async def test_a_service_behind_a_name_is_asked_by_that_name() -> None:
    async with served(health=(200, "")) as web:
        target = HttpTarget(kind="http", url=web.target.url, host_header="freshtrackpro.test")
        assert (await sample(probe("http"), context(target))).state == "fine"
        assert "Host: freshtrackpro.test" in web.asked[0]


async def test_a_missing_token_is_no_data_with_its_reason(tmp_path: Path) -> None:
    secrets = Secrets({"token": tmp_path / "token"}, Redactor())
    async with served(health=(200, "")) as web:
        target = HttpTarget(kind="http", url=web.target.url, bearer=SecretId("token"))
        found = await sample(probe("http"), context(target, secrets=secrets))
    assert found.state == "silent"
    assert "has no file" in found.detail[0]


async def test_an_open_port_is_fine() -> None:
    async with served() as web:
        found = await sample(probe("tcp"), context(web.target))
    assert (found.state, found.figure) == ("fine", "0 ms")


async def test_a_counters_rate_is_known_from_the_second_reading(tmp_path: Path) -> None:
    clock = HandClock()
    async with served(metrics=(200, 'readings_total{a="1"} 5\nreadings_total{a="2"} 5\n')) as web:
        one, where = probe("metric", metric="readings_total"), context(web.target, clock=clock)
        assert (await sample(one, where)).state == "silent"
        clock.move(30)
        web.pages["/metrics"] = (200, "readings_total 114\n")
        found = await sample(one, where)
        assert (found.state, found.figure, found.value) == ("fine", "208/min", 208.0)
        clock.move(30)
        web.pages["/metrics"] = (500, "")
        assert (await sample(one, where)).state == "silent"


def test_a_metrics_page_keeps_labels_apart_and_sums_them() -> None:
    page = parse('# TYPE a_total counter\na_total{s="200"} 3\na_total{s="500"} 1\nb 2\n')
    assert page.total("a_total") == 4
    assert [one.labels["s"] for one in page.of("a_total")] == ["200", "500"]
    assert page.of("absent") == ()


@pytest.mark.parametrize("text", ["<html>", "a{ 3", "a b c d"])
def test_what_is_no_metrics_page_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse(text)


async def test_this_host_has_figures() -> None:
    found = await sample(probe("host"), context(HostTarget(kind="host")))
    assert found.state in ("fine", "slow", "down")
    assert found.value is not None
    assert any(line.startswith("memory") for line in found.detail)


def test_a_full_host_says_what_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    assert host.memory("MemTotal: 100 kB\nMemAvailable: 6 kB\n") == pytest.approx(0.94)
    assert host.judged({"disk": 0.5, "memory": 0.94, "load": 0.2}).short == "memory 94%"
    assert host.judged({"disk": 0.98, "memory": 0.5, "load": 0.2}).state == "down"
    calm = host.judged({"disk": 0.5, "memory": 0.5, "load": 0.2}, "/var/lib/a/long/folder")
    assert calm.figure == "disk 50%"
    # Where the folder takes a line of its own, no name stands before it without a value.
    assert "/var/lib/a/long/folder is where the disk is looked at" in calm.detail


async def test_the_host_tells_what_its_kernel_killed_and_what_its_network_carries() -> None:
    clock = HandClock()
    where = context(HostTarget(kind="host"), clock=clock)
    await sample(probe("host"), where)
    clock.move(5)
    found = await sample(probe("host"), where)
    assert "killed for memory 0 since the start" in found.detail
    assert any(line.startswith("network received ") for line in found.detail)
    assert host.killed("nr_free 3\noom_kill 7\n") == 7
    table = "a\nb\n  lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\neth0: 5 1 2 3 0 0 0 0 6 1 4 0 0 0 0 0\n"
    assert host.network(table) == (5, 6, 9)


async def test_notices_are_counted(tmp_path: Path) -> None:
    where = context(HostTarget(kind="host"), folder=tmp_path)
    assert (await sample(probe("notices"), where)).figure == "0 sent"
    (tmp_path / "notices.txt").write_text("one\ntwo\n\n")
    found = await sample(probe("notices"), where)
    assert (found.figure, found.detail) == ("2 sent", ("one", "two"))


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_what_the_lab_does_not_play_is_said_so(kind: str) -> None:
    found = await sample(probe(kind), context(NotPlayed(kind="not_rehearsed")))
    assert found.state == "not_rehearsed"


async def test_in_a_rehearsal_no_docker_is_asked() -> None:
    target = ComposeTarget(kind="compose", project="p", directory=".", files=())
    where = context(target, environment="rehearsal")
    assert (await sample(probe("container", container="web"), where)).state == "not_rehearsed"


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"host", "notices"}))
async def test_a_target_of_another_kind_is_no_data(kind: str) -> None:
    found = await sample(probe(kind), context(HostTarget(kind="host")))
    assert found.state == "silent"


def heard(
    status: str,
    health: str = "",
    *,
    restarts: int = 0,
    code: int = 0,
    said: str = "",
    oom: bool = False,
) -> Container:
    state: dict[str, Any] = {"Status": status, "StartedAt": "2026-11-23T01:00:00.123456789Z"}
    state |= {"ExitCode": code, "OOMKilled": oom, "Running": status == "running"}
    if health:
        log = [{"ExitCode": 1, "Output": said}] if said else []
        state["Health"] = {"Status": health, "Log": log}
    return Container(
        {
            "Name": "/p-web-1",
            "Config": {"Image": "web:1", "Labels": {"com.docker.compose.service": "web"}},
            "HostConfig": {"Memory": 100},
            "State": state,
            "RestartCount": restarts,
        }
    )


def used(share: int, *, deaths: int = 0) -> Container:
    one = heard("running", restarts=deaths)
    one.use = Use(share, 0.5)
    one.deaths.extend([999.0] * deaths)
    return one


CURL = 'OCI runtime exec failed: exec failed: exec: "curl": executable file not found in $PATH'


@pytest.mark.parametrize(
    ("containers", "state", "figure"),
    [
        ([heard("running", "healthy")], "fine", "healthy"),
        ([heard("running")], "fine", "running"),
        ([heard("running", "starting")], "slow", "starting"),
        ([heard("running", "starting", said="/bin/sh: curl: not found")], "slow", "starting: curl"),
        ([heard("running", "unhealthy")], "down", "unhealthy"),
        ([heard("running", "unhealthy", said=CURL)], "down", "curl is missing in the image"),
        (
            [heard("running", "unhealthy", said="a\nredis is down")],
            "down",
            "unhealthy: redis is down",
        ),
        ([heard("running", "healthy"), heard("exited")], "down", "exited 0"),
        ([heard("paused", "unhealthy")], "down", "paused"),
        ([heard("exited", "unhealthy", code=137)], "down", "killed (137)"),
        ([heard("exited", code=137, oom=True)], "down", "out of memory"),
        ([heard("exited", code=3, oom=True)], "down", "exited 3"),
        ([heard("restarting", code=3)], "down", "restarting: exited 3"),
        ([used(95)], "slow", "memory 95%"),
        ([used(50)], "fine", "running"),
        ([used(50, deaths=1)], "slow", "restarted 1x"),
        ([used(50, deaths=3)], "down", "restart loop: exited 0"),
    ],
)
def test_a_service_is_as_its_sickest_container(
    containers: list[Container], state: str, figure: str
) -> None:
    found = container.judged(containers, 1000.0)
    assert found.state == state
    assert found.figure.startswith(figure)


def test_a_service_short_of_memory_says_whose() -> None:
    assert container.judged([used(95)], 1000.0).short == "memory 95% of web"


def test_a_service_that_does_its_work_and_ends_is_fine_with_exit_0_alone() -> None:
    ended = container.judged([heard("exited")], 1000.0, once=True)
    assert (ended.state, ended.figure) == ("fine", "ended, exit 0")
    failed = container.judged([heard("exited", code=3)], 1000.0, once=True)
    assert (failed.state, failed.figure) == ("down", "exited 3")
    assert container.judged([heard("running")], 1000.0, once=True).figure == "running"


def test_a_kill_after_memory_ran_out_once_is_said_to_be_a_kill() -> None:
    one = heard("exited", code=137, oom=True)
    one.out_of_memory = 100.0
    one.deaths.extend([101.0])
    assert container.judged([one], 1000.0).figure == "out of memory"
    one.deaths.append(900.0)
    found = container.judged([one], 1000.0)
    assert found.figure == "killed (137)"
    assert "killed for memory no" in found.detail


async def closing(where: ProbeContext, kind: Probe) -> Sample:
    try:
        return await sample(kind, where)
    finally:
        await where.close()


async def test_an_engine_that_does_not_answer_is_no_data(tmp_path: Path) -> None:
    target = ComposeTarget(
        kind="compose", project="p", directory=".", files=(), context=f"unix://{tmp_path}/none"
    )
    found = await closing(context(target), probe("container", container="web"))
    assert (found.state, found.figure) == ("silent", "no engine")
    assert found.detail == ("docker: the Docker engine does not answer",)


async def test_without_the_docker_command_there_is_no_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(os.environ, "PATH", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    target = ComposeTarget(kind="compose", project="p", directory=".", files=())
    found = await closing(context(target), probe("container", container="web"))
    assert (found.state, found.detail) == (
        "silent",
        ("the docker command is missing (install Docker)",),
    )


async def test_a_database_tells_connections_and_whether_it_takes_writes(pair: Pair) -> None:
    where = context(pair.old, secrets=pair.secrets)
    writable = await sample(probe("postgres"), where)
    assert writable.state == "fine"
    assert writable.figure.endswith("conn")
    assert "writes writable" in writable.detail
    await pair.sql(
        pair.old, f"alter database {pair.old.database} set default_transaction_read_only = on"
    )
    frozen = await sample(probe("postgres"), where)
    assert (frozen.state, frozen.figure) == ("fine", "read-only")


async def test_a_crowded_database_is_short_of_connections(pair: Pair) -> None:
    sessions = [await pair.server.connect(pair.old, "authenticated") for _ in range(45)]
    try:
        found = await sample(probe("postgres"), context(pair.old, secrets=pair.secrets))
    finally:
        for session in sessions:
            await session.close()
    assert found.state == "slow"
    assert found.short.startswith("connections ")


async def test_a_database_that_is_gone_is_down(pair: Pair) -> None:
    gone = PostgresTarget(
        kind="postgres",
        host="127.0.0.1",
        port=1,
        database="x",
        user="owner",
        password=SecretId("owner_password"),
        sslmode="disable",
    )
    found = await sample(probe("postgres"), context(gone, secrets=pair.secrets))
    assert isinstance(found, Sample)
    assert (found.state, found.figure) == ("down", "no answer")
    assert "password-" not in "".join(found.detail)


async def test_a_probe_that_hangs_is_no_data_at_its_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cockpit.probes.registry.deadline", lambda _: 0.1)
    async with served(health=(200, "")) as web:
        web.delay = 0.5
        found = await sample(probe("http", every=Duration(1)), context(web.target))
    assert (found.state, found.detail) == ("silent", ("nothing within 0.1 s",))


def test_the_most_memory_that_was_used_is_read_from_the_kernel_where_the_engine_leaves_it_out(
    tmp_path: Path,
) -> None:
    proc, cgroups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "42").mkdir(parents=True)
    (cgroups / "docker" / "abc").mkdir(parents=True)
    (proc / "42" / "cgroup").write_text("0::/docker/abc\n")
    assert of_process(42, proc, cgroups) is None
    (cgroups / "docker" / "abc" / "memory.peak").write_text("4096\n")
    assert of_process(42, proc, cgroups) == 4096
    (proc / "42" / "cgroup").write_text("4:memory:/docker/abc\n")
    assert of_process(42, proc, cgroups) is None
    assert of_process(43, proc, cgroups) is None
    assert peak({"memory_stats": {"max_usage": 8192}}, {"Pid": 42}, is_local=True) == 8192
    assert peak({"memory_stats": {}}, {"Pid": 42}, is_local=False) is None
