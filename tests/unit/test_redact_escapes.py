from __future__ import annotations

import base64
import csv
import html
import io
import json
import re
import shlex
import subprocess
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cockpit.redact import Redactor, Stream

PASSWORD = "aB3+dE5/fG7hI9jK1lM="
HARD = "pa$sw0rd&20<26>'x\"/+=\u00e9\\z%41#"
FIRM = "".join(map(chr, range(33, 127))) + "\u00e9\u20ac\U0001f511"
"""What a secret may consist of."""


def knowing(secret: str) -> Redactor:
    redactor = Redactor()
    redactor.learn("secret0", secret)
    return redactor


def go(secret: str) -> str:
    text = json.dumps(secret, ensure_ascii=False)
    for character in "&<>":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def bash(secret: str) -> str:
    if secret.isascii():
        return re.sub(r"([^\w@%+=:,./-])", r"\\\1", secret)
    return "$'" + "".join(map(_octal, secret.encode())) + "'"


def _octal(byte: int) -> str:
    if byte > 126:
        return f"\\{byte:03o}"
    return f"\\{chr(byte)}" if chr(byte) in "'\\" else chr(byte)


def braced(secret: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", lambda found: f"\\u{{{ord(found[0]):x}}}", secret)


WAYS: dict[str, Callable[[str], str]] = {
    "a password in Node's URL": lambda s: quote(s, safe="+!$&'()*,"),
    "a password in Go's URL": lambda s: quote(s, safe="$&+=,;"),
    "a part of a path in Go": lambda s: quote(s, safe="$&+=:@"),
    "encodeURI": lambda s: quote(s, safe=";/?:@&=+$,#!'()*"),
    "small hexadecimal letters": lambda s: quote(s, safe="+").replace("%2F", "%2f"),
    "one in the other": lambda s: quote(quote(s, safe="+&"), safe=""),
    "JSON by Go": go,
    "JSON by Go in JSON": lambda s: json.dumps(go(s)),
    "JSON by PHP": lambda s: json.dumps(s).replace("/", "\\/"),
    "JSON by Gson": lambda s: json.dumps(s).replace("=", "\\u003d").replace("'", "\\u0027"),
    "an address in JSON by Go": lambda s: go(f"https://x/?a=1&password={quote(s, safe='+')}"),
    "HTML by Go": lambda s: html.escape(s).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
    "XML": lambda s: html.escape(s).replace("&#x27;", "&apos;"),
    "Rust and JavaScript, by number": braced,
    "a Compose file": lambda s: s.replace("$", "$$"),
    "bash, printf %q": bash,
    "bash, declare -p": lambda s: '"' + re.sub(r'(["$`\\])', r"\\\1", s) + '"',
    "a shell": shlex.quote,
    "a password file": lambda s: s.replace("\\", "\\\\").replace(":", "\\:"),
    "a unit": lambda s: s.replace("%", "%%"),
}


PASSPHRASES = (
    *("correct horse battery staple", "pa ss/w+ord 123", "a 1b 22c $3", "correct #1 horse!"),
    *("comma, and! words here", "x, y! z long", "two ~words and a $", "a = ~b; phrase*"),
    *("#first of 2 words", "u:~ [x] {y} `z` ^|<>?", "#first of & words", "~home sweet & home"),
    *("back\\ slash & \\+ blank", "don't look back & run", "O'Brien's \"pass\" word"),
)


def really_bash(secret: str, does: str = 'printf %q "$1"', locale: str = "C.UTF-8") -> str:
    words = ("env", f"LC_ALL={locale}", "bash", "-c", does, "bash", secret)
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("secret", PASSPHRASES)
def test_a_passphrase_is_hidden_whatever_stands_before_its_blanks(secret: str) -> None:
    escaped = really_bash(secret)
    twice = (json.dumps(escaped)[1:-1], quote(escaped, safe=""), really_bash(escaped))
    for form in (escaped, secret.replace(" ", "\\ "), shlex.quote(secret), *twice):
        shown = knowing(secret).clean(f"KEY={form} and more")
        assert shown.replace("'", "") == "KEY=[secret0 hidden] and more"


@pytest.mark.parametrize("before", ["KEY=", "x", "postgres://app:", "~", "'"])
@pytest.mark.parametrize("secret", PASSPHRASES)
def test_a_passphrase_is_hidden_wherever_it_stands_in_a_word_of_bash(
    secret: str, before: str
) -> None:
    shown = knowing(secret).clean(f"{really_bash(before + secret)} and more")
    assert shown.endswith("[secret0 hidden] and more")
    assert len(shown) <= len(before) + len("\\[secret0 hidden] and more")


AGAIN: dict[str, Callable[[str], str]] = {
    "JSON": lambda s: json.dumps(s, ensure_ascii=False)[1:-1],
    "JSON by Go": lambda s: go(s)[1:-1],
    "JSON by PHP": lambda s: json.dumps(s).replace("/", "\\/")[1:-1],
    "Python": lambda s: repr(s)[1:-1],
    "HTML": html.escape,
    "an address": lambda s: quote(s, safe=""),
    "a form": quote_plus,
    "encodeURIComponent": lambda s: quote(s, safe="!'()*"),
    "encodeURI": lambda s: quote(s, safe=";/?:@&=+$,#!'()*"),
    "a password in Node's URL, in small letters": lambda s: re.sub(
        "%..", lambda found: found[0].lower(), quote(s, safe="+!$&'()*,")
    ),
    "a Compose file": lambda s: s.replace("$", "$$"),
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 with more": lambda s: base64.b64encode(f"user:{s}@h".encode()).decode(),
    "base64 for addresses": lambda s: base64.urlsafe_b64encode(f"u:{s}".encode()).decode(),
    "hexadecimal": lambda s: s.encode().hex(),
    "bash": really_bash,
    "bash, within a word": lambda s: really_bash(f"x{s}"),
    "bash, set -x": lambda s: really_bash(s, 'exec 2>&1; set -x; : login "$1"'),
    "bash, @Q": lambda s: really_bash(s, 'echo "${1@Q}"'),
    "bash, declare -p": lambda s: really_bash(s, "X=$1; declare -p X"),
    "Python's shlex": shlex.quote,
}


@pytest.mark.parametrize("again", AGAIN)
@pytest.mark.parametrize(
    "secret", [*PASSPHRASES, "tab\there & space", "caf\u00e9 au lait & th\u00e9", PASSWORD, HARD]
)
def test_what_bash_escaped_is_hidden_in_another_encoding_too(secret: str, again: str) -> None:
    for locale in ("C", "C.UTF-8"):
        for before in ("", "KEY="):
            escaped = really_bash(before + secret, locale=locale)
            shown = knowing(secret).clean(f"x {AGAIN[again](escaped)} y")
            assert shown.count("[secret0 hidden]") == 1
            around = shown.replace("[secret0 hidden]", "")
            assert len(around) <= len("+ : login declare -- X= user: @h") + 4 * len("$'KEY='")


@settings(deadline=None, max_examples=60)
@given(
    rest=st.text(f"{FIRM} ", min_size=6, max_size=30),
    again=st.sampled_from(["JSON", "JSON by Go", "an address", "encodeURI", "HTML", "bash"]),
    data=st.data(),
)
def test_no_break_of_its_output_shows_what_bash_escaped_and_another_again(
    rest: str, again: str, data: st.DataObject
) -> None:
    secret = f"tok1{rest}".strip()
    form = bash(secret) if again == "bash" else AGAIN[again](bash(secret))
    no_break_shows(secret, form, data)


@given(
    st.lists(st.sampled_from(["\\", " ", "\t", "\n", "a", "%5C", "%20", "+", "'\\''", "| ", "b c"]))
)
def test_text_with_escaped_blanks_and_no_secret_stays_as_it_is(parts: list[str]) -> None:
    text = "".join(parts)
    redactor = knowing("correct horse battery staple")
    assert redactor.hide(text) == text
    stream = Stream(redactor)
    assert stream.feed(text.encode()) + stream.end() == text


PIECES = (
    *("\\", "\\u", "\\U", "\\x", "{", "}", "&", "&#", "&#x", ";", "%", "$", "7f", "41", "1b"),
    *("d800", "dc00", "110000", "9", "8", "\n", " ", PASSWORD),
)
EACH = pytest.mark.parametrize("way", WAYS)


@EACH
@pytest.mark.parametrize("secret", [PASSWORD, HARD])
def test_a_secret_is_hidden_whatever_an_encoder_escapes_of_it(way: str, secret: str) -> None:
    for before, behind in (("x ", " y"), ("KEY=", "\n"), ('{"a":"', '"}'), ("://app:", "@db/x")):
        shown = knowing(secret).clean(before + WAYS[way](secret) + behind)
        assert shown.count("[secret0 hidden]") == 1
        left = shown.replace("[secret0 hidden]", "")
        assert left.startswith(before)
        assert left.endswith(behind)
        around = len(WAYS[way]("")) + len("$''")
        assert len(left) <= len(before + behind) + around, (
            "what stands around it, and no part of it"
        )


@EACH
@settings(deadline=None, max_examples=50)
@given(secret=st.text(FIRM, min_size=8, max_size=40))
def test_no_secret_of_any_characters_is_left_by_any_encoder(way: str, secret: str) -> None:
    redactor = knowing(secret)
    text = f"KEY={WAYS[way](secret)} and more"
    assert "[secret0 hidden]" in redactor.clean(text)
    assert redactor.is_in({"a": [text]})


@EACH
@settings(deadline=None, max_examples=30)
@given(rest=st.text(FIRM, min_size=6, max_size=30), data=st.data())
def test_no_break_of_its_output_shows_an_escaped_secret(
    way: str, rest: str, data: st.DataObject
) -> None:
    secret = f"tok1{rest}"
    form = WAYS[way](secret)
    no_break_shows(secret, form, data)


def no_break_shows(secret: str, form: str, data: st.DataObject) -> None:
    """Wherever its output is broken behind a secret's first characters, all of it is hidden."""
    stream = Stream(knowing(secret), longest=1)
    cut = data.draw(st.integers(form.index("tok1") + 4, len(form.encode())))
    shown = "".join(stream.feed(piece) for piece in pieces(f"KEY={form}\nnext\n".encode(), cut))
    shown += stream.end()
    assert "[secret0 hidden]" in shown
    assert shown.endswith("\nnext\n")


def pieces(data: bytes, cut: int) -> list[bytes]:
    return [data[: cut + 4], *(data[at : at + 1] for at in range(cut + 4, len(data)))]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(PIECES)))
def test_no_text_of_a_step_stops_the_hiding(parts: list[str]) -> None:
    text = "".join(parts)
    redactor = knowing(PASSWORD)
    assert PASSWORD not in redactor.clean(text)
    stream = Stream(redactor)
    assert PASSWORD not in stream.feed(text.encode()) + stream.end()


@pytest.mark.parametrize("text", ["\\u{1b}[0m", "\\u{41}", "\\u{7f}", "\\u{110000}", "\\u{}"])
def test_an_escape_by_number_stays_as_it_is(text: str) -> None:
    assert knowing(PASSWORD).hide(text) == text


def test_an_escape_at_a_lines_end_keeps_no_line_waiting() -> None:
    stream = Stream(knowing(PASSWORD))
    for line in ("45%\n", "a \\\n", "it's '\n", "a & b &\n", "100%2\n", "C:\\u00\n"):
        assert stream.feed(line.encode()) == line


def test_text_with_escapes_and_no_secret_stays_as_it_is() -> None:
    text = json.dumps({"a": "x\n\"y\" 100% \u00e9 '' $$ &amp; %zz \\u12"}) * 3
    assert knowing(HARD).hide(text) == text


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["\\", "%5C"])
def test_a_long_run_of_escapes_ends_in_no_long_wait(piece: str) -> None:
    redactor = knowing("first of & words")
    text = piece * 100_000 + "\n"
    assert redactor.hide(text) == text
    assert "hidden" in redactor.hide(piece * 100_000 + "first\\ of\\ \\&\\ words")


@pytest.mark.parametrize("word", ['O\'Brien "pass" w0rd', 'quo"ted-w0rd'])
def test_a_passphrase_is_hidden_where_its_quotes_are_doubled_as_in_csv(word: str) -> None:
    file = io.StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL).writerow(["app", word])
    assert knowing(word).hide(file.getvalue()) == '"app","[secret0 hidden]"\r\n'
