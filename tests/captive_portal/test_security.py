from __future__ import annotations

from captive_portal.security import headers
from foundation.settings import PortalSettings

SETTINGS = PortalSettings(public_url="https://wifi.example")


def test_a_form_may_lead_to_the_journeys_gateway_and_nowhere_else() -> None:
    policy = headers(SETTINGS, "'sha256-x'", "http://10.1.0.1:3990")["Content-Security-Policy"]
    assert "form-action 'self' http://10.1.0.1:3990;" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
