from __future__ import annotations

import pytest

from foundation.security_headers import common_headers, is_own_form

PUBLIC_URL = "https://wifi.example"


@pytest.mark.parametrize(
    "request_headers",
    [
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        {"Origin": "https://wifi.example"},
        {"Origin": "null"},
        {},
    ],
)
def test_our_own_pages_may_send_forms(request_headers: dict[str, str]) -> None:
    assert is_own_form(request_headers, PUBLIC_URL)


@pytest.mark.parametrize(
    "request_headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://wifi.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://wifi.example"},
        {"Origin": "https://wifi.example.evil.example"},
    ],
)
def test_other_sites_may_not(request_headers: dict[str, str]) -> None:
    assert not is_own_form(request_headers, PUBLIC_URL)


def test_browsers_are_held_to_https_where_they_come_by_it() -> None:
    assert "Strict-Transport-Security" in common_headers(PUBLIC_URL)
    assert "Strict-Transport-Security" not in common_headers("http://127.0.0.1:8080")
