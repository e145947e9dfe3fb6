from __future__ import annotations

import plistlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from captive_portal.apple_profile import make_profile
from captive_portal.languages import current_language
from captive_portal.secure_wifi import NewCredential, SecureNetwork

NETWORK = SecureNetwork("Coventry Secure", "radius.example.org", "AB" * 20, b"an authority", ("peap", "ttls"), "1.2")
CREDENTIAL = NewCredential(
    1, "calm-otter-0042", "four-words-to-read", "en", "p" * 24, datetime(2026, 11, 22, tzinfo=UTC)
)
ADDRESS = "https://wifi.example.gov.uk"


def profile(network: SecureNetwork = NETWORK, credential: NewCredential = CREDENTIAL) -> dict[str, Any]:
    read: dict[str, Any] = plistlib.loads(make_profile(network, credential, "Coventry", ADDRESS))
    return read


def payload(read: dict[str, Any], kind: str) -> dict[str, Any]:
    [found] = [one for one in read["PayloadContent"] if one["PayloadType"] == kind]
    return dict(found)


def test_every_payload_has_what_apple_demands_of_each() -> None:
    read = profile()
    payloads = [read, *read["PayloadContent"]]
    for one in payloads:
        assert one["PayloadVersion"] == 1
        assert one["PayloadType"]
        assert one["PayloadIdentifier"].startswith("uk.gov.example.wifi.secure-wifi")
    assert len({one["PayloadUUID"] for one in payloads}) == 3
    assert read["PayloadType"] == "Configuration"
    assert (read["PayloadOrganization"], read["PayloadDisplayName"]) == ("Coventry", "Coventry Secure WiFi")
    assert read["PayloadRemovalDisallowed"] is False


def test_the_network_is_joined_by_user_name_only_where_the_server_has_the_name_and_authority() -> None:
    read = profile()
    network = payload(read, "com.apple.wifi.managed")
    assert (network["SSID_STR"], network["EncryptionType"], network["AutoJoin"]) == ("Coventry Secure", "WPA2", True)
    authority = payload(read, "com.apple.security.root")
    assert authority["PayloadContent"] == b"an authority"
    assert network["EAPClientConfiguration"] == {
        "AcceptEAPTypes": [25, 21],
        "TTLSInnerAuthentication": "MSCHAPv2",
        "UserName": "calm-otter-0042",
        "UserPassword": "four-words-to-read",
        "OuterIdentity": "anonymous",
        "TLSTrustedServerNames": ["radius.example.org"],
        "TLSMinimumVersion": "1.2",
        "TLSMaximumVersion": "1.3",
        "PayloadCertificateAnchorUUID": [authority["PayloadUUID"]],
    }


def test_of_a_public_authority_devices_know_the_certificate_themselves() -> None:
    read = profile(replace(NETWORK, authority=None, methods=("ttls",), lowest_tls_version="1.3"))
    [network] = read["PayloadContent"]
    eap = network["EAPClientConfiguration"]
    assert "PayloadCertificateAnchorUUID" not in eap
    assert (eap["AcceptEAPTypes"], eap["TLSMinimumVersion"]) == ([21], "1.3")
    assert eap["TLSTrustedServerNames"] == ["radius.example.org"]


def test_a_resident_who_travels_is_known_by_our_realm() -> None:
    eap = payload(profile(replace(NETWORK, realm="wifi.example.org")), "com.apple.wifi.managed")[
        "EAPClientConfiguration"
    ]
    assert eap["UserName"] == "calm-otter-0042@wifi.example.org"
    assert eap["OuterIdentity"] == "anonymous@wifi.example.org"


def test_a_new_profile_takes_the_place_of_the_one_before() -> None:
    first, second = profile(), profile(credential=replace(CREDENTIAL, user_name="another-name-0001"))
    assert first["PayloadIdentifier"] == second["PayloadIdentifier"]
    assert first["PayloadUUID"] != second["PayloadUUID"]


@pytest.mark.parametrize("name", ["Ŵi-Fi & <Coventry>", "a" * 32])
def test_any_name_of_a_network_can_be_written(name: str) -> None:
    assert payload(profile(replace(NETWORK, name=name)), "com.apple.wifi.managed")["SSID_STR"] == name


def test_a_profile_is_in_the_language_of_its_page() -> None:
    token = current_language.set("cy")
    try:
        assert profile()["PayloadDisplayName"] == "WiFi Coventry Secure"
    finally:
        current_language.reset(token)
