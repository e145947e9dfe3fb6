"""A portal that offers a secure network: its settings and its server's certificate."""

from __future__ import annotations

from datetime import UTC, datetime

from foundation.certificate_store import CertificateStore
from foundation.settings import Settings

NETWORK = "Coventry Secure"
SERVER = "radius.wifi.example.org"


def offering(settings: Settings) -> Settings:
    """The settings with the network's name; a private authority and its server's certificate are made."""
    CertificateStore(settings.certificates_directory).create([SERVER], "Coventry", datetime.now(UTC))
    portal = settings.portal.model_copy(update={"secure_network_name": NETWORK})
    return settings.model_copy(update={"portal": portal})
