from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from foundation.certificate_store import CertificateStore
from foundation.settings import Settings
from radius import metrics
from radius.certificate_expiry import sample

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1).total_seconds()


def seconds_left(name: str) -> float:
    return float(metrics.certificate_expiry_seconds.labels(name)._value.get())


def test_the_time_that_certificates_are_still_good_is_a_metric(tmp_path: Path) -> None:
    settings = Settings(data_directory=tmp_path)
    CertificateStore(settings.certificates_directory).create(["radius.example.org"], "", NOW)
    sample(settings, NOW)
    assert seconds_left("eap") == 730 * DAY
    assert seconds_left("client_authority") == 3650 * DAY
    sample(settings, NOW + timedelta(days=731))
    assert seconds_left("eap") == -DAY


def test_a_certificate_that_cannot_be_read_counts_as_expired(tmp_path: Path) -> None:
    settings = Settings(data_directory=tmp_path)
    store = CertificateStore(settings.certificates_directory)
    store.create(["radius.example.org"], "", NOW)
    store.server_file.write_text("not a certificate")
    sample(settings, NOW)
    assert seconds_left("eap") == 0


def test_an_installation_without_certificates_samples_none(tmp_path: Path) -> None:
    metrics.certificate_expiry_seconds.clear()
    sample(Settings(data_directory=tmp_path), NOW)
    (metric,) = metrics.certificate_expiry_seconds.collect()
    assert metric.samples == []
