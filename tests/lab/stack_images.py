"""Images for the lab's Docker engine, made from this host's binaries: no registry is asked.

Each carries the name that the stack pins and the label `cockpit.stand-in`, since it holds another
build of the program, over busybox in place of the image's own userland.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import tarfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

BUSYBOX = "/bin/busybox"
USER_ID = {"node": 1000, "redis": 999, "postgres": 70}
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
POSTGRES = Path("/usr/lib/postgresql/15")
INITIALISE = """#!/bin/sh
set -e
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb -D "$PGDATA" -U "$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" \\
    -A scram-sha-256 --no-locale -E UTF8 --no-sync >/dev/null
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  echo "create database \\"$POSTGRES_DB\\"" | postgres --single -D "$PGDATA" postgres >/dev/null
fi
exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp -c fsync=off
"""


class Layer:
    """One image's files, in memory."""

    def __init__(self) -> None:
        self.raw = io.BytesIO()
        self.seen: set[str] = set()
        self.tar = tarfile.TarFile(fileobj=self.raw, mode="w")

    def _entry(self, name: str, kind: bytes, mode: int, owner: int = 0) -> tarfile.TarInfo:
        entry = tarfile.TarInfo(name.lstrip("/"))
        entry.type, entry.mode, entry.uid, entry.gid = kind, mode, owner, owner
        return entry

    def folder(self, name: str, mode: int = 0o755, owner: int = 0) -> None:
        if name not in self.seen:
            self.seen.add(name)
            self.tar.addfile(self._entry(name, tarfile.DIRTYPE, mode, owner))

    def text(self, name: str, words: str, mode: int = 0o644) -> None:
        data = words.encode()
        entry = self._entry(name, tarfile.REGTYPE, mode)
        entry.size = len(data)
        self.tar.addfile(entry, io.BytesIO(data))

    def link(self, name: str, to: str) -> None:
        entry = self._entry(name, tarfile.SYMTYPE, 0o777)
        entry.linkname = to
        self.tar.addfile(entry)

    def file(self, source: str | Path, name: str | None = None) -> None:
        """A file, and every library that it asks for."""
        name = name or str(source)
        if name in self.seen:
            return
        self.seen.add(name)
        real = Path(source).resolve()
        entry = self._entry(name, tarfile.REGTYPE, real.stat().st_mode & 0o7777)
        entry.size = real.stat().st_size
        with real.open("rb") as data:
            self.tar.addfile(entry, data)
        if entry.mode & 0o111 or ".so" in real.name:
            for library in libraries(real):
                self.file(library)

    def tree(self, source: Path, name: str | None = None, skip: str = "^$") -> None:
        for folder, _, files in os.walk(source):
            below = Path(name or source) / Path(folder).relative_to(source)
            self.folder(str(below))
            for one in files:
                path = Path(folder) / one
                if path.exists() and not re.search(skip, str(path)):
                    self.file(path, str(below / one))


def libraries(program: Path) -> Iterable[str]:
    """What the dynamic linker loads for a program."""
    said = subprocess.run(("ldd", program), capture_output=True, text=True, check=False).stdout
    return sorted(set(re.findall(r"(?:=> |^\s+)(/\S+)", said, re.MULTILINE)))


def base(user: str | None = None) -> Layer:
    """Busybox, and the users that a program may run as."""
    layer = Layer()
    for folder in ("/bin", "/usr/bin", "/usr/local/bin", "/etc", "/var", "/root", "/proc", "/sys"):
        layer.folder(folder)
    layer.folder("/tmp", 0o1777)
    layer.folder("/run", 0o1777)
    own = f"{user}:x:{USER_ID[user]}:{USER_ID[user]}::/:/bin/sh\n" if user else ""
    layer.text("/etc/passwd", f"root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n{own}")
    group = f"{user}:x:{USER_ID[user]}:\n" if user else ""
    layer.text("/etc/group", f"root:x:0:\nnogroup:x:65534:\n{group}")
    layer.text("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
    layer.file("/etc/ssl/certs/ca-certificates.crt")
    layer.file(BUSYBOX)
    applets = subprocess.run((BUSYBOX, "--list"), capture_output=True, text=True, check=True)
    for applet in applets.stdout.split():
        if applet != "busybox":
            layer.link(f"/bin/{applet}", "busybox")
    return layer


Recipe = Callable[[Mapping[str, Path]], tuple[Layer, tuple[str, ...]]]


def node(parts: Mapping[str, Path]) -> tuple[Layer, tuple[str, ...]]:
    layer = base("node")
    layer.file(parts["node"], "/usr/local/bin/node")
    layer.folder("/app")
    return layer, ('CMD ["node"]',)


def dependencies(parts: Mapping[str, Path]) -> tuple[Layer, tuple[str, ...]]:
    layer = base()
    layer.folder("/app")
    layer.tree(parts["node_modules"], "/app/node_modules")
    return layer, ()


def redis(parts: Mapping[str, Path]) -> tuple[Layer, tuple[str, ...]]:
    layer = base("redis")
    # The same program is server and checker: its name says which it is.
    layer.file(parts["redis-check-rdb"], "/usr/local/bin/redis-server")
    layer.file(parts["redis-cli"], "/usr/local/bin/redis-cli")
    layer.folder("/data", 0o755, USER_ID["redis"])
    return layer, ("WORKDIR /data",)


def caddy(parts: Mapping[str, Path]) -> tuple[Layer, tuple[str, ...]]:
    layer = base()
    layer.file(parts["caddy"], "/usr/bin/caddy")
    for folder in ("/etc/caddy", "/config", "/data", "/var/log/caddy"):
        layer.folder(folder)
    words = ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
    return layer, ("ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data", command(words))


def prometheus(parts: Mapping[str, Path]) -> tuple[Layer, tuple[str, ...]]:
    layer = base()
    layer.file(parts["prometheus"], "/bin/prometheus")
    layer.folder("/prometheus", 0o755, 65534)
    return layer, ("USER nobody", "WORKDIR /prometheus", 'ENTRYPOINT ["/bin/prometheus"]')


def node_exporter(parts: Mapping[str, Path]) -> tuple[Layer, tuple[str, ...]]:
    layer = base()
    layer.file(parts["prometheus-node-exporter"], "/bin/node_exporter")
    return layer, ("USER nobody", 'ENTRYPOINT ["/bin/node_exporter"]')


def seaweedfs(parts: Mapping[str, Path]) -> tuple[Layer, tuple[str, ...]]:
    layer = base()
    layer.file(parts["weed"], "/usr/bin/weed")
    layer.folder("/data")
    return layer, ()


def postgres(_: Mapping[str, Path]) -> tuple[Layer, tuple[str, ...]]:
    layer = base("postgres")
    layer.tree(POSTGRES, skip=r"llvmjit|bitcode|/pgxs/|\.a$")
    layer.tree(Path("/usr/share/postgresql/15"), skip=r"/man/|tsearch_data/(?!english|simple)")
    layer.tree(Path("/usr/share/zoneinfo"), skip=r"/(right|posix)/")
    for program in sorted((POSTGRES / "bin").iterdir()):
        layer.link(f"/usr/local/bin/{program.name}", str(program))
    home = "/var/lib/postgresql"
    layer.folder(home, 0o755, USER_ID["postgres"])
    layer.folder(f"{home}/data", 0o700, USER_ID["postgres"])
    layer.text("/usr/local/bin/initialise", INITIALISE, 0o755)
    return layer, ("USER postgres", f"ENV PGDATA={home}/data", command(["initialise"]))


def command(words: list[str]) -> str:
    quoted = ", ".join(f'"{word}"' for word in words)
    return f"CMD [{quoted}]"


RECIPES: Mapping[str, Recipe] = {
    "node": node,
    "freshtrack-dependencies": dependencies,
    "redis": redis,
    "caddy": caddy,
    "prom/prometheus": prometheus,
    "prom/node-exporter": node_exporter,
    "chrislusf/seaweedfs": seaweedfs,
    "postgres": postgres,
}
"""By the image's name without its tag."""


def load(name: str, parts: Mapping[str, Path], environment: Mapping[str, str]) -> None:
    """Make one image and hand it to the engine."""
    layer, changes = RECIPES[name.split(":", maxsplit=1)[0]](parts)
    layer.tar.close()
    label = 'LABEL cockpit.stand-in="binaries of the lab\'s host, not the published image"'
    words = [part for change in (f"ENV {PATH}", label, *changes) for part in ("--change", change)]
    subprocess.run(
        ("docker", "import", *words, "-", name),
        input=layer.raw.getvalue(),
        env=environment,
        check=True,
        capture_output=True,
        timeout=120,
    )
