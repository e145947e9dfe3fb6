"""A configuration profile for Apple devices: the secure network, who its server must be, and how to log on.

Keys by Apple's documentation of the payloads com.apple.wifi.managed and com.apple.security.root (Device Management,
"Wi-Fi" and "CertificateRoot"). It is not signed, so a device calls it unverified and shows what it contains; signing
would take a certificate that devices trust for that purpose.
"""

from __future__ import annotations

import plistlib
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from captive_portal.languages import gettext as _
from captive_portal.secure_wifi import NewCredential, SecureNetwork
from foundation.settings import EapMethod

MEDIA_TYPE: Final = "application/x-apple-aspen-config"
# Numbers of the EAP registry (IANA, "EAP Method Types").
_EAP_TYPES: Final[Mapping[EapMethod, int]] = {"ttls": 21, "peap": 25, "tls": 13, "md5": 4}


def make_profile(network: SecureNetwork, credential: NewCredential, organisation: str, address: str) -> bytes:
    """The profile as a property list in XML, in the language of the page.

    ``address`` is the portal's own; identifiers are made from it, so that a later profile replaces an earlier one.
    """
    identifier = ".".join([*reversed((urlsplit(address).hostname or "portal").split(".")), "secure-wifi"])
    title = _("%(network)s WiFi") % {"network": network.name}
    contents: list[dict[str, object]] = []
    anchor = None
    if network.authority is not None:
        anchor = _uuid(identifier, network.authority.hex())
        contents.append(
            {
                **_header("com.apple.security.root", f"{identifier}.authority", anchor),
                "PayloadDisplayName": _("Certificate of the network"),
                "PayloadCertificateFileName": "authority.cer",
                "PayloadContent": network.authority,
            }
        )
    contents.append(
        {
            **_header("com.apple.wifi.managed", f"{identifier}.network", _uuid(identifier, network.name)),
            "PayloadDisplayName": title,
            "SSID_STR": network.name,
            "HIDDEN_NETWORK": False,
            "AutoJoin": True,
            # Since iOS 16 and macOS 13 it joins WPA3 as well.
            "EncryptionType": "WPA2",
            "ProxyType": "None",
            "EAPClientConfiguration": _eap(network, credential, anchor),
        }
    )
    return plistlib.dumps(
        {
            **_header("Configuration", identifier, _uuid(identifier, credential.user_name)),
            "PayloadDisplayName": title,
            "PayloadDescription": _("Connects this device to the encrypted WiFi by itself."),
            "PayloadOrganization": organisation,
            "PayloadRemovalDisallowed": False,
            "PayloadContent": contents,
        }
    )


def _eap(network: SecureNetwork, credential: NewCredential, anchor: str | None) -> dict[str, object]:
    """Server names are compared, so that no other network of that name is given the password."""
    settings: dict[str, object] = {
        "AcceptEAPTypes": [_EAP_TYPES[method] for method in network.methods],
        "TTLSInnerAuthentication": "MSCHAPv2",
        "UserName": network.identity(credential.user_name),
        "UserPassword": credential.password,
        "OuterIdentity": network.anonymous_identity,
        "TLSTrustedServerNames": [network.server_name],
        "TLSMinimumVersion": network.lowest_tls_version,
        "TLSMaximumVersion": "1.3",
    }
    if anchor is not None:
        settings["PayloadCertificateAnchorUUID"] = [anchor]
    return settings


def _header(kind: str, identifier: str, uuid: str) -> dict[str, object]:
    return {"PayloadType": kind, "PayloadVersion": 1, "PayloadIdentifier": identifier, "PayloadUUID": uuid}


def _uuid(identifier: str, what: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{identifier}/{what}")).upper()
