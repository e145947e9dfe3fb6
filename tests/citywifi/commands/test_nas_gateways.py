"""``citywifi nas`` for gateways that the captive portal understands, with RADIUS or without."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from captive_portal.gateways import DRIVERS
from citywifi.cli import app
from foundation.database import Database
from foundation.schema import journeys, network_access_servers, venues
from radius import metrics
from radius.nas import NasDirectory
from tests.citywifi.commands.conftest import CommandLine

FINGERPRINT = ":".join(["AB"] * 32)
UNIFI = (
    "nas", "add", "--driver", "unifi", "--name", "Schools", "--identifier", "default",
    "--login-url", "https://192.0.2.9:8443", "--portal-secret-stdin",
)  # fmt: skip


@pytest.fixture(autouse=True)
def venue(command_line: CommandLine) -> None:
    now = datetime.now(UTC)
    command_line.insert(
        venues, council_id=command_line.council_id, source="libraries", reference="17", name="Library", created_at=now,
        updated_at=now,
    )  # fmt: skip


def add_unifi(command_line: CommandLine, *more: str) -> str:
    return command_line.run(*UNIFI, *more, typed="short\n")


def test_a_gateway_without_radius_gets_an_arrival_address_of_its_own(command_line: CommandLine) -> None:
    told = add_unifi(command_line)
    found = re.search(r"where it sends browsers: \S+/arrive/unifi/([A-Za-z0-9_-]{22})\n", told)
    assert found is not None
    assert "citywifi nas configuration Schools" in told
    assert "shown only now" not in told
    row = command_line.row(network_access_servers)
    assert (row.network, row.vendor, row.gateway_driver) == (None, "unifi", "unifi")
    assert row.arrival_key == found[1]
    assert command_line.keyring.decrypt("portal secret", row.portal_secret_encrypted) == b"short"


def test_options_are_stored_as_the_driver_knows_them(command_line: CommandLine) -> None:
    given = ("api=unifi-os", "user_name=portal", f"certificate_sha256={FINGERPRINT}")
    add_unifi(command_line, *(word for text in given for word in ("--option", text)))
    row = command_line.row(network_access_servers)
    assert json.loads(row.gateway_options) == {
        "api": "unifi-os",
        "user_name": "portal",
        "certificate_sha256": "ab" * 32,
    }


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ("colour=blue", "it has api, user_name, certificate_sha256"),
        ("api", "write it like NAME=VALUE"),
        ("api=soap", "classic or unifi-os or integration"),
        ("certificate_sha256=abc", "64 hexadecimal digits"),
        ("user_name=" + 401 * "x", "at most 400"),
    ],
    ids=["unknown", "no value", "no choice", "no fingerprint", "too long"],
)
def test_an_option_that_the_driver_would_not_understand_is_refused(
    command_line: CommandLine, option: str, why: str
) -> None:
    told = command_line.refusal(*UNIFI, "--option", option, typed="short\n")
    assert why in told


def test_what_the_driver_needs_must_be_given(command_line: CommandLine) -> None:
    omada = ("nas", "add", "--driver", "omada", "--login-url", "https://192.0.2.9:8043")
    assert "--option controller_id=" in command_line.refusal(*omada, "--option", "user_name=portal")


def test_a_controller_must_have_an_address_and_not_in_clear(command_line: CommandLine) -> None:
    assert "--login-url" in command_line.refusal("nas", "add", "--driver", "unifi")
    told = command_line.refusal("nas", "add", "--driver", "unifi", "--login-url", "http://192.0.2.9:8080")
    assert "in clear" in told


@pytest.mark.parametrize(
    "arguments",
    [("--driver", "netgear"), ("192.0.2.1", "--vendor", "other", "--option", "a=b"), (), ("192.0.2.1",)],
    ids=["unknown driver", "options without a driver", "nothing", "neither vendor nor driver"],
)
def test_what_is_no_gateway_is_not_added(command_line: CommandLine, arguments: tuple[str, ...]) -> None:
    assert command_line.refusal("nas", "add", *arguments)


def test_a_vendor_without_network_or_driver_says_what_is_missing(command_line: CommandLine) -> None:
    assert "--driver" in command_line.refusal("nas", "add", "--vendor", "unifi")


def test_radius_and_an_arrival_address_go_together(command_line: CommandLine) -> None:
    told = command_line.run("nas", "add", "192.0.2.1", "--driver", "mikrotik", "--login-url", "http://10.1.0.1")
    assert "shown only now" in told
    assert "/arrive/mikrotik/" in told
    assert command_line.row(network_access_servers).vendor == "mikrotik"


def test_the_list_shows_them_with_their_address(command_line: CommandLine) -> None:
    add_unifi(command_line, "--option", "api=integration")
    told = command_line.run("nas", "list")
    assert "portal" in told
    assert "removed" not in told
    [row] = json.loads(command_line.run("nas", "list", "--json"))
    assert (row["gateway_driver"], row["gateway_options"]) == ("unifi", {"api": "integration"})
    assert row["arrival_url"].endswith(command_line.row(network_access_servers).arrival_key)
    assert "arrival_key" not in row


def test_options_are_changed_one_by_one_and_taken_away_by_an_empty_value(command_line: CommandLine) -> None:
    add_unifi(command_line, "--option", "api=unifi-os", "--option", "user_name=portal")
    key = command_line.row(network_access_servers).arrival_key
    told = command_line.run("nas", "change", "Schools", "--option", "api=integration", "--option", "user_name=")
    row = command_line.row(network_access_servers)
    assert json.loads(row.gateway_options) == {"api": "integration"}
    assert row.arrival_key == key
    assert key in told


def test_an_arrival_address_that_became_known_is_replaced(command_line: CommandLine) -> None:
    add_unifi(command_line)
    key = command_line.row(network_access_servers).arrival_key
    command_line.run("nas", "change", "Schools", "--new-arrival-address")
    assert command_line.row(network_access_servers).arrival_key != key


def test_another_driver_does_not_inherit_options(command_line: CommandLine) -> None:
    add_unifi(command_line, "--option", "api=unifi-os")
    command_line.run(
        "nas",
        "change",
        "Schools",
        "--driver",
        "omada",
        "--option",
        "controller_id=9ba1",
        "--option",
        "user_name=portal",
    )
    row = command_line.row(network_access_servers)
    assert json.loads(row.gateway_options) == {"controller_id": "9ba1", "user_name": "portal"}


def test_equipment_of_before_gets_a_driver_by_a_change(command_line: CommandLine) -> None:
    command_line.run("nas", "add", "192.0.2.1", "--vendor", "cisco", "--name", "Depot")
    assert command_line.row(network_access_servers).arrival_key is None
    told = command_line.run("nas", "change", "Depot", "--driver", "cisco")
    assert f"/arrive/cisco/{command_line.row(network_access_servers).arrival_key}" in told


def test_a_changed_password_of_a_controller_may_be_any(command_line: CommandLine) -> None:
    add_unifi(command_line)
    command_line.run("nas", "change", "Schools", "--portal-secret-stdin", typed="pw\n")
    row = command_line.row(network_access_servers)
    assert command_line.keyring.decrypt("portal secret", row.portal_secret_encrypted) == b"pw"


def test_a_removed_one_sends_nobody_any_more(command_line: CommandLine) -> None:
    add_unifi(command_line)
    row = command_line.row(network_access_servers)
    now = datetime.now(UTC)
    command_line.insert(
        journeys, council_id=row.council_id, path_pseudonym=b"p" * 16, nas_id=row.id, mac_pseudonym=b"m" * 16,
        state="choose", language="en", details_encrypted=b"", created_at=now, updated_at=now, expires_at=now,
    )  # fmt: skip
    command_line.run("nas", "remove", "Schools")
    row = command_line.row(network_access_servers)
    assert (row.arrival_key, row.gateway_options, row.login_url) == (None, None, None)
    assert "removed before" in command_line.refusal("nas", "remove", row.name)
    assert "removed" in command_line.run("nas", "list")


def test_the_doctor_has_nothing_to_say_of_a_gateway_without_network(command_line: CommandLine) -> None:
    add_unifi(command_line, "--venue", "17")
    told = CliRunner().invoke(app, ["doctor"]).output
    assert "Terms" in told or "terms" in told
    assert "Schools" not in told


def test_radius_passes_over_a_gateway_without_network(command_line: CommandLine) -> None:
    add_unifi(command_line)

    async def read() -> tuple[int, float]:
        database = Database(f"sqlite:///{command_line.folder / 'citywifi.sqlite3'}")
        try:
            directory = NasDirectory(database, command_line.keyring)
            await directory.refresh()
            return directory.table.server_count, metrics.unusable_network_access_servers._value.get()
        finally:
            await database.close()

    assert asyncio.run(read()) == (0, 0)


@pytest.mark.parametrize("driver", sorted(name for name, driver in DRIVERS.items() if hasattr(driver, "call")))
def test_each_whose_controller_is_called_can_be_added_and_configured(command_line: CommandLine, driver: str) -> None:
    options = [
        word
        for option in DRIVERS[driver].options
        if option.is_required
        for word in ("--option", f"{option.name}={option.choices[0] if option.choices else '1'}")
    ]
    command_line.run(
        "nas", "add", "192.0.2.1", "--driver", driver, "--name", "one", "--login-url", "https://192.0.2.1", *options
    )
    assert "where it sends browsers" in command_line.run("nas", "configuration", "one").lower()
