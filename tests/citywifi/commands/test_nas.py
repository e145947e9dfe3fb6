from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from foundation.schema import (
    access_points,
    accounting_sessions,
    authentications,
    councils,
    network_access_servers,
    venues,
)
from tests.citywifi.commands.conftest import CommandLine

NOW = datetime.now(UTC)
SECRET = "a secret of this test alone"
PORTAL_SECRET = "the portal's very own one"


def secret_in(told: str) -> bytes:
    return told.rsplit("shown only now: ", 1)[1].strip().encode()


def add(command_line: CommandLine, *arguments: str, typed: str = "") -> str:
    return command_line.run("nas", "add", *arguments, typed=typed)


def add_venue(command_line: CommandLine, reference: str, source: str = "libraries") -> int:
    return command_line.insert(
        venues, council_id=command_line.council_id, source=source, reference=reference, name=f"Library {reference}",
        created_at=NOW, updated_at=NOW,
    )  # fmt: skip


def add_session(command_line: CommandLine, nas_id: int, access_point_id: int | None = None) -> None:
    command_line.insert(
        accounting_sessions, council_id=command_line.council_id, session_key=b"k" * 16, nas_id=nas_id,
        access_point_id=access_point_id, acct_session_id="1", started_at=NOW, updated_at=NOW, received_at=NOW,
    )  # fmt: skip


def test_a_secret_is_made_and_shown_once(command_line: CommandLine) -> None:
    secret = secret_in(add(command_line, "192.0.2.0/24", "--vendor", "mikrotik", "--name", "Depot"))
    row = command_line.row(network_access_servers)
    assert (row.network, row.name, row.vendor) == ("192.0.2.0/24", "Depot", "mikrotik")
    assert (row.message_authenticator, row.unknown_devices) == ("require", "reject")
    assert command_line.keyring.decrypt("nas secret", row.secret_encrypted) == secret
    assert secret.decode() not in command_line.run("nas", "list") + command_line.run("nas", "list", "--json")


def test_all_that_equipment_has_can_be_entered(command_line: CommandLine) -> None:
    venue_id = add_venue(command_line, "17")
    told = add(
        command_line, "192.0.2.1", "--vendor", "coovachilli", "--name", "Leith", "--venue", "17",
        "--identifier", "leith", "--secret-stdin", "--portal-secret-stdin", "--login-url",
        "http://10.1.0.1:3990", "--disconnect-host", "192.0.2.1", "--message-authenticator", "auto", "--portal-url", "https://wifi.example.org",
        typed=f"{SECRET}\n{PORTAL_SECRET}\n",
    )  # fmt: skip
    assert SECRET not in told
    assert "shown only now" not in told
    row = command_line.row(network_access_servers)
    assert command_line.keyring.decrypt("nas secret", row.secret_encrypted) == SECRET.encode()
    assert command_line.keyring.decrypt("portal secret", row.portal_secret_encrypted) == PORTAL_SECRET.encode()
    assert (row.network, row.venue_id, row.nas_identifier) == ("192.0.2.1/32", venue_id, "leith")
    assert (row.login_url, row.portal_url) == ("http://10.1.0.1:3990", "https://wifi.example.org")
    assert (row.dynamic_authorization_host, row.dynamic_authorization_port) == ("192.0.2.1", 3799)
    assert row.message_authenticator == "auto"
    assert command_line.actions() == ["add nas"]


def test_radsec_equipment_is_known_by_its_certificate(command_line: CommandLine) -> None:
    told = add(command_line, "--vendor", "aruba", "--radsec-name", "AP1.example.org")
    assert "citywifi certificates equipment ap1.example.org" in told
    row = command_line.row(network_access_servers)
    assert (row.network, row.radsec_name, row.name) == (None, "ap1.example.org", "ap1.example.org")
    # RFC 6614 section 2.3
    assert command_line.keyring.decrypt("nas secret", row.secret_encrypted) == b"radsec"
    assert "certificate instead of a secret" in command_line.refusal("nas", "rotate", "ap1.example.org")


def test_an_unknown_device_can_be_shut_in(command_line: CommandLine) -> None:
    quarantine = ("--unknown-devices", "quarantine")
    refused = command_line.refusal("nas", "add", "192.0.2.1", "--vendor", "hostapd", *quarantine)
    assert "it needs a VLAN" in refused
    add(command_line, "192.0.2.1", "--vendor", "hostapd", *quarantine, "--quarantine-vlan", "30")
    row = command_line.row(network_access_servers)
    assert (row.unknown_devices, row.quarantine_vlan) == ("quarantine", 30)


def test_networks_may_overlap_but_not_be_the_same(command_line: CommandLine) -> None:
    add(command_line, "192.0.2.0/24", "--vendor", "cisco")
    add(command_line, "192.0.2.1", "--vendor", "cisco")
    assert "'192.0.2.0/24' already" in command_line.refusal("nas", "add", "192.0.2.0/24", "--vendor", "aruba")
    assert "the name" in command_line.refusal("nas", "add", "192.0.2.9", "--vendor", "aruba", "--name", "192.0.2.1")
    add(command_line, "--vendor", "cisco", "--radsec-name", "ap1.example.org")
    refused = command_line.refusal("nas", "add", "--vendor", "cisco", "--radsec-name", "AP1.example.org", "--name", "b")
    assert "RadSec name" in refused


@pytest.mark.parametrize(
    ("arguments", "typed", "reason"),
    [
        (("192.0.2.1", "--vendor", "acme"), "", "coovachilli, mikrotik"),
        (("--vendor", "cisco"), "", "--radsec-name"),
        (("192.0.2.1", "--vendor", "cisco", "--secret-stdin"), "testing123\n", "examples"),
        (("192.0.2.1", "--vendor", "cisco", "--secret-stdin"), "short\n", "5 octets"),
        (("192.0.2.1", "--vendor", "cisco", "--secret-stdin"), "", "nothing came"),
        (("--vendor", "cisco", "--radsec-name", "ap1.example.org", "--secret-stdin"), "", "leave out"),
        (("192.0.2.1", "--vendor", "cisco", "--venue", "17"), "", "there is no venue '17'"),
        (("192.0.2.1", "--vendor", "cisco", "--council", "E1"), "", "there is no council"),
    ],
)
def test_what_cannot_be_added_is_told(
    command_line: CommandLine, arguments: tuple[str, ...], typed: str, reason: str
) -> None:
    assert reason in command_line.refusal("nas", "add", *arguments, typed=typed)
    assert command_line.rows(network_access_servers) == []


def test_a_venue_that_two_registers_have_is_named_with_its_register(command_line: CommandLine) -> None:
    add_venue(command_line, "17")
    kiosk = add_venue(command_line, "17", "kiosks")
    refused = command_line.refusal("nas", "add", "192.0.2.1", "--vendor", "cisco", "--venue", "17")
    assert "kiosks, libraries" in refused
    add(command_line, "192.0.2.1", "--vendor", "cisco", "--venue", "kiosks:17")
    assert command_line.row(network_access_servers).venue_id == kiosk


def test_rotating_keeps_the_old_secret_for_a_while(command_line: CommandLine) -> None:
    add(command_line, "192.0.2.1", "--vendor", "cisco", "--secret-stdin", typed=f"{SECRET}\n")
    before = command_line.row(network_access_servers)
    new = secret_in(command_line.run("nas", "rotate", "192.0.2.1", "--keep-old-for", "2h"))
    row = command_line.row(network_access_servers)
    opened = [command_line.keyring.decrypt("nas secret", sealed) for sealed in
              (row.secret_encrypted, row.previous_secret_encrypted)]  # fmt: skip
    assert opened == [new, SECRET.encode()]
    assert timedelta(minutes=119) < row.previous_secret_until - datetime.now(UTC) <= timedelta(hours=2)
    assert row.updated_at > before.updated_at
    assert "old one until" in command_line.run("nas", "list")
    command_line.run("nas", "rotate", "192.0.2.1", "--keep-old-for", "0")
    row = command_line.row(network_access_servers)
    assert (row.previous_secret_encrypted, row.previous_secret_until) == (None, None)
    assert "old one until" not in command_line.run("nas", "list")


def test_the_same_secret_again_is_no_rotation(command_line: CommandLine) -> None:
    add(command_line, "192.0.2.1", "--vendor", "cisco", "--secret-stdin", typed=f"{SECRET}\n")
    assert "present secret" in command_line.refusal("nas", "rotate", "192.0.2.1", "--secret-stdin", typed=f"{SECRET}\n")


def test_a_change_is_later_than_any_before_whoevers_clock_it_was(command_line: CommandLine) -> None:
    add(command_line, "192.0.2.1", "--vendor", "cisco")
    ahead = datetime.now(UTC) + timedelta(hours=1)
    with command_line.engine.begin() as connection:
        connection.execute(update(network_access_servers).values(updated_at=ahead))
    command_line.run("nas", "change", "192.0.2.1", "--identifier", "x")
    assert command_line.row(network_access_servers).updated_at > ahead


def test_change_changes_what_is_given_and_takes_away_what_is_empty(command_line: CommandLine) -> None:
    add(
        command_line, "192.0.2.1", "--vendor", "coovachilli", "--login-url", "http://10.1.0.1:3990", "--identifier", "a"
    )
    command_line.run(
        "nas", "change", "192.0.2.1", "--name", "Depot", "--network", "192.0.2.0/24", "--login-url", "",
        "--disconnect-host", "192.0.2.1", "--portal-secret-stdin", typed=f"{PORTAL_SECRET}\n",
    )  # fmt: skip
    row = command_line.row(network_access_servers)
    assert (row.name, row.network, row.login_url, row.nas_identifier) == ("Depot", "192.0.2.0/24", None, "a")
    assert (row.dynamic_authorization_host, row.dynamic_authorization_port) == ("192.0.2.1", 3799)
    assert command_line.keyring.decrypt("portal secret", row.portal_secret_encrypted) == PORTAL_SECRET.encode()
    assert "nothing was given" in command_line.refusal("nas", "change", "Depot")
    assert "it needs" in command_line.refusal("nas", "change", "Depot", "--unknown-devices", "quarantine")
    assert "--radsec-name" in command_line.refusal("nas", "change", "Depot", "--network", "")
    assert "there is no network access server" in command_line.refusal("nas", "change", "Nowhere", "--name", "x")


def test_going_back_to_auto_learns_anew(command_line: CommandLine) -> None:
    add(command_line, "192.0.2.1", "--vendor", "cisco", "--message-authenticator", "auto")
    with command_line.engine.begin() as connection:
        connection.execute(update(network_access_servers).values(message_authenticator_seen_at=NOW))
    assert "required since" in command_line.run("nas", "list")
    command_line.run("nas", "change", "192.0.2.1", "--message-authenticator", "auto")
    assert "not yet seen" in command_line.run("nas", "list")


def test_equipment_that_was_never_heard_is_removed_for_good(command_line: CommandLine) -> None:
    add(command_line, "192.0.2.1", "--vendor", "cisco")
    command_line.run("nas", "access-point", "add", "192.0.2.1", "00-1A-2B-3C-4D-5E", "First floor")
    assert "nothing had been heard" in command_line.run("nas", "remove", "192.0.2.1")
    assert command_line.rows(network_access_servers) == []
    assert command_line.rows(access_points) == []
    assert command_line.actions()[-1] == "remove nas"


def test_equipment_with_a_history_is_retired_and_its_sessions_stay(command_line: CommandLine) -> None:
    add(
        command_line, "192.0.2.1", "--vendor", "coovachilli", "--name", "Leith", "--identifier", "leith", "--login-url",
        "http://10.1.0.1:3990", "--secret-stdin", "--portal-secret-stdin", typed=f"{SECRET}\n{PORTAL_SECRET}\n",
    )  # fmt: skip
    command_line.run("nas", "access-point", "add", "Leith", "00-1A-2B-3C-4D-5E", "First floor")
    nas, point = command_line.row(network_access_servers), command_line.row(access_points)
    add_session(command_line, nas.id, point.id)
    assert "history" in command_line.run("nas", "remove", "Leith")
    row = command_line.row(network_access_servers)
    assert row.name.startswith("Leith (removed ")
    assert (row.network, row.radsec_name, row.nas_identifier, row.login_url, row.portal_secret_encrypted) == (None,) * 5
    assert row.updated_at > nas.updated_at
    assert len(command_line.rows(accounting_sessions)) == 1
    assert "was removed before" in command_line.refusal("nas", "remove", row.name)
    # Network, name and access point are free for what comes in its place.
    add(command_line, "192.0.2.1", "--vendor", "aruba", "--name", "Leith")
    assert "moved" in command_line.run("nas", "access-point", "add", "Leith", "001a.2b3c.4d5e", "Ground floor")
    moved = command_line.row(access_points)
    assert (moved.id, moved.name, moved.nas_id) == (
        point.id,
        "Ground floor",
        command_line.rows(network_access_servers)[1].id,
    )


def test_list_tells_when_each_was_last_heard(command_line: CommandLine) -> None:
    for network in ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"):
        add(command_line, network, "--vendor", "cisco")
    point, log, session, _ = command_line.rows(network_access_servers)
    long_ago, just_now = NOW - timedelta(days=30), NOW - timedelta(minutes=1)
    common = {"council_id": command_line.council_id}
    command_line.insert(
        access_points, **common, nas_id=point.id, name="p", mac_address="001a2b3c4d5e", last_heard_at=long_ago,
        created_at=NOW,
    )  # fmt: skip
    command_line.insert(
        authentications, **common, nas_id=log.id, at=just_now, method="pap", accepted=True, reason="",
        user_pseudonym=b"", milliseconds=1.0,
    )  # fmt: skip
    add_session(command_line, session.id)
    listed = json.loads(command_line.run("nas", "list", "--json"))
    heard = [datetime.fromisoformat(one["last_heard_at"]) if one["last_heard_at"] else None for one in listed]
    assert heard == [long_ago, just_now, NOW, None]


def test_names_of_two_councils_are_told_apart(command_line: CommandLine) -> None:
    command_line.insert(councils, code="E08000029", name="Solihull", created_at=NOW)
    assert "--council" in command_line.refusal("nas", "add", "192.0.2.1", "--vendor", "cisco")
    add(command_line, "192.0.2.1", "--vendor", "cisco", "--name", "Depot", "--council", "E08000026")
    add(command_line, "192.0.2.2", "--vendor", "cisco", "--name", "Depot", "--council", "E08000029")
    assert "--council" in command_line.refusal("nas", "change", "Depot", "--identifier", "x")
    command_line.run("nas", "change", "Depot", "--identifier", "x", "--council", "E08000029")
    command_line.run("nas", "change", "192.0.2.1", "--identifier", "y")
    assert [row.nas_identifier for row in command_line.rows(network_access_servers)] == ["y", "x"]
    assert "192.0.2.2" not in command_line.run("nas", "list", "--council", "E08000026")


def test_access_points_are_added_listed_and_removed(command_line: CommandLine) -> None:
    venue_id = add_venue(command_line, "17")
    add(command_line, "192.0.2.1", "--vendor", "cisco")
    command_line.run("nas", "access-point", "add", "192.0.2.1", "00:1a:2b:3c:4d:5e", "First floor", "--venue", "17")
    point = command_line.row(access_points)
    assert (point.mac_address, point.venue_id) == ("001a2b3c4d5e", venue_id)
    (listed,) = json.loads(command_line.run("nas", "access-point", "list", "--json"))
    assert (listed["mac_address"], listed["venue"], listed["nas"]) == ("00-1A-2B-3C-4D-5E", "Library 17", "192.0.2.1")
    add_session(command_line, point.nas_id, point.id)
    repeated = command_line.refusal("nas", "access-point", "add", "192.0.2.1", "001a2b3c4d5e", "x")
    assert "already" in repeated
    command_line.run("nas", "access-point", "remove", "001A2B-3C4D5E")
    assert command_line.rows(access_points) == []
    assert command_line.row(accounting_sessions).access_point_id is None
    assert "there is no access point" in command_line.refusal("nas", "access-point", "remove", "001A2B-3C4D5E")
    assert "not a MAC address" in command_line.refusal("nas", "access-point", "remove", "first floor")


def test_an_access_point_stands_where_its_network_access_server_does_unless_told(command_line: CommandLine) -> None:
    venue_id = add_venue(command_line, "17")
    add(command_line, "192.0.2.1", "--vendor", "cisco", "--venue", "17")
    command_line.run("nas", "access-point", "add", "192.0.2.1", "00:1a:2b:3c:4d:5e", "First floor")
    assert command_line.row(access_points).venue_id == venue_id
