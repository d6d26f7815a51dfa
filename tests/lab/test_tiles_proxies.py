from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cockpit.probes.registry import sample
from cockpit.runbook.targets import HttpTarget
from tests.engine.test_probes_kinds import context, probe
from tests.lab.fix_servers import free_port, loopback, running
from tests.lab.stack_parts import PARTS

NGINX = """\
daemon off;
worker_processes 1;
error_log stderr;
pid {folder}/nginx.pid;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen {listen};
    location = /status {{ stub_status; }}
  }}
}}
"""
ROUTERS = """\
http:
  routers:
    shop: {rule: "Host(`shop.test`)", service: shop}
  services:
    shop: {loadBalancer: {servers: [{url: "http://127.0.0.1:1"}]}}
"""
BROKEN = ROUTERS.replace("routers:", "routers:\n    lost: {rule: Path(`/x`), service: nowhere}")


def answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


async def test_a_real_nginx_tells_its_connections_and_is_down_once_it_is_gone(
    tmp_path: Path,
) -> None:
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert program, "nginx is missing: apt-get install nginx-light"
    host = f"{loopback()}.1"
    listen = f"{host}:{free_port(host)}"
    target = HttpTarget(kind="http", url=f"http://{listen}")
    (tmp_path / "nginx.conf").write_text(NGINX.format(folder=tmp_path, listen=listen))
    words = (program, "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-e", "stderr")
    with running(words, tmp_path / "log", lambda: answers(f"http://{listen}/status")):
        found = await sample(probe("nginx", path="/status"), context(target))
    assert (found.state, found.figure) == ("fine", "1 conn")
    assert "dropped 0" in found.detail
    gone = await sample(probe("nginx", path="/status"), context(target))
    assert (gone.state, gone.figure) == ("down", "no answer")


@contextmanager
def a_traefik(folder: Path, routers: str) -> Iterator[HttpTarget]:
    program = PARTS / "bin" / "traefik"
    assert program.is_file(), "`.ci/run parts` fetches traefik"
    host = f"{loopback()}.1"
    web, api = free_port(host), free_port(host)
    (folder / "routers.yml").write_text(routers)
    words = (
        *(program, f"--entrypoints.web.address={host}:{web}"),
        *(f"--entrypoints.traefik.address={host}:{api}", "--api.insecure=true"),
        f"--providers.file.filename={folder}/routers.yml",
        *("--global.checknewversion=false", "--global.sendanonymoususage=false"),
    )

    def is_ready() -> bool:
        return answers(f"http://{host}:{api}/api/http/routers/shop@file")

    with running(words, folder / "log", is_ready):
        yield HttpTarget(kind="http", url=f"http://{host}:{api}")


async def test_a_real_traefik_tells_whether_its_routers_work(tmp_path: Path) -> None:
    with a_traefik(tmp_path, ROUTERS) as target:
        found = await sample(probe("traefik"), context(target))
    assert found.state == "fine", json.dumps(found.detail)
    assert any(line.startswith("http routers: 0 of ") for line in found.detail)
    with a_traefik(tmp_path, BROKEN) as target:
        found = await sample(probe("traefik"), context(target))
    assert (found.state, found.figure) == ("slow", "1 http routers broken")
