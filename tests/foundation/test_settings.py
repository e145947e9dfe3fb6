from __future__ import annotations

from pathlib import Path

import pytest

from foundation.settings import SettingsError, load_settings


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_any_setting_everything_listens_on_loopback_and_lies_in_var() -> None:
    settings = load_settings()
    assert {settings.portal.host, settings.radius.host, settings.monitoring.host} == {"127.0.0.1"}
    assert settings.resolved_database_url.endswith("/var/citywifi.sqlite3")
    assert not settings.demo


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("citywifi.toml").write_text("[portal]\nport = 9000\npublic_url = 'https://wifi.example'\n")
    monkeypatch.setenv("CITYWIFI_PORTAL__PORT", "9001")
    portal = load_settings().portal
    assert (portal.port, portal.public_url) == (9001, "https://wifi.example")


def test_a_wrong_value_is_named_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYWIFI_RADIUS__ACCOUNTING_PORT", "99999")
    with pytest.raises(SettingsError, match=r"radius\.accounting_port") as refusal:
        load_settings()
    assert "99999" not in str(refusal.value)


def test_a_misspelt_setting_is_refused() -> None:
    Path("citywifi.toml").write_text("[portal]\nprot = 9000\n")
    with pytest.raises(SettingsError, match=r"portal\.prot"):
        load_settings()


def test_a_file_that_is_not_toml_is_refused_by_name() -> None:
    Path("citywifi.toml").write_text("portal: yaml\n")
    with pytest.raises(SettingsError, match=r"citywifi\.toml"):
        load_settings()


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYWIFI_DATABASE_URL", "postgresql://wifi:hunter2@db/wifi")
    monkeypatch.setenv("CITYWIFI_MAIL__PASSWORD", "hunter2")
    assert "hunter2" not in repr(load_settings())


@pytest.mark.parametrize("network", ["10.0.0.0/8", "127.10.0.0/30", "library"])
def test_the_demos_gateways_stay_on_this_machine(monkeypatch: pytest.MonkeyPatch, network: str) -> None:
    monkeypatch.setenv("CITYWIFI_DEMO_NETWORK", network)
    with pytest.raises(SettingsError, match="demo_network"):
        load_settings()
