from __future__ import annotations

import pytest

from captive_portal.security import headers, is_own_form
from foundation.settings import PortalSettings

SETTINGS = PortalSettings(public_url="https://wifi.example")


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
    assert is_own_form(request_headers, SETTINGS)


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
    assert not is_own_form(request_headers, SETTINGS)


def test_strict_transport_security_is_for_https_only() -> None:
    assert "Strict-Transport-Security" in headers(SETTINGS, "'sha256-x'", None)
    assert "Strict-Transport-Security" not in headers(PortalSettings(), "'sha256-x'", None)


def test_a_form_may_lead_to_the_journeys_gateway_and_nowhere_else() -> None:
    policy = headers(SETTINGS, "'sha256-x'", "http://10.1.0.1:3990")["Content-Security-Policy"]
    assert "form-action 'self' http://10.1.0.1:3990;" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
