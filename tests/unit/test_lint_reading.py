import io
import os
import tarfile
from pathlib import Path

import pytest
import yaml

from cockpit.stack import ground, inventory, mounted
from cockpit.stack.engine import said
from cockpit.stack.health import programs
from cockpit.stack.layers import EnvFile, Layer, Layers
from cockpit.stack.mixing import hosts
from cockpit.stack.model import Service, Stack
from cockpit.stack.placeholders import is_placeholder

BASE = """\
x-service: &service
  restart: always
services:
  web:
    <<: *service
    environment:
      - NODE_ENV=development
      - LEVEL=debug
    ports:
      - "3000:3000"
    env_file: [.env]
"""
TOP = """\
services:
  web:
    environment: !override
      NODE_ENV: production
"""


def layers(*texts: str) -> Layers:
    files = (Layer(f"{at}.yaml", yaml.compose(text)) for at, text in enumerate(texts, start=1))
    return Layers(tuple(files), {".env": EnvFile(".env", {"SITE": 7})})


@pytest.mark.parametrize(
    ("path", "like", "place"),
    [
        (("environment", "NODE_ENV"), "", "2.yaml:4"),
        (("environment", "LEVEL"), "", "2.yaml:3"),
        (("env_file",), "", "1.yaml:11"),
        (("environment", "SITE"), "", ".env:7"),
        (("ports",), "3000", "1.yaml:10"),
        (("restart",), "", "1.yaml:2"),
        (("deploy", "resources"), "", "2.yaml:2"),
    ],
)
def test_a_value_is_led_back_to_the_file_that_set_it(
    path: tuple[str, ...], like: str, place: str
) -> None:
    assert layers(BASE, TOP).origin(("services", "web", *path), like) == place


CASES = """
if case "$$A" in
    a | b) first; second ;;
    "") case $$B in x) inner;; y|*) exit 1; esac ;;
    *) exit 1 ;;
esac; then third; fi
last
"""


@pytest.mark.parametrize(
    ("test", "needed"),
    [
        (["CMD", "redis-cli", "ping"], ("redis-cli",)),
        (["CMD-SHELL", "curl -f http://x || exit 1"], ("/bin/sh", "curl")),
        (["CMD-SHELL", "A=1 wget -q x >/dev/null 2>&1 && test -s y"], ("/bin/sh", "wget")),
        (
            ["CMD-SHELL", 'said=$$(PW="$$(cat /f)" redis-cli ping 2>&1); test "$$said" = PONG'],
            ("/bin/sh", "redis-cli", "cat"),
        ),
        (["CMD-SHELL", 'test "$$(curl -sf http://x)" = ok'], ("/bin/sh", "curl")),
        (["CMD-SHELL", "[ `curl -sf http://x` = ok ]"], ("/bin/sh", "curl")),
        (["CMD-SHELL", "[ $$(curl -s http://x | grep -c '(') = 1 ]"], ("/bin/sh", "curl", "grep")),
        (["CMD-SHELL", 'test "`a \\`b\\``" = "$$(c "$$(d)")"'], ("/bin/sh", "a", "b", "c", "d")),
        (["CMD-SHELL", "echo '$$(curl)' && test $$((1 + 1)) = 2"], ("/bin/sh",)),
        (["CMD", "sh", "-ec", "curl -f http://x"], ("sh", "curl")),
        (["CMD", "/bin/sh", "-euxc", "curl -f http://x"], ("/bin/sh", "curl")),
        (["CMD", "bash", "-euo", "pipefail", "-c", "curl -f http://x"], ("bash", "curl")),
        (["CMD", "bash", "check.sh", "-c", "curl"], ("bash",)),
        (["CMD", "sh", "-c", "pg_isready | grep accept"], ("sh", "pg_isready", "grep")),
        (["CMD-SHELL", "an 'unbalanced quote"], ("/bin/sh", "an")),
        (["CMD", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/1"], ("bash",)),
        (
            ["CMD-SHELL", "case $$(wget -qO- x) in ok|fine) exit 0;; *) exit 1;; esac"],
            ("/bin/sh", "wget"),
        ),
        (["CMD-SHELL", CASES], ("/bin/sh", "first", "second", "inner", "third", "last")),
        (["CMD-SHELL", "case $$A in (a);; b) ;; esac || last"], ("/bin/sh", "last")),
        (["CMD-SHELL", "echo in case of; last esac"], ("/bin/sh", "last")),
        (["NONE"], ()),
        ("curl -f http://x", ("/bin/sh", "curl")),
    ],
)
def test_a_health_check_tells_the_programs_that_it_starts(
    test: list[str] | str, needed: tuple[str, ...]
) -> None:
    assert programs(Service("web", {"healthcheck": {"test": test}})) == needed


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("postgres://app@db.shop.example:5432/x", {"db.shop.example"}),
        ("redis://redis:6379", set()),
        ("admin@shop.example", set()),
        ("10.0.0.7, Mail.Shop.Example.", {"10.0.0.7", "mail.shop.example"}),
    ],
)
def test_a_value_tells_the_hosts_that_it_names(value: str, named: set[str]) -> None:
    assert hosts(value) == named


PLACEHOLDERS = """
changeme CHANGE-ME-please your-key <secret> xxxx CHANGE_ME YOUR_SECRET_HERE yourpassword FIXME
PASSWORD KEY test123 {{secret}} __PASSWORD__ %PASSWORD% my-secret supersecret p@ssw0rd qwerty
enter-secret-here set-me fill_me_in redacted change_in_production notasecret development_secret
$(openssl) "changeme" 12345678
"""
IN_FILES = (
    "put the password here",
    "changeme\nchangeme",
    '"app" "PASSWORD"\n"jobs" "kQ3v9fLx"',
    '{"accessKey": "KEY", "secretKey": "kQ3v9fLx"}',
    "-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----",
)
AUTHORITY = f"-----BEGIN CERTIFICATE-----\n{'MIIB' * 16}\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("text", [*PLACEHOLDERS.split(), *IN_FILES])
def test_a_placeholder_is_known(text: str) -> None:
    assert is_placeholder(text)


@pytest.mark.parametrize(
    "text", ["kQ3v9fLx", "exactly-like-this-9", "correct horse battery", "82736451", AUTHORITY]
)
def test_a_secret_is_no_placeholder(text: str) -> None:
    assert not is_placeholder(text)


def test_a_secrets_file_is_told_with_what_is_wrong(open_folder: Path) -> None:
    good, bad, empty = (open_folder / name for name in ("good", "bad", "empty"))
    for path, text, mode in (
        (good, "kQ3v9fLx", 0o600),
        (bad, "changeme", 0o644),
        (empty, "", 0o600),
    ):
        path.write_text(text)
        path.chmod(mode)
    assert ground.secret(good).problems == {}
    assert set(ground.secret(bad).problems) == {"placeholder", "readable"}
    assert set(ground.secret(empty).problems) == {"empty"}
    assert set(ground.secret(open_folder / "none").problems) == {"missing"}
    assert ground.secret(good).digest == ground.secret(good).digest != ground.secret(bad).digest


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_a_secret_that_is_no_file_is_told_and_never_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "key"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    assert ground.secret(path).problems == {"missing": f"is not a file: {path}"}


def test_a_public_certificate_may_be_the_same_everywhere_and_a_key_beside_it_may_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ca"
    path.write_text(AUTHORITY)
    assert ground.secret(path).digest == ""
    path.write_text(AUTHORITY + AUTHORITY.replace("CERTIFICATE", "PRIVATE KEY"))
    assert ground.secret(path).digest


async def test_without_git_a_secret_in_a_repository_is_neither_tracked_nor_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    path.write_text("kQ3v9fLx")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert await ground.is_tracked(path) is False
    (tmp_path / ".git").mkdir()
    assert await ground.is_tracked(path) is None
    (file,) = (await ground.secrets({"secrets": {"key": {"file": str(path)}}})).values()
    assert "git is not here to ask" in file.untold


def test_the_hosts_in_mounted_files_are_read_and_those_in_comments_are_not(tmp_path: Path) -> None:
    settings, folder = tmp_path / "pool.ini", tmp_path / "folder"
    settings.write_text("; like old.example.com\nhost=db.example.com # a@mail.example.com\n")
    folder.mkdir()
    (folder / "site").write_text("https://site.example.com/x")
    (folder / "binary").write_bytes(b"\xff\xfe.example.org")
    os.mkfifo(tmp_path / "pipe")
    sources = (settings, folder, tmp_path / "pipe", tmp_path / "none", Path("/proc"), Path("/"))
    volumes = [{"type": "bind", "source": str(one), "read_only": True} for one in sources]
    stack = Stack({"services": {"web": {"volumes": volumes}}})
    assert mounted.hosts(stack)["web"] == {
        str(settings): {"db.example.com"},
        str(folder / "site"): {"site.example.com"},
    }


async def test_a_secret_that_git_keeps_is_found(tmp_path: Path) -> None:
    kept, new = tmp_path / "kept", tmp_path / "new"
    for path in (kept, new):
        path.write_text("kQ3v9fLx")
    assert not await ground.is_tracked(kept)
    await said(("git", "init", "-q"), tmp_path)
    await said(("git", "add", "kept"), tmp_path)
    assert await ground.is_tracked(kept)
    assert not await ground.is_tracked(new)


def test_listening_sockets_are_read_as_the_kernel_writes_them() -> None:
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when uid timeout inode"
    rest = "00000000:00000000 00:00000000 00000000 0 0 4711 1"
    v4 = f"{head}\n 0: 0100007F:0BB8 00000000:0000 0A {rest}\n 1: 0100007F:0BB9 0:0 01 {rest}\n"
    assert list(ground.sockets(v4, "0A")) == [("127.0.0.1", 3000, "4711")]
    any6 = f"{head}\n 0: {'0' * 32}:01BB {'0' * 32}:0000 0A {rest}\n"
    assert list(ground.sockets(any6, "0A")) == [("::", 443, "4711")]


def layer(*entries: tuple[str, str, str]) -> bytes:
    """A layer's archive of entries (kind, name, link)."""
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as archive:
        for kind, name, link in entries:
            member = tarfile.TarInfo(name)
            member.mode = 0o755 if kind in ("program", "hard") else 0o644
            member.linkname = link
            kinds = {"link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE}
            member.type = kinds.get(kind, tarfile.REGTYPE)
            archive.addfile(member)
    return body.getvalue()


def saved(*layers_: bytes) -> io.BytesIO:
    body = io.BytesIO()
    names = [f"{at}/layer.tar" for at in range(len(layers_))]
    manifest = (
        f'[{{"Layers": [{", ".join(f"{chr(34)}{one}{chr(34)}" for one in names)}]}}]'.encode()
    )
    with tarfile.open(fileobj=body, mode="w") as archive:
        for name, data in (*zip(names, layers_, strict=True), ("manifest.json", manifest)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    body.seek(0)
    return body


def test_an_images_programs_are_read_through_links_and_layers() -> None:
    lower = layer(
        ("program", "usr/bin/busybox", ""),
        ("link", "bin", "usr/bin"),
        ("link", "usr/bin/wget", "busybox"),
        ("link", "usr/bin/sh", "/bin/busybox"),
        ("hard", "usr/bin/nc", "usr/bin/busybox"),
        ("program", "usr/bin/curl", ""),
        ("link", "usr/bin/loop", "loop"),
        ("file", "usr/bin/readme", ""),
    )
    upper = layer(("file", "usr/bin/.wh.curl", ""), ("program", "app/health", ""))
    held = inventory.read(saved(lower, upper))
    has = ("wget", "/bin/sh", "/usr/bin/sh", "nc", "busybox", "/app/health")
    assert [one for one in has if not held.holds(one)] == []
    lacks = ("curl", "readme", "loop", "health", "/bin/none")
    assert [one for one in lacks if held.holds(one)] == []


def test_a_folder_that_a_layer_empties_holds_nothing_of_before() -> None:
    lower = layer(("program", "opt/tool/run", ""))
    upper = layer(("file", "opt/tool/.wh..wh..opq", ""), ("program", "opt/tool/other", ""))
    held = inventory.read(saved(lower, upper))
    assert held.holds("/opt/tool/other")
    assert not held.holds("/opt/tool/run")
