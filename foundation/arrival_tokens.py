"""Sealed addresses by which a device arrives at the portal, made by us and therefore believed.

Whoever knows a device (RADIUS, from its MAC authentication; the captive portal API, from its gateway) gives it an
address of its own, ``/r/TOKEN``. The token holds what a gateway's redirect would have told, sealed with the
installation's key, so that nothing has to be kept for devices that never come.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from foundation.mac_address import MacAddress
from foundation.privacy import Keyring, PrivacyError

PATH: Final = "/r/"
"""What stands before a token in an address of the portal."""

_PURPOSE: Final = "arrival token"
# Number of the gateway, end of its time (seconds since 1970), whether it is claimed, the device, the access point or
# zeros.
_HEAD: Final = struct.Struct("!QL?6s6s")
_NO_ADDRESS: Final = bytes(6)


@dataclass(frozen=True, slots=True)
class ArrivalToken:
    """Which device, behind which gateway."""

    nas_id: int
    device: MacAddress = field(repr=False)
    expires_at: datetime
    access_point: MacAddress | None = None
    # What Cisco calls the session that has no accounting yet (Cisco-AVPair audit-session-id).
    audit_session_id: str | None = field(default=None, repr=False)
    # The device, or somebody in its place, said itself which one it is: enough to be told of, not to act for it.
    is_claimed: bool = False


def seal(keyring: Keyring, token: ArrivalToken) -> str:
    """As it stands in an address: letters, digits, ``-`` and ``_``. The same token is always sealed alike."""
    head = _HEAD.pack(
        token.nas_id,
        int(token.expires_at.timestamp()),
        token.is_claimed,
        token.device.octets,
        token.access_point.octets if token.access_point else _NO_ADDRESS,
    )
    sealed = keyring.encrypt_repeatably(_PURPOSE, head + (token.audit_session_id or "").encode())
    return base64.urlsafe_b64encode(sealed).decode("ascii").rstrip("=")


def unseal(keyring: Keyring, text: str, now: datetime) -> ArrivalToken | None:
    """What we sealed, while its time lasts; None for anything else."""
    try:
        opened = keyring.decrypt(_PURPOSE, base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (PrivacyError, binascii.Error, ValueError):
        return None
    nas_id, expires, is_claimed, device, access_point = _HEAD.unpack_from(opened)
    expires_at = datetime.fromtimestamp(expires, UTC)
    if expires_at <= now:
        return None
    return ArrivalToken(
        nas_id=nas_id,
        device=MacAddress(device),
        expires_at=expires_at,
        access_point=None if access_point == _NO_ADDRESS else MacAddress(access_point),
        audit_session_id=opened[_HEAD.size :].decode() or None,
        is_claimed=is_claimed,
    )
