from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cockpit.redact import Redactor, Stream

SECRET = "p/4ss+w0rd=\u00fc?"
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nBAQEFAASCBKcwggSjAgEAA\n-----END KEY-----"


def knowing(*secrets: str) -> Redactor:
    redactor = Redactor()
    for number, secret in enumerate(secrets):
        redactor.learn(f"secret{number}", secret)
    return redactor


def streamed(redactor: Redactor, text: str, size: int) -> str:
    stream, data = Stream(redactor), text.encode()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return "".join([*map(stream.feed, pieces), stream.end()])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 100_000])
def test_output_in_pieces_of_any_size_gives_the_same_text(size: int) -> None:
    text = f"one {SECRET} two\nthr\u00e9e \x1b[31mred\x1b[0m {SECRET}\n{SECRET}"
    expected = "one [secret0 hidden] two\nthr\u00e9e red [secret0 hidden]\n[secret0 hidden]"
    assert streamed(knowing(SECRET), text, size) == expected


def test_a_secret_wrapped_over_lines_is_hidden_whole() -> None:
    encoded = base64.b64encode(f"x{SECRET}{SECRET}".encode()).decode()
    wrapped = "\n".join(encoded[at : at + 5] for at in range(0, len(encoded), 5))
    shown = streamed(knowing(SECRET), f"{wrapped}\nend\n", 3)
    assert shown.count("[secret0 hidden]") == 2
    assert shown.endswith("end\n")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_secret_over_lines_that_each_carry_a_name_is_hidden_as_it_streams(size: int) -> None:
    encoded = base64.b64encode(SECRET.encode() * 3).decode()
    lines = "".join(f"web-1  | {encoded[at : at + 6]}\n" for at in range(0, len(encoded), 6))
    shown = streamed(knowing(SECRET), f"web-1  | begins\n{lines}web-1  | ends\n", size)
    assert shown.count("[secret0 hidden]") == 3
    assert shown.startswith("web-1  | begins\nweb-1  | ")
    assert shown.endswith("\nweb-1  | ends\n")


def test_a_key_of_several_lines_is_hidden_whole_and_line_by_line() -> None:
    redactor = knowing(KEY)
    assert streamed(redactor, f"a\n{KEY}\nb\n", 4) == "a\n[secret0 hidden]\nb\n"
    assert "MIIEvQIBADAN" not in redactor.clean("grep says: MIIEvQIBADANBgkqhkiG9w0")


def test_an_escape_sequence_within_a_secret_does_not_save_it() -> None:
    broken = f"{SECRET[:5]}\x1b[1m{SECRET[5:]}"
    assert knowing(SECRET).clean(broken) == "[secret0 hidden]"
    assert streamed(knowing(SECRET), broken, 2) == "[secret0 hidden]"


def test_a_line_is_shown_as_soon_as_it_is_whole() -> None:
    stream = Stream(knowing(SECRET))
    assert stream.feed(b"working\nhalf a li") == "working\n"
    assert stream.feed(b"ne\n") == "half a line\n"
    # Only what may be the beginning of a secret waits for what follows.
    assert stream.feed(b"stop\n") == "sto"
    assert stream.feed(b"next\n") == "p\nnext\n"


@pytest.mark.parametrize("line", ["halfway", "100%", "MFRA 8", "all is well"])
def test_no_line_waits_for_a_form_that_is_seldom_written(line: str) -> None:
    stream = Stream(knowing("v3ry/secret+w0rd=\u00fc?", "c2VjcmV0LWtleQ=="))
    assert stream.feed(f"{line}\n".encode()) == f"{line}\n"


def test_a_line_without_an_end_is_shown_at_last_without_its_secret() -> None:
    stream = Stream(knowing(SECRET), longest=100)
    shown = stream.feed(b"x" * 98 + SECRET[:4].encode())
    shown += stream.feed(SECRET[4:].encode() + b"y" * 200) + stream.end()
    assert shown == "x" * 98 + "[secret0 hidden]" + "y" * 200


def test_a_secret_that_begins_within_another_leaves_no_part_of_either() -> None:
    redactor = knowing("abcdefgh1234", "1234longer-secret")
    for size in (1, 5, 50):
        shown = streamed(redactor, "see abcdefgh1234\nlonger-secret and abcdefgh1234.\n", size)
        assert "abcd" not in shown
        assert "longer" not in shown


@given(
    st.text(st.sampled_from("abcXYZ019+/=%&\"'\\$"), min_size=8, max_size=20),
    st.lists(st.sampled_from(["a", "b\n", " ", "", "\x1b", "\x1b[1m", "\x1b(B"]), max_size=9),
    st.integers(1, 9),
)
def test_no_secret_survives_any_stream(secret: str, between: list[str], size: int) -> None:
    shown = streamed(knowing(secret), secret.join(["", *between, ""]), size)
    assert "hidden]" in shown
    assert secret not in "".join(shown.split())
