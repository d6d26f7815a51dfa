"""A secret that a program itself cuts short shows no part of itself."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cockpit.redact import Redactor, Stream

SECRET = "f4Kq-9zRw'x8Lm@Tn2pVb7"


def knowing(secret: str) -> Redactor:
    redactor = Redactor()
    redactor.learn("owner_password", secret)
    return redactor


def streamed(redactor: Redactor, text: str, size: int) -> str:
    stream, data = Stream(redactor), text.encode()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return "".join([*map(stream.feed, pieces), stream.end()])


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
            'could not translate host name "[owner_password hidden]@db" to address',
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
        "curl: (7) Failed to connect to x8TnbV3c+Y= port 443 after 0 ms",
        "http.client.InvalidURL: nonnumeric port: 'f4Kq9Zr7Lm2W'",
        "Error: getaddrinfo ENOTFOUND x8TnbV3c+Y=",
        "ssh: Could not resolve hostname x8tnbv3c+y=: Name or service not known",
        "wget: unable to resolve host address \u2018x8TnbV3c+Y=\u2019",
        '{"level":50,"host":"x8TnbV3c\\u002bY\\u003d"}',
    ],
)
def test_what_is_taken_for_a_port_or_a_host_of_a_bare_address_shows_no_part(line: str) -> None:
    shown = knowing(BARE).clean(line)
    assert "[owner_password hidden]" in shown
    assert "f4Kq" not in shown
    assert "x8tnb" not in shown.lower()


def test_what_is_taken_for_a_port_with_the_host_behind_it_shows_no_part() -> None:
    line = "nonnumeric port: 'x@x8TnV@db'"
    assert knowing("f4Kq:x@x8TnV").clean(line) == ("nonnumeric port: '[owner_password hidden]@db'")


@pytest.mark.parametrize(
    "line",
    [
        "reports of production, 8 rows",
        "cannot connect to production-db",
        "cannot connect to db.production.example",
        "cannot resolve reproduction",
        "the server is up",
        "server: connected",
    ],
)
def test_a_word_that_is_no_host_or_is_part_of_another_one_stays_as_it_is(line: str) -> None:
    assert knowing("production:server/f4Kq9Zr7").clean(line) == line


@given(
    st.lists(st.text("abcXYZ019+=%", min_size=6, max_size=9), min_size=2, max_size=4),
    st.sampled_from("@:/#?"),
    st.sampled_from(
        [
            "getaddrinfo ENOTFOUND {}",
            "Could not resolve hostname {}: not known",
            "nonnumeric port: '{}@db'",
            "unable to resolve host address \u2018{}\u2019",
            "Failed to connect to {} port 443",
            'parse "http://u:{}": invalid port',
        ]
    ),
    st.sampled_from([str, str.lower, lambda one: quote(one, safe="")]),
    st.integers(1, 90),
    st.data(),
)
def test_no_piece_of_a_password_is_said_to_be_a_host_or_a_port(
    parts: list[str],
    mark: str,
    message: str,
    way: Callable[[str], str],
    size: int,
    data: st.DataObject,
) -> None:
    begin = data.draw(st.integers(0, len(parts) - 1))
    end = data.draw(st.integers(begin + 1, len(parts)))
    piece = way(mark.join(parts[begin:end]))
    shown = streamed(knowing(mark.join(parts)), f"one\n{message.format(piece)}\ntwo\n", size)
    assert piece not in shown.replace("[owner_password hidden]", "")
    assert shown.startswith("one\n")
    assert shown.endswith("\ntwo\n")


@pytest.mark.parametrize(
    "line",
    [
        "PASSWORD 'it''s-a...",
        "...s-a-long''Pass7' VALID",
        "\"it's-a-lo...",
        "it%27s-a-lo...",
        "'it'\\''s-a-lo...",
        "'it\\'s-a-lo'...",
        "'it\\'s-a-lo'[...]",
        '{"said": "it\\u0027s-a-lo\\u2026"}',
        "it&#39;s-a-lo&hellip;",
        "...27s-a-long%27Pass7",
        "...39;s-a-long&#39;Pass7",
    ],
)
def test_a_secret_that_is_escaped_and_then_cut_short_shows_no_part(line: str) -> None:
    shown = knowing("it's-a-long'Pass7").clean(line)
    assert "[owner_password hidden]" in shown
    assert "s-a" not in shown


@pytest.mark.parametrize(
    ("secret", "line"),
    [
        ("p/4ss+w0rd=1", "p%2f4ss%2bw0..."),
        ("p/4ss+w0rd=1", "p/4ss%2Bw0..."),
        ("p/4ss+w0rd=1", "p%2F4ss%2..."),
        ("p/4ss+w0rd=1", "...F4ss%2Bw0rd%3D1"),
        ("p4ss\nw0rd\tlong", "'p4ss\\nw0rd\\tlo'..."),
        ("p4ss w0rd long", "p4ss\\ w0rd\\ lo..."),
        ("p4ssw0rdlong", f"{base64.b64encode(b'p4ssw0rdlong').decode()[:12]}..."),
        ("p4ssw0rdlong", f"{base64.b64encode(b'u:p4ssw0rdlong').decode()[:14]}..."),
        ("p4ssw0rdlong", f"...{base64.b64encode(b'us:p4ssw0rdlong').decode()[8:]}"),
    ],
)
def test_a_secret_in_another_form_that_is_cut_short_shows_no_part(secret: str, line: str) -> None:
    shown = knowing(secret).clean(line)
    assert "[owner_password hidden]" in shown
    assert len(shown.replace("[owner_password hidden]", "").strip("'.")) <= 5


@pytest.mark.parametrize(
    "line",
    [
        "Pulling backend ... done",
        "Pulling db ... backend",
        "waiting for\nbackend\n... and more",
        "pulling (backend) ...",
    ],
)
def test_a_word_that_a_secret_begins_with_stays_where_a_blank_parts_it_from_the_ellipsis(
    line: str,
) -> None:
    assert knowing("backend-f4Kq9-backend").clean(line) == line


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


WAYS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in an address": lambda c: quote(c, safe=""),
    "in an address, in small letters": lambda c: quote(c, safe="").lower() if c != quote(c) else c,
    "in a path": quote,
    "as a browser does": lambda c: quote(c, safe="!'()*"),
    "in JSON": lambda c: json.dumps(c)[1:-1],
    "in JSON of any alphabet": lambda c: json.dumps(c, ensure_ascii=False)[1:-1],
    "in HTML": html.escape,
    "in Python": lambda c: "\\'" if c == "'" else repr(c)[1:-1],
    "in Python's ASCII": lambda c: "\\'" if c == "'" else ascii(c)[1:-1],
    "in Python's bytes": lambda c: repr(c.encode())[2:-1],
    "in a shell": lambda c: "'\\''" if c == "'" else c,
    "in Python's shlex": lambda c: "'\"'\"'" if c == "'" else c,
    "in SQL": lambda c: c * 2 if c == "'" else c,
    "in hexadecimal": lambda c: c.encode().hex(),
}


OF_SECRETS = "".join(map(chr, range(33, 127))).replace(".", "") + "%&\"'\\$" * 5 + " \n\t\xe9\u20ac"


@settings(max_examples=200)
@given(
    st.text(st.sampled_from(OF_SECRETS), min_size=8, max_size=24),
    st.sampled_from(sorted(WAYS)),
    st.sampled_from(["", "'", '"', "\\'", "”"]),
    st.integers(1, 90),
    st.data(),
)
def test_no_cut_of_a_secret_leaves_four_of_its_characters(
    secret: str, way: str, quotes: str, size: int, data: st.DataObject
) -> None:
    secret = secret.strip()
    assume(len("".join(secret.split())) >= 8)
    written = [WAYS[way](character) for character in secret]
    whole = "".join(written)
    assume("\n" not in whole)
    begin = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(begin + 1, len(whole)))
    # Which of its characters are there from end to end.
    places = [len("".join(written[:at])) for at in range(len(secret) + 1)]
    first = next(at for at, place in enumerate(places) if place >= begin)
    last = max(at for at, place in enumerate(places) if place <= end)
    left = "".join(secret[first:last].split())
    assume(len(left) >= 4 and any(map(str.isalnum, left)) and (begin, end) != (0, len(whole)))
    before = f"{quotes}..." if begin else "is "
    behind = f"{quotes}..." if end < len(whole) else " so"
    line = f"one\nLINE 1: {before}{whole[begin:end]}{behind}\ntwo\n"
    shown = streamed(knowing(secret), line, size).replace("[owner_password hidden]", "")
    assert "".join(written[first:last]) not in shown
    assert shown.startswith("one\nLINE 1: ")
    assert shown.endswith("\ntwo\n")
