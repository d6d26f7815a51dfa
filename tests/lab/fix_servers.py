"""Real servers from Debian's packages, started by hand, each gone with its test."""

from __future__ import annotations

import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READY_S = 20.0
STOP_S = 10.0


@dataclass(frozen=True)
class Authority:
    """A certificate authority of a test's own, and a server's certificate from it."""

    certificate: Path
    server_certificate: Path
    server_key: Path


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(("openssl", *words), cwd=folder, check=True, capture_output=True, timeout=30)


def certify(folder: Path, *addresses: str) -> Authority:
    """Make an authority, and a certificate for these addresses."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    basic = ("-addext", "basicConstraints=critical,CA:TRUE")
    own = ("-subj", "/CN=lab authority", "-keyout", "ca.key", "-out", "ca.crt", "-days", "2")
    openssl(folder, "req", "-x509", *key, *own, *basic)
    asked = ("-subj", "/CN=lab server", "-keyout", "server.key", "-out", "server.csr")
    openssl(folder, "req", *key, *asked)
    names = ",".join(f"IP:{address}" for address in addresses)
    (folder / "names").write_text(f"subjectAltName={names}\n", encoding="ascii")
    signer = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names")
    openssl(
        folder, "x509", "-req", "-in", "server.csr", *signer, "-days", "2", "-out", "server.crt"
    )
    return Authority(folder / "ca.crt", folder / "server.crt", folder / "server.key")


def loopback() -> str:
    """A /24 of loopback that hardly anyone else uses just now."""
    return f"127.{random.randint(16, 250)}.{random.randint(1, 250)}"


def free_port(address: str) -> int:
    """A port that nobody has, neither UDP nor TCP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind((address, 0))
            port = int(tcp.getsockname()[1])
            try:
                udp.bind((address, port))
            except OSError:
                continue
            return port


@contextmanager
def running(
    words: tuple[str | Path, ...], log: Path, is_ready: Callable[[], bool]
) -> Iterator[None]:
    """A server, from its first answer to its end."""
    # The kernel ends it when the tests are killed.
    tied = ("setpriv", "--pdeathsig", "KILL", *words)
    with log.open("wb") as output:
        process = subprocess.Popen(tied, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + READY_S
        while not is_ready():
            said = log.read_text(encoding="utf-8", errors="replace")
            assert process.poll() is None, f"{words[0]} ended: {said}"
            assert time.monotonic() < deadline, f"{words[0]} does not answer: {said}"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
