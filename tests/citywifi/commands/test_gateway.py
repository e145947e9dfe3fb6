"""``citywifi gateway explain`` and ``citywifi nas configuration``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from typer.testing import CliRunner

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.coovachilli import seal
from citywifi.cli import app
from foundation.schema import audit_events, councils, network_access_servers, terms_versions
from tests.citywifi.commands.conftest import CommandLine

PORTAL = "https://wifi.example"
PORTAL_SECRET = "the portal's very own one"
DEVICE = "02-00-5E-00-53-01"


@pytest.fixture(autouse=True)
def portal_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYWIFI_PORTAL__PUBLIC_URL", PORTAL)


@pytest.fixture
def library(command_line: CommandLine) -> CommandLine:
    """With one CoovaChilli."""
    command_line.run(
        "nas", "add", "10.1.0.1", "--vendor", "coovachilli", "--name", "Library", "--identifier", "central",
        "--login-url", "http://10.1.0.1:3990", "--portal-secret-stdin", "--disconnect-host", "10.1.0.1",
        typed=f"{PORTAL_SECRET}\n",
    )  # fmt: skip
    return command_line


def redirect(**changed: str) -> str:
    parameters = {
        "res": "notyet", "uamip": "10.1.0.1", "uamport": "3990", "challenge": "00" * 16, "mac": DEVICE,
        "nasid": "central", **changed,
    }  # fmt: skip
    url = f"{PORTAL}/arrive/coovachilli?{urlencode(parameters)}"
    return f"{url}&md={seal(url, PORTAL_SECRET.encode())}"


def test_a_redirect_is_explained_in_words(library: CommandLine) -> None:
    told = library.run("gateway", "explain", redirect())
    assert "Equipment: CoovaChilli (coovachilli)" in told
    assert "Gateway: Library" in told
    assert "It says: captive" in told
    assert "1. The portal keeps what the gateway handed over" in told
    assert DEVICE not in told
    assert PORTAL_SECRET not in told


def test_a_redirect_can_come_through_a_pipe_and_go_to_a_program(library: CommandLine) -> None:
    told = json.loads(library.run("gateway", "explain", "-", "--json", typed=f"{redirect()}\n"))
    assert (told["driver"], told["gateway"], told["problem"]) == ("coovachilli", "Library", None)
    assert told["parameters"][0] == {
        "name": "res",
        "meaning": DRIVERS["coovachilli"].meanings["res"],
        "value": "notyet",
    }


def test_what_is_wrong_is_told_with_exit_status_1(library: CommandLine) -> None:
    answer = CliRunner().invoke(app, ["gateway", "explain", redirect(nasid="elsewhere")])
    assert answer.exit_code == 1
    assert "What is wrong: No gateway that is entered here" in answer.output
    assert "Entered for coovachilli: Library (central)." in answer.output


def test_explaining_changes_nothing(library: CommandLine) -> None:
    before = library.rows(audit_events), library.rows(network_access_servers)
    library.run("gateway", "explain", redirect())
    assert (library.rows(audit_events), library.rows(network_access_servers)) == before


def test_the_configuration_of_a_gateway_is_ready_to_paste(library: CommandLine) -> None:
    told = library.run("nas", "configuration", "Library", "--radius-host", "radius.example")
    assert "Library: CoovaChilli (coovachilli)" in told
    assert f"HS_UAMFORMAT='{PORTAL}/arrive/coovachilli'" in told
    assert "HS_RADIUS='radius.example'" in told
    assert "HS_RADSECRET='SECRET'" in told
    assert PORTAL_SECRET not in told


def test_the_configuration_says_what_dhcp_must_give(library: CommandLine) -> None:
    assert "DHCP option 114 (RFC 8910): leave it out" in library.run("nas", "configuration", "10.1.0.1")
    with library.engine.begin() as connection:
        connection.execute(network_access_servers.update().values(arrival_key="k" * 22))
    told = json.loads(library.run("nas", "configuration", "Library", "--json"))
    assert told["captive_portal_option"] == f"{PORTAL}/api/capport/{'k' * 22}/%{{m}}"
    assert told["arrival_url"] == f"{PORTAL}/arrive/coovachilli/{'k' * 22}"


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_kind_of_gateway_has_a_configuration_without_secrets(command_line: CommandLine, driver: str) -> None:
    add_gateway(command_line, driver)
    told = command_line.run("nas", "configuration", driver)
    assert told.startswith(f"{driver}: {DRIVERS[driver].title}")
    assert "== " in told
    assert PORTAL_SECRET not in told


def add_gateway(command_line: CommandLine, driver: str) -> None:
    keyring = command_line.keyring
    now = command_line.row(councils).created_at
    command_line.insert(
        network_access_servers, council_id=command_line.council_id, name=driver, network="10.1.0.0/24", vendor="other",
        gateway_driver=driver, nas_identifier="central", login_url="https://10.1.0.1:8043", arrival_key="k" * 22,
        secret_encrypted=keyring.encrypt("nas secret", b"a shared secret"), created_at=now, updated_at=now,
        portal_secret_encrypted=keyring.encrypt("portal secret", PORTAL_SECRET.encode()),
    )  # fmt: skip


def test_equipment_that_the_portal_has_no_driver_for_is_named(command_line: CommandLine) -> None:
    command_line.run("nas", "add", "10.1.0.2", "--vendor", "other", "--name", "Switch")
    refusal = command_line.refusal("nas", "configuration", "Switch")
    assert refusal.startswith("the captive portal has no driver 'other', which 'Switch' is entered with")


def test_a_phone_is_played_through_a_redirect(library: CommandLine) -> None:
    publish(library)
    told = library.run("gateway", "play", redirect())
    assert " 1. The phone follows the redirect to the portal. → Free WiFi" in told
    assert "The browser would now open http://10.1.0.1:3990/logon with username, response" in told
    assert "You are online" in told
    assert "play" not in " ".join(library.actions())
    steps = json.loads(library.run("gateway", "play", "-", "--json", typed=f"{redirect()}\n"))["steps"]
    assert steps[0]["page"] == "Free WiFi"


def test_a_play_that_gets_stuck_says_where(library: CommandLine) -> None:
    answer = CliRunner().invoke(app, ["gateway", "play", redirect(nasid="other")])
    assert answer.exit_code == 1
    assert "What is wrong: No gateway that is entered here" in answer.output


def test_a_gateway_that_is_chosen_has_a_redirect_to_play(library: CommandLine) -> None:
    publish(library)
    redirected = library.run("gateway", "example", "Library")
    assert "You are online" in library.run("gateway", "play", "-", typed=redirected)
    library.run("nas", "add", "10.1.0.2", "--vendor", "other", "--name", "Hall")
    assert "understands 'Hall'" in library.refusal("gateway", "example", "Hall")


def publish(command_line: CommandLine) -> None:
    text = {"version": 1, "language": "en", "text": "# Be kind", "published_at": datetime.now(UTC)}
    command_line.insert(terms_versions, council_id=command_line.council_id, **text)
