from __future__ import annotations

import base64
import html
import json
import shlex
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cockpit.redact import Redactor, hide_in, printable

SECRET = "p/4ss+w0rd=ü?"


def knowing(*secrets: str) -> Redactor:
    redactor = Redactor()
    for number, secret in enumerate(secrets):
        redactor.learn(f"secret{number}", secret)
    return redactor


@pytest.mark.parametrize(
    "text",
    [
        f"password={SECRET}",
        f"postgres://owner:{quote(SECRET, safe='')}@db/x",
        f"Authorization: Basic {base64.b64encode(f'owner:{SECRET}'.encode()).decode()}",
        f"token {base64.urlsafe_b64encode(f'x{SECRET}y'.encode()).decode()}",
    ],
)
def test_a_secret_is_hidden_in_every_form_in_which_it_travels(text: str) -> None:
    cleaned = knowing(SECRET).clean(text)
    assert "[secret0 hidden]" in cleaned
    assert SECRET not in cleaned
    assert quote(SECRET, safe="") not in cleaned


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40),
    st.text(max_size=30),
    st.text(max_size=30),
)
def test_no_secret_survives_wherever_it_stands(secret: str, before: str, after: str) -> None:
    redactor = knowing(secret)
    assert secret not in redactor.clean(f"{before}\n{secret}\n{after}")
    encoded = base64.b64encode(f"{before}{secret}{after}".encode()).decode()
    assert "hidden]" in redactor.clean(encoded)


def test_a_secret_inside_another_leaves_nothing_of_the_longer_one() -> None:
    cleaned = knowing("longsecret", "longsecret-and-more").clean("x longsecret-and-more y")
    assert cleaned == "x [secret1 hidden] y"


def test_escape_sequences_cannot_reach_the_terminal() -> None:
    hostile = "a\x1b[2Jb\x1b]0;title\x07c\x1b]8;;http://x\x1b\\d\x9b31me\rf\x00g\th\ni"
    assert printable(hostile) == "abcd31mefg\th\ni"


WAYS: dict[str, Callable[[str], str]] = {
    "in an address, in small letters": lambda s: quote(s, safe="").lower(),
    "in a form": lambda s: quote_plus(f"user {s}"),
    "as a browser does": lambda s: quote(s, safe="!'()*"),
    "in JSON": json.dumps,
    "in JSON of any alphabet": lambda s: json.dumps(s, ensure_ascii=False),
    "in HTML": html.escape,
    "in Python": repr,
    "in Python's ASCII": ascii,
    "in Python's bytes": lambda s: repr(s.encode()),
    "in hexadecimal": lambda s: s.encode().hex(),
    "in SQL": lambda s: s.replace("'", "''"),
    "in a shell": shlex.quote,
    "in a shell, by hand": lambda s: s.replace("'", "'\\''"),
    "in a connection string": lambda s: s.replace("\\", "\\\\").replace("'", "\\'"),
    "in base64 in an address": lambda s: quote(base64.b64encode(f"u:{s}".encode()).decode()),
    "wholly encoded for an address": lambda s: "".join(f"%{one:02X}" for one in s.encode()),
    "twice in an address": lambda s: quote(quote(s, safe=""), safe=""),
    "in an address in another, in small letters": lambda s: quote(quote(s)).lower(),
    "in JSON in JSON": lambda s: json.dumps(json.dumps(s)),
    "in base64 of base64": lambda s: base64.b64encode(base64.b64encode(s.encode())).decode(),
    "in base32": lambda s: base64.b32encode(s.encode()).decode(),
    "over lines as compose shows them": lambda s: "\nweb-1  | ".join((s[:4], s[4:9], s[9:])),
    "over lines that are quoted": "\n> ".join,
    "with nothing between": "\u200b".join,
    "in another order for the eye": lambda s: f"\u202e{s[:3]}\u2066{s[3:]}",
}


@pytest.mark.parametrize("before", [b"", b"u:", b"us:", b"use:", b"user:"])
def test_nothing_before_or_behind_a_secret_hides_it_in_base32_or_base64_of_base64(
    before: bytes,
) -> None:
    whole = before + SECRET.encode() + b":more"
    for encode in (base64.b32encode, lambda raw: base64.b64encode(base64.b64encode(raw))):
        assert "[secret0 hidden]" in knowing(SECRET).clean(encode(whole).decode())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("secret", [SECRET, 'it\'s <b>&"c"\\d\u00e4', "only-letters-1"])
def test_a_secret_is_hidden_as_programs_write_it(way: str, secret: str) -> None:
    shown = knowing(secret).clean(f"x {WAYS[way](secret)} y")
    assert shown.count("[secret0 hidden]") == 1
    left = shown.replace("[secret0 hidden]", "")
    assert len(left) <= len("x user+'' y") + 8, "what stands around it, and no part of it"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_a_value_without_a_secret_is_left_as_it_is(value: object) -> None:
    hide = knowing(SECRET).hide
    assert hide_in({"a": value}, hide) == {"a": value}  # type: ignore[dict-item]  # of JSON


def test_a_number_that_is_a_secret_is_hidden_where_it_may_be_a_text() -> None:
    hide = knowing("12345678").hide
    found = hide_in({"pin": 12345678, "12345678": [True, 1.5, "is 12345678"]}, hide)
    assert found == {
        "pin": "[secret0 hidden]",
        "[secret0 hidden]": [True, 1.5, "is [secret0 hidden]"],
    }
    assert hide_in([12345678], hide, numbers=False) == [12345678]


def test_a_secret_in_a_tuple_is_found_as_in_a_list() -> None:
    told = {"lines": (SECRET, ["x"])}
    assert knowing(SECRET).is_in(told)  # type: ignore[arg-type]  # what is encoded as a list
    assert hide_in(told, knowing(SECRET).hide) == {  # type: ignore[arg-type]  # as above
        "lines": ["[secret0 hidden]", ["x"]]
    }


def test_what_would_deceive_the_eye_is_taken_out() -> None:
    assert printable("safe\u202eelbaresrever\u2066\u200b\u2028 \u00e4\u0f40\U0001f600") == (
        "safeelbaresrever \u00e4\u0f40\U0001f600"
    )


def test_of_several_texts_each_is_hidden_by_itself_and_the_files_are_looked_at_once() -> None:
    redactor, looks = Redactor(), [0]

    def look() -> None:
        looks[0] += 1

    redactor.learn("token", "correct horse battery")
    redactor.ask_first(look)
    plain = ("name web", "it says correct horse", "battery full")
    assert redactor.hide_each(plain) == plain
    shown = redactor.hide_each(("a", "it says correct\nhorse battery", "b"))
    assert shown == ("a", "it says [token hidden]", "b")
    assert looks == [2]
