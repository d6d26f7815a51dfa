"""A real SSH server on loopback, and an `ssh` that knows its key: a host with its own Docker."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.lab.fix_servers import free_port, loopback, running


@contextmanager
def ssh_host(folder: Path, engine: str) -> Iterator[str]:
    """A host as `ssh://…`: who comes there finds Docker at that engine; ended afterwards."""
    programs = {name: shutil.which(name, path="/usr/sbin:/usr/bin") for name in ("sshd", "ssh")}
    missing = [name for name, path in programs.items() if path is None]
    assert not missing, f"{missing} missing: apt-get install openssh-server openssh-client"
    host = f"{loopback()}.1"
    port = free_port(host)
    for name in ("host", "user"):
        _key(folder / name)
    # Where sshd keeps its unprivileged part; only root can make it.
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    server = {
        "ListenAddress": f"{host}:{port}",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "user.pub",
        "PidFile": "none",
        "UsePAM": "no",
        "StrictModes": "no",
        "PermitRootLogin": "prohibit-password",
        "PasswordAuthentication": "no",
        "MaxStartups": "100",
        "SetEnv": f"DOCKER_HOST={engine}",
    }
    (folder / "sshd_config").write_text(_lines(server))
    (folder / "known").write_text(f"[{host}]:{port} {(folder / 'host.pub').read_text()}")
    client = {
        "IdentityFile": folder / "user",
        "UserKnownHostsFile": folder / "known",
        "BatchMode": "yes",
    }
    (folder / "ssh_config").write_text(_lines(client))
    words = (str(programs["sshd"]), "-D", "-e", "-f", str(folder / "sshd_config"))

    def is_ready() -> bool:
        asked = ("ssh", "-F", str(folder / "ssh_config"), "-p", str(port), f"root@{host}", "true")
        return subprocess.run(asked, capture_output=True, check=False, timeout=20).returncode == 0

    with running(words, folder / "sshd.log", is_ready):
        yield f"ssh://root@{host}:{port}"


def knowing(folder: Path) -> Mapping[str, str]:
    """An environment whose `ssh` is the real one, with the folder's configuration."""
    own = folder / "programs"
    own.mkdir()
    real = shutil.which("ssh", path="/usr/bin")
    (own / "ssh").write_text(f'#!/bin/sh\nexec {real} -F {folder}/ssh_config "$@"\n')
    (own / "ssh").chmod(0o755)
    return {"PATH": f"{own}:{os.environ['PATH']}"}


def _key(path: Path) -> None:
    words = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(path))
    subprocess.run(words, check=True, timeout=20)


def _lines(settings: Mapping[str, object]) -> str:
    return "".join(f"{name} {value}\n" for name, value in settings.items())
