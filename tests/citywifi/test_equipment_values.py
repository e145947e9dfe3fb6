from __future__ import annotations

from datetime import timedelta

import pytest

from citywifi.equipment_values import (
    check_together,
    checked_columns,
    checked_duration,
    checked_network,
    checked_secret,
    make_secret,
    with_default_port,
)
from citywifi.errors import CommandError
from radius.vendors import NAMES


@pytest.mark.parametrize(
    ("written", "network"),
    [
        ("192.0.2.1", "192.0.2.1/32"),
        (" 192.0.2.0/24 ", "192.0.2.0/24"),
        ("2001:DB8::1", "2001:db8::1/128"),
        ("2001:db8:0::/48", "2001:db8::/48"),
    ],
)
def test_a_network_is_stored_in_one_spelling(written: str, network: str) -> None:
    assert checked_network(written) == network


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("gateway.example.org", "write it like"),
        ("192.0.2.300", "write it like"),
        ("192.0.2.5/24", "write 192.0.2.0/24 for all of it, or 192.0.2.5 alone"),
        ("0.0.0.0/0", "everybody"),
        ("::/0", "everybody"),
        ("::ffff:192.0.2.1", "write 192.0.2.1"),
        ("", "write it like"),
    ],
)
def test_a_network_that_is_none_is_refused_with_what_was_meant(written: str, advice: str) -> None:
    with pytest.raises(CommandError, match=advice):
        checked_network(written)


@pytest.mark.parametrize("secret", ["testing123", "RADSEC", "", "x" * 15, "a" * 40, "abc" * 10])
def test_a_secret_that_can_be_guessed_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(CommandError) as refused:
        checked_secret(secret)
    assert "--secret-stdin" in str(refused.value)
    assert not secret or secret not in str(refused.value)


def test_a_made_secret_is_strong_and_plain() -> None:
    made = {make_secret() for _ in range(50)}
    assert len(made) == 50
    assert all(checked_secret(secret.decode()) == secret and secret.isalnum() for secret in made)


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("90s", 90), ("30m", 1800), ("1h", 3600), (" 2D ", 172800), ("30d", 2592000)]
)
def test_a_duration_has_a_unit(text: str, seconds: int) -> None:
    assert checked_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1.5h", "31d", "9999999s"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(CommandError):
        checked_duration(text)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("vendor", "acme"),
        ("vendor", ""),
        ("name", ""),
        ("name", "x" * 201),
        ("radsec_name", "ap1"),
        ("message_authenticator", "maybe"),
        ("message_authenticator", ""),
        ("dynamic_authorization_host", "gateway.example.org"),
        ("dynamic_authorization_port", 0),
        ("login_url", "javascript:alert(1)"),
        ("login_url", "http://"),
        ("quarantine_vlan", 4095),
        ("quarantine_url", "portal"),
        ("unknown_devices", "accept"),
    ],
)
def test_a_value_that_cannot_be_is_refused(column: str, value: object) -> None:
    with pytest.raises(CommandError):
        checked_columns({column: value})


def test_what_is_not_given_stays_out_and_what_is_empty_is_taken_away() -> None:
    assert checked_columns({"login_url": None, "quarantine_role": "", "quarantine_vlan": 30}) == {
        "quarantine_role": None,
        "quarantine_vlan": 30,
    }


ROW = {
    "network": "192.0.2.0/24", "radsec_name": None, "vendor": "cisco", "unknown_devices": "reject",
    "dynamic_authorization_host": None, "dynamic_authorization_port": None,
    "quarantine_vlan": None, "quarantine_role": None, "quarantine_url": None,
}  # fmt: skip


def test_equipment_is_known_by_its_network_or_by_its_certificate() -> None:
    check_together({**ROW, "network": None, "radsec_name": "ap1.example.org"})
    with pytest.raises(CommandError, match="--radsec-name"):
        check_together({**ROW, "network": None})


@pytest.mark.parametrize("vendor", NAMES)
def test_quarantine_without_a_place_to_go_says_what_the_vendor_needs(vendor: str) -> None:
    with pytest.raises(CommandError, match="it needs"):
        check_together({**ROW, "vendor": vendor, "unknown_devices": "quarantine"})


def test_quarantine_by_vlan_is_understood_by_most() -> None:
    check_together({**ROW, "vendor": "hostapd", "unknown_devices": "quarantine", "quarantine_vlan": 30})


def test_the_port_of_disconnect_requests_is_the_vendors() -> None:
    assert with_default_port({**ROW, "dynamic_authorization_host": "192.0.2.1"})["dynamic_authorization_port"] == 1700
    other = {**ROW, "vendor": "aruba", "dynamic_authorization_host": "192.0.2.1"}
    assert with_default_port(other)["dynamic_authorization_port"] == 3799
    assert with_default_port({**other, "dynamic_authorization_port": 4000})["dynamic_authorization_port"] == 4000
    with pytest.raises(CommandError, match="takes no requests"):
        with_default_port({**other, "vendor": "opennds"})
    with pytest.raises(CommandError, match="--disconnect-host"):
        check_together({**ROW, "dynamic_authorization_port": 4000})
