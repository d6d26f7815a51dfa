from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cockpit.runbook.literals import is_secret_key, secret_in
from cockpit.runbook.scalars import core, duration, duration_text, offset, offset_text, share, size


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("12:30", "12:30"),
        ("12", 12),
        ("-7", -7),
        ("+7", 7),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.", 1.0),
        ("2026-11-23", "2026-11-23"),
        ("9" * 19, "9" * 19),
    ],
)
def test_plain_text_means_what_the_core_schema_says(text: str, value: object) -> None:
    read = core(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("90s", 90), ("15m", 900), ("48h", 172_800), ("7d", 604_800), ("1h30m", 5400)],
)
def test_a_duration_is_seconds(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "90", "s", "1.5h", "-5m", "5 m", "5M", "30m1h", "1h1h", "5ms"]
)
def test_what_is_no_duration_is_none(text: str) -> None:
    assert duration(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("T-48h", -172_800), ("T-0", 0), ("T+15m", 900), ("T-90s", -90), ("T+7d", 604_800)],
)
def test_an_offset_counts_from_t0(text: str, seconds: float) -> None:
    assert offset(text) == seconds


@pytest.mark.parametrize("text", ["", "T", "T0", "T+0", "48h", "-48h", "t-48h", "T--5m", "T-5"])
def test_what_is_no_offset_is_none(text: str) -> None:
    assert offset(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("10%", 0.1), ("0.1", 0.1), ("100%", 1), ("1", 1), ("0", 0), ("99.9%", 0.999)],
)
def test_a_share_lies_between_none_and_all(text: str, value: float) -> None:
    assert share(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["101%", "1.1", "-1%", "%", "10 %", "ten"])
def test_what_is_no_share_is_none(text: str) -> None:
    assert share(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("100", 100), ("512MiB", 512 * 2**20), ("5GiB", 5 * 2**30), ("1.5KiB", 1536), ("1TiB", 2**40)],
)
def test_a_size_is_bytes(text: str, value: int) -> None:
    assert size(text) == value


@pytest.mark.parametrize("text", ["5GB", "5G", "-1", "1.5", "GiB"])
def test_what_is_no_size_is_none(text: str) -> None:
    assert size(text) is None


@given(st.integers(0, 400 * 86_400))
def test_a_duration_reads_back_as_it_is_said(seconds: int) -> None:
    assert duration(duration_text(seconds)) == float(seconds)


@given(st.integers(-400 * 86_400, 400 * 86_400))
def test_an_offset_reads_back_as_it_is_said(seconds: int) -> None:
    assert offset(offset_text(seconds)) == float(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "/var/lib/postgresql/15/main/base/pgsql_tmp",
        "https://example.com/a/long/path?with=a&query=string",
        f"ghcr.io/freshtrack/backend@sha256:{'9f86d081' * 8}",
        "The password stands in its file; ask Ana.",
        "SELECT count(*) FROM information_schema.table_privileges",
        "freshtrack_production_object_storage_bucket_name",
        "--token-file /etc/cockpit/secrets/token",
        'curl --header "Authorization: Bearer $(cat "$TOKEN_FILE")"',
        "password=$PASSWORD",
    ],
)
def test_ordinary_text_is_not_taken_for_a_secret(text: str) -> None:
    assert secret_in(text) == ""


@pytest.mark.parametrize("key", ["PGPASSWORD", "API_KEY", "db_password", "token", "CLIENT_SECRET"])
def test_a_variable_that_would_hold_a_secret_is_known_by_its_name(key: str) -> None:
    assert is_secret_key(key)


@pytest.mark.parametrize("key", ["DNS_TOKEN_FILE", "JOBS_ENABLED", "PASSWORD_MIN_LENGTH", "monkey"])
def test_a_variable_that_holds_none_is_left_alone(key: str) -> None:
    assert not is_secret_key(key)
