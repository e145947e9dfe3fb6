from __future__ import annotations

from pathlib import Path

import pytest

from citywifi.demo_settings import use_demo, use_running_demo
from citywifi.errors import CommandError


@pytest.fixture(autouse=True)
def _an_installation_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("CITYWIFI_DEMO", "CITYWIFI_DATA_DIRECTORY", "CITYWIFI_PORTAL__SECURE_NETWORK_NAME"):
        # Set first, so that what the demo sets is undone after the test.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_the_demo_lies_beside_the_installations_data_and_never_in_it(tmp_path: Path) -> None:
    settings = use_demo()
    assert settings.demo
    assert settings.data_directory == tmp_path / "var" / "demo"
    assert use_demo() == settings


def test_the_demo_offers_a_secure_network_whose_name_can_be_another(monkeypatch: pytest.MonkeyPatch) -> None:
    assert use_demo().portal.secure_network_name
    monkeypatch.delenv("CITYWIFI_DEMO")
    monkeypatch.setenv("CITYWIFI_PORTAL__SECURE_NETWORK_NAME", "another")
    assert use_demo().portal.secure_network_name == "another"


def test_the_demo_does_not_touch_a_database_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYWIFI_DATABASE_URL", "postgresql://wifi@db/wifi")
    with pytest.raises(CommandError, match="CITYWIFI_DATABASE_URL"):
        use_demo()


def test_a_command_for_the_running_demo_says_how_to_start_one() -> None:
    with pytest.raises(CommandError, match="citywifi serve --demo"):
        use_running_demo()
