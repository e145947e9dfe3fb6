"""How long the certificates are still good, as a metric: an expired one locks everybody out of encrypted WiFi."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from foundation.certificate_store import CertificateStore
from foundation.certificates import CertificateError, read_certificate
from foundation.settings import Settings
from radius import metrics

SAMPLE_SECONDS: Final = 60.0


async def keep_sampled(settings: Settings) -> None:
    """Sample for ever."""
    while True:
        sample(settings, datetime.now(UTC))
        await asyncio.sleep(SAMPLE_SECONDS)


def sample(settings: Settings, now: datetime) -> None:
    """Set the gauge of each certificate that there is; one that cannot be read is as good as expired."""
    for name, file in _files(settings).items():
        if not file.exists():
            continue
        try:
            seconds = read_certificate(file.read_bytes()).seconds_left(now)
        except (OSError, CertificateError):
            seconds = 0.0
        metrics.certificate_expiry_seconds.labels(name).set(seconds)


def _files(settings: Settings) -> dict[str, Path]:
    store = CertificateStore(settings.certificates_directory)
    files = {
        "eap": settings.eap.certificate_file or store.server_file,
        "client_authority": settings.eap.client_ca_file or store.authority_file,
    }
    if settings.radsec.enabled:
        files["radsec"] = settings.radsec.certificate_file or store.server_file
    return files
