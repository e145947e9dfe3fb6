from __future__ import annotations

from pathlib import Path

import pytest

from foundation.settings import load_settings

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"


def test_the_example_settings_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYWIFI_SETTINGS_FILE", str(DEPLOY / "citywifi.example.toml"))
    settings = load_settings()
    assert settings.portal.public_url == "https://wifi.example.gov.uk"
    assert settings.data_directory == Path("/var/lib/citywifi")


def test_prometheus_scrapes_where_the_metrics_are() -> None:
    monitoring = load_settings().monitoring
    assert f"{monitoring.metrics_host}:{monitoring.metrics_port}" in (DEPLOY / "prometheus.yml").read_text()
