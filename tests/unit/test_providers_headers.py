from __future__ import annotations

import httpx
import pytest

from cockpit.propagation.providers.rest import _remaining, wait_s
from cockpit.timewords import lasting


@pytest.mark.parametrize("header", ["retry-after", "ratelimit-reset", "ratelimit-remaining"])
@pytest.mark.parametrize("digits", [30, 400, 5000])
def test_a_number_of_thousands_of_digits_is_read_as_a_great_one(header: str, digits: int) -> None:
    headers = httpx.Headers({header: "9" * digits})
    if header == "ratelimit-remaining":
        assert (_remaining(headers, None) or 0) > 1_000_000
    else:
        assert wait_s(headers) > 1_000_000
        assert lasting(wait_s(headers))


@pytest.mark.parametrize("key", ["r", "t"])
def test_so_is_one_within_the_newer_header(key: str) -> None:
    headers = httpx.Headers({"ratelimit": f'"default";{key}={"9" * 5000}'})
    assert max(_remaining(headers, 0) or 0, wait_s(headers)) > 1_000_000
