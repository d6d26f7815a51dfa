from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest

from cockpit.errors import Refused
from cockpit.redact import Redactor, Stream
from cockpit.secrets import Secrets, exposed, reachable_by_others


def kept(folder: Path, value: str, mode: int = 0o600) -> Path:
    path = folder / "token"
    path.write_text(value, encoding="utf-8")
    path.chmod(mode)
    return path


def test_a_secret_that_was_used_can_no_longer_be_shown(tmp_path: Path) -> None:
    redactor = Redactor()
    secrets = Secrets({"token": kept(tmp_path, "a-long-token\n")}, redactor)
    assert redactor.clean("a-long-token") == "a-long-token"
    assert secrets.value("token") == "a-long-token"
    assert redactor.clean("Bearer a-long-token") == "Bearer [token hidden]"


@pytest.mark.parametrize("value", ["seven77", "7 4 1 9 2"])
def test_a_secret_too_short_to_hide_is_refused_without_being_said(
    value: str, tmp_path: Path
) -> None:
    secrets = Secrets({"token": kept(tmp_path, value)}, Redactor())
    with pytest.raises(Refused, match="fewer than 8 characters") as refused:
        secrets.value("token")
    assert value not in str(refused.value)


def test_a_secret_that_others_can_read_is_refused_with_its_mending(open_folder: Path) -> None:
    path = kept(open_folder, "a-long-token", 0o644)
    with pytest.raises(Refused, match=f"chmod 600 {path}"):
        Secrets({"token": path}, Redactor()).value("token")


def test_a_closed_folder_protects_what_lies_in_it(open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    assert reachable_by_others(kept(closed, "a-long-token", 0o644)) == ""


def test_a_containers_secret_is_open_to_a_group_only_where_somebody_is_in_it(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kept(open_folder, "a-long-token", 0o440)
    own = pwd.getpwuid(os.geteuid()).pw_name
    for members, said in (([own], ""), (["www-data"], "can be read by the group web")):
        group = grp.struct_group(("web", "x", 4711, members))
        monkeypatch.setattr(grp, "getgrgid", lambda _, group=group: group)
        assert reachable_by_others(path) == said


def test_a_missing_secret_and_a_folder_are_named_as_such(tmp_path: Path) -> None:
    assert reachable_by_others(tmp_path / "nowhere") == "has no file"
    assert reachable_by_others(tmp_path) == "is not a file"


def test_a_secret_that_its_group_can_read_is_refused(open_folder: Path) -> None:
    path = kept(open_folder, "a-long-token", 0o640)
    with pytest.raises(Refused, match="can be read by the group") as refused:
        Secrets({"token": path}, Redactor()).value("token")
    assert f"chmod 600 {path}" in refused.value.mend
    # A group that may only write could put another one there.
    path.chmod(0o620)
    assert exposed(path)
    path.chmod(0o600)
    assert exposed(path) == ""


def test_a_secret_of_another_user_is_refused_and_one_of_root_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kept(tmp_path, "a-long-token")
    facts = list(path.stat())
    facts[4] = 4711
    monkeypatch.setattr(os, "fstat", lambda _: os.stat_result(facts))
    with pytest.raises(Refused, match="belongs to 4711, who can read it"):
        Secrets({"token": path}, Redactor()).value("token")
    facts[4] = 0
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert Secrets({"token": path}, Redactor()).value("token") == "a-long-token"


def test_a_link_in_a_closed_folder_hides_nothing_that_lies_open(open_folder: Path) -> None:
    path = kept(open_folder, "a-long-token", 0o644)
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    (closed / "link").symlink_to(path)
    with pytest.raises(Refused, match="can be read by other users"):
        Secrets({"token": closed / "link"}, Redactor()).value("token")


def test_a_rehearsal_uses_an_open_secret_and_warns_of_it(open_folder: Path) -> None:
    path = kept(open_folder, "a-long-token", 0o644)
    secrets = Secrets({"token": path}, Redactor(), lenient=True)
    assert secrets.value("token") == "a-long-token"
    assert list(secrets.exposures()) == ["the secret token can be read by other users of this host"]


def test_a_secret_that_is_refused_is_hidden_all_the_same(open_folder: Path) -> None:
    redactor = Redactor()
    secrets = Secrets({"token": kept(open_folder, "a-long-token", 0o644)}, redactor)
    secrets.learn_all()
    assert redactor.hide("cat says a-long-token") == "cat says [token hidden]"


def test_a_pipe_in_a_secrets_place_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "token", 0o600)
    with pytest.raises(Refused, match="is not a file"):
        Secrets({"token": tmp_path / "token"}, Redactor()).value("token")


def test_a_secret_is_known_by_its_new_value_as_soon_as_its_file_has_it(tmp_path: Path) -> None:
    redactor = Redactor()
    path = tmp_path / "token"
    Secrets({"token": path}, redactor).learn_all()
    assert redactor.hide("first-value") == "first-value"
    kept(tmp_path, "first-value")
    assert redactor.hide("it is first-value") == "it is [token hidden]"
    # Of the same length, within one tick of the file system's clock.
    kept(tmp_path, "other-value")
    assert redactor.hide_in(["other-value"]) == ["[token hidden]"]
    path.unlink()
    assert redactor.hide("first-value other-value") == "[token hidden] [token hidden]"


def test_a_secret_that_is_exchanged_by_a_renamed_file_is_noticed(tmp_path: Path) -> None:
    redactor = Redactor()
    kept(tmp_path, "first-value")
    os.utime(tmp_path / "token", (1, 1))
    Secrets({"token": tmp_path / "token"}, redactor).learn_all()
    (tmp_path / "aside").write_text("other-value")
    os.utime(tmp_path / "aside", (1, 1))
    (tmp_path / "aside").rename(tmp_path / "token")
    assert redactor.is_in({"note": "other-value"})
    assert Stream(redactor).feed(b"see other-value\n") == "see [token hidden]\n"


def test_a_file_that_stays_as_it_is_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    redactor = Redactor()
    path = kept(tmp_path, "first-value")
    settled = path.stat().st_ctime_ns + 10**9
    monkeypatch.setattr("cockpit.secrets.time.time_ns", lambda: settled)
    Secrets({"token": path}, redactor).learn_all()
    monkeypatch.setattr("cockpit.secrets.opened", lambda _: pytest.fail("it was read again"))
    assert redactor.hide("first-value") == "[token hidden]"
