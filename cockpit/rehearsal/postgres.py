"""The embedded PostgreSQL of a rehearsal: real, on loopback, gone when its parent is gone."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from cockpit.errors import TargetError
from cockpit.rehearsal.postgres_host import (
    BINARIES,
    copy_binaries,
    find_binaries,
    open_temp,
    open_to,
    unprivileged,
)

__all__ = ["BINARIES", "SUPERUSER", "Certificate", "EmbeddedPostgres"]

SUPERUSER = "postgres"
START_S = 30.0
STOP_S = 10.0
_PR_SET_PDEATHSIG = 1
_PREFIX = "cockpit-postgres-"
_WHOSE = "lab"
"""Beside data in the temporary folder: the file of the lab that names them."""
_SETTINGS = """\
listen_addresses = '{address}'
port = {port}
unix_socket_directories = ''
max_connections = 60
shared_buffers = 32MB
max_wal_size = 256MB
wal_level = minimal
max_wal_senders = 0
fsync = off
full_page_writes = off
jit = off
huge_pages = off
autovacuum_max_workers = 1
password_encryption = scram-sha-256
timezone = UTC
log_timezone = UTC
lc_messages = C
"""
_TLS_SETTINGS = "ssl = on\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'\n"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server with TLS shows, and proves."""

    certificate: Path
    key: Path


class EmbeddedPostgres:
    """One server; its data outlive it, so that a lab that was killed starts again where it was.

    A server refuses root: as root it runs as an existing unprivileged user, from copies that this
    user may read where the originals lie in a closed folder.
    """

    def __init__(
        self, folder: Path, address: str, port: int = 5432, *, tls: Certificate | None = None
    ) -> None:
        self.address = address
        self.port = port
        self.password_file = folder / "secrets" / "superuser_password"
        """The superuser's password, mode 0600."""
        self.log = folder / "postgres.log"
        self._folder = folder
        self._tls = tls
        self._account = unprivileged() if os.geteuid() == 0 else None
        self._base: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the server's process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The server's process id, while it lives."""
        return self._process.pid if self._process and self.is_running else None

    async def start(self) -> None:
        """Bring the server up, on its existing data where there are some.

        The kernel ties the server's life to the *thread* that started it, so call this on the
        loop of a thread that lasts: the main one.
        """
        binaries, data = await asyncio.to_thread(self._prepare)
        self._launch(binaries, data)
        await asyncio.to_thread(self._await_answer)

    async def stop(self) -> None:
        """End the server in order; sessions are cut off."""
        await asyncio.to_thread(self._stop)

    async def remove(self) -> None:
        """End the server and delete its data."""
        await self.stop()
        if self._base is not None:
            await asyncio.to_thread(shutil.rmtree, self._base, ignore_errors=True)
        await asyncio.to_thread(self._where.unlink, missing_ok=True)

    async def connect(self, database: str = "postgres") -> psycopg.AsyncConnection:
        """A superuser's session in autocommit, to make roles and databases."""
        return await psycopg.AsyncConnection.connect(self._login(database), autocommit=True)

    @property
    def _where(self) -> Path:
        return self._folder / "postgres.where"

    def _login(self, database: str) -> str:
        return make_conninfo(
            host=self.address,
            port=self.port,
            user=SUPERUSER,
            password=self.password_file.read_text(encoding="ascii").strip(),
            dbname=database,
            connect_timeout=5,
            sslmode="require" if self._tls else "disable",
        )

    def _prepare(self) -> tuple[Path, Path]:
        binaries = find_binaries()
        self._base = base = self._place()
        if self._account and not open_to(self._account, binaries):
            binaries = copy_binaries(binaries, base / "server")
        data = base / "data"
        if not (data / "PG_VERSION").exists():
            self._initialise(binaries, data)
        _await_former(data)
        self._configure(data)
        return binaries, data

    def _place(self) -> Path:
        """The folder of the data: in the lab's, or where the server's user can reach it."""
        if self._where.exists():
            known = Path(self._where.read_text(encoding="utf-8").strip())
            if known.is_dir():
                return known
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._account is None or open_to(self._account, self._folder):
            base = self._folder / "postgres"
            base.mkdir(mode=0o700, exist_ok=True)
        else:
            _sweep(temp := open_temp(self._account))
            base = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=temp))
        self._where.write_text(f"{base}\n", encoding="utf-8")
        (base / _WHOSE).write_text(f"{self._where}\n", encoding="utf-8")
        self._give(base)
        return base

    def _give(self, *paths: Path) -> None:
        if self._account:
            for path in paths:
                os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def _initialise(self, binaries: Path, data: Path) -> None:
        shutil.rmtree(data, ignore_errors=True)
        password = secrets.token_urlsafe(24)
        for_initdb = data.with_name("password")
        _write_private(for_initdb, password)
        self._give(for_initdb)
        command = [str(binaries / "initdb"), "--no-sync", "--no-locale", "--encoding=UTF8"]
        command += ["--auth=scram-sha-256", f"--username={SUPERUSER}", f"--pwfile={for_initdb}"]
        try:
            made = subprocess.run(
                [*command, str(data)],
                check=False,
                capture_output=True,
                text=True,
                timeout=60,
                cwd=data.parent,
                env=_environment(),
                user=self._account.pw_uid if self._account else None,
                group=self._account.pw_gid if self._account else None,
                extra_groups=[] if self._account else None,
            )
        except subprocess.TimeoutExpired as error:
            raise TargetError("initdb did not end within 60 s", where=str(data)) from error
        finally:
            for_initdb.unlink()
        if made.returncode:
            shutil.rmtree(data, ignore_errors=True)
            raise TargetError(f"initdb failed: {made.stderr.strip()[-400:]}", where=str(data))
        self.password_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_private(self.password_file, password)

    def _configure(self, data: Path) -> None:
        settings = _SETTINGS.format(address=self.address, port=self.port)
        kind, rest = "host", ""
        if self._tls:
            settings += _TLS_SETTINGS
            kind, rest = "hostssl", "hostnossl all all 127.0.0.0/8 reject\n"
            for source, name in ((self._tls.certificate, "crt"), (self._tls.key, "key")):
                _write_private(data / f"server.{name}", source.read_text(encoding="ascii"))
                self._give(data / f"server.{name}")
        (data / "postgresql.conf").write_text(settings, encoding="ascii")
        rules = f"{kind} all all 127.0.0.0/8 scram-sha-256\n{rest}"
        (data / "pg_hba.conf").write_text(rules, encoding="ascii")

    def _launch(self, binaries: Path, data: Path) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(binaries / "postgres"), "-D", str(data)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=data,
                env=_environment(),
                process_group=0,
                user=self._account.pw_uid if self._account else None,
                group=self._account.pw_gid if self._account else None,
                extra_groups=[] if self._account else None,
                preexec_fn=_dies_with(os.getpid()),  # noqa: PLW1509  it calls nothing that locks
            )

    def _await_answer(self) -> None:
        for _ in _until(START_S):
            if not self.is_running:
                raise TargetError(
                    f"the embedded PostgreSQL ended while starting: {self._last_words()}",
                    where=str(self.log),
                    mend=f"is {self.address}:{self.port} taken?",
                )
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self._login("postgres")).close()
                return
        self._stop()
        raise TargetError(
            f"the embedded PostgreSQL did not answer within {START_S:.0f} s", where=str(self.log)
        )

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        said = [line for line in lines[-20:] if "FATAL" in line or "ERROR" in line] or lines[-1:]
        return said[-1] if said else "it said nothing"

    def _stop(self) -> None:
        process = self._process
        if process is None:
            return
        for mildness in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if process.poll() is None:
                process.send_signal(mildness)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)
                self._process = None
                return
        raise TargetError("the embedded PostgreSQL does not end", where=f"process {process.pid}")


def _sweep(temp: Path) -> None:
    """Delete the data of labs that are gone: those whose folder no longer names them."""
    for base in temp.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            lab = Path((base / _WHOSE).read_text(encoding="utf-8").strip())
            named = lab.read_text(encoding="utf-8").strip() if lab.exists() else ""
            if named != str(base) and not _lives(base / "data"):
                shutil.rmtree(base, ignore_errors=True)


def _await_former(data: Path) -> None:
    """Wait for a server that its parent's death is just ending."""
    for _ in _until(STOP_S):
        if not _lives(data):
            return
    raise TargetError(
        "another server works on the data of this lab",
        where=str(data),
        mend="end the other rehearsal first",
    )


def _lives(data: Path) -> bool:
    """Whether a server works on these data."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)
        name = Path(f"/proc/{int(lines[0])}/comm").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return False
    return name == "postgres"


def _until(seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _dies_with(parent: int) -> Callable[[], None]:
    """What a child does before it becomes the server: ask the kernel for SIGINT at our death."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != parent:
            os._exit(1)

    return ask
