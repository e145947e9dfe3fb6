"""The address of a quarantined device's own at the portal, for equipment that redirects to what RADIUS says.

Where a quarantine's address has the place holder ``{session}``, each device gets one that tells the portal which
device it is, behind which access point, and by what name the equipment knows its session (Cisco's central web
authentication).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from foundation.arrival_tokens import ArrivalToken, seal
from foundation.mac_address import MacAddress
from foundation.privacy import Keyring
from radius import attributes
from radius.authentication.device import parse_address, station_address
from radius.errors import MalformedAttributeError
from radius.nas import Quarantine
from radius.packet import Packet
from radius.service import Request

PLACE_HOLDER: Final = "{session}"

_AUDIT_SESSION_ID: Final = b"audit-session-id="
# Cisco's has 24 hexadecimal digits; what is much longer would not fit into an attribute with the rest.
_LONGEST_AUDIT_SESSION_ID: Final = 64
# Longer than anybody takes to register, and than the equipment keeps the answer.
_SHORTEST_LIFETIME: Final = timedelta(hours=1)


def with_own_address(
    quarantine: Quarantine, request: Request, keyring: Keyring, quarantine_seconds: int
) -> Quarantine | None:
    """The quarantine with the device's own address; None where the request does not tell the device's."""
    device = _device(request.packet)
    if device is None or quarantine.url is None:
        return None
    lifetime = max(_SHORTEST_LIFETIME, timedelta(seconds=2 * quarantine_seconds))
    token = ArrivalToken(
        nas_id=request.nas.id,
        device=device,
        expires_at=request.arrival.at + lifetime,
        access_point=station_address(attributes.get_text(request.packet, "Called-Station-Id", lenient=True)),
        audit_session_id=_short(audit_session_id(request.packet)),
    )
    return replace(quarantine, url=quarantine.url.replace(PLACE_HOLDER, seal(keyring, token)))


def audit_session_id(packet: Packet) -> str | None:
    """From Cisco-AVPair (Cisco, RADIUS Change of Authorization); a malformed one must not keep a request out."""
    try:
        pairs = attributes.get_all_octets(packet, "Cisco-AVPair")
    except MalformedAttributeError:
        return None
    found = next((pair for pair in pairs if pair.startswith(_AUDIT_SESSION_ID)), _AUDIT_SESSION_ID)
    return found.removeprefix(_AUDIT_SESSION_ID).decode(errors="replace").replace("\0", "\ufffd") or None


def _device(packet: Packet) -> MacAddress | None:
    # The user name is the device's address: that is what MAC authentication is.
    return parse_address(attributes.get_text(packet, "User-Name", lenient=True) or "")


def _short(name: str | None) -> str | None:
    return name if name is not None and len(name.encode()) <= _LONGEST_AUDIT_SESSION_ID else None
