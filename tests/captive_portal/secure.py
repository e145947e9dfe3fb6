"""A portal that offers a secure network: its settings and its server's certificate."""

from __future__ import annotations

from datetime import UTC, datetime

from foundation.certificates import Authority, make_authority
from foundation.settings import Settings

NETWORK = "Coventry Secure"
SERVER = "radius.wifi.example.org"


def offering(settings: Settings) -> Settings:
    """The settings with the network's name; a private authority and its server's certificate are made."""
    folder, now = settings.certificates_directory, datetime.now(UTC)
    folder.mkdir(parents=True)
    authority = make_authority("Coventry WiFi", "Coventry", now)
    (folder / "ca.pem").write_bytes(authority.certificate)
    (folder / "server.pem").write_bytes(Authority(authority).issue_server([SERVER], now).certificate)
    portal = settings.portal.model_copy(update={"secure_network_name": NETWORK})
    return settings.model_copy(update={"portal": portal})
