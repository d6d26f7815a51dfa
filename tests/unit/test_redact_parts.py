"""A secret that a program itself cuts short shows no part of itself."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cockpit.redact import Redactor, Stream

SECRET = "f4Kq-9zRw'x8Lm@Tn2pVb7"


def knowing(secret: str) -> Redactor:
    redactor = Redactor()
    redactor.learn("owner_password", secret)
    return redactor


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            f"LINE 1: alter role owner PASSWORD '{SECRET[:9]}...",
            "LINE 1: alter role owner PASSWORD '[owner_password hidden]...",
        ),
        (f"LINE 1: ...{SECRET[6:]}' valid", "LINE 1: ...[owner_password hidden]' valid"),
        (f"LINE 1: ...{SECRET[4:14]}...", "LINE 1: ...[owner_password hidden]..."),
        (f"value: {SECRET[:7]}…", "value: [owner_password hidden]…"),
        (
            f'could not translate host name "{SECRET.partition("@")[2]}@db" to address',
            'could not translate host name "[owner_password hidden]db" to address',
        ),
    ],
)
def test_a_secret_that_a_program_cuts_short_shows_no_part_of_itself(line: str, shown: str) -> None:
    redactor = knowing(SECRET)
    assert redactor.clean(line) == shown
    assert redactor.is_in({"evidence": [line]})
    stream = Stream(redactor)
    assert stream.feed(f"{line}\n".encode()) + stream.end() == f"{shown}\n"


BARE = "f4Kq9Zr7Lm2W/x8TnbV3c+Y="


@pytest.mark.parametrize(
    "line",
    [
        'invalid integer value "f4Kq9Zr7Lm2W" for connection option "port"',
        "Port could not be cast to integer value as 'f4Kq9Zr7Lm2W'",
        "Invalid port: 'f4Kq9Zr7Lm2W'",
        "Failed to parse: 'app:f4Kq9Zr7Lm2W' is not a valid host or port",
        "dial tcp: lookup x8TnbV3c+Y=: no such host",
        "curl: (6) Could not resolve host: x8TnbV3c+Y=",
    ],
)
def test_what_is_taken_for_a_port_or_a_host_of_a_bare_address_shows_no_part(line: str) -> None:
    shown = knowing(BARE).clean(line)
    assert "[owner_password hidden]" in shown
    assert "f4Kq" not in shown
    assert "x8Tnb" not in shown


@pytest.mark.parametrize(
    "line",
    [
        "PASSWORD 'it''s-a...",
        "...s-a-long''Pass7' VALID",
        "\"it's-a-lo...",
        "it%27s-a-lo...",
    ],
)
def test_a_secret_that_is_escaped_and_then_cut_short_shows_no_part(line: str) -> None:
    shown = knowing("it's-a-long'Pass7").clean(line)
    assert "[owner_password hidden]" in shown
    assert "s-a" not in shown


@pytest.mark.parametrize(
    "line", ["Pulling backend ... done", "wait...", "f4K...", "...b7", "f4Kq is no ellipsis"]
)
def test_an_ellipsis_beside_other_words_hides_nothing(line: str) -> None:
    assert knowing(SECRET).clean(line) == line


@pytest.mark.parametrize(
    ("secret", "line"),
    [
        ("postgresql://app:f4Kq9Zr7Lm2W@db:5432/track", "connecting to postgresql..."),
        ("https://hooks.example/services/x8TnbV3c", "see https://..."),
        ("-----BEGIN KEY-----\nabcdefghijklmnop\n-----END KEY-----", "-----..."),
        ('{\n        "key": "abcdefghijkl"\n}', "x        ... more"),
    ],
)
def test_a_scheme_a_rule_and_an_indent_before_an_ellipsis_are_no_part(
    secret: str, line: str
) -> None:
    assert knowing(secret).clean(line) == line


@given(
    st.text(
        st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=".:"), min_size=8
    ),
    st.data(),
)
def test_no_cut_of_a_secret_leaves_more_than_three_of_its_characters(
    secret: str, data: st.DataObject
) -> None:
    size = data.draw(st.integers(4, len(secret) - 1))
    assume(any(map(str.isalnum, secret[:size])) and any(map(str.isalnum, secret[-size:])))
    redactor = knowing(secret)
    assert secret[:size] not in redactor.clean(f"LINE 1: {secret[:size]}...").replace(
        "[owner_password hidden]", ""
    )
    assert secret[-size:] not in redactor.clean(f"LINE 1: ...{secret[-size:]}").replace(
        "[owner_password hidden]", ""
    )
