"""MAC authentication: a device that its owner chose to have remembered is let on by its address.

The address proves little, because anybody can send it; so it opens the open network and nothing else. Equipment sends
the address or a fixed word as password: CoovaChilli ``password`` (its ``macpasswd``), hostapd and most others the
address in the spelling of the User-Name.
"""

from __future__ import annotations

import hmac

from foundation.mac_address import MacAddress, NotAMacAddressError
from radius.authentication.password import PapProof
from radius.authentication.stored_password import Proof, StoredPassword

# CoovaChilli's documented default, no secret.
_FIXED_PASSWORD = b"password"
# Separator and digits between two: AA-BB-…, AA:BB:…, AABBCC…, AABB.CCDD.EEFF, AABB-CCDD-EEFF, AABBCC-DDEEFF.
_LENGTHS = frozenset({12, 13, 14, 17})
_SPELLINGS = (("-", 2), (":", 2), ("", 12), (".", 4), ("-", 4), ("-", 6))


def parse_address(text: str) -> MacAddress | None:
    """A MAC address in any spelling, or None."""
    # Most names are of residents, and are seen not to be one by their length.
    return MacAddress.match(text) if len(text) in _LENGTHS else None


def station_address(calling_station_id: str | None) -> MacAddress | None:
    """The device's address from Calling-Station-Id, which may have a network's name behind it."""
    try:
        return MacAddress.parse_station_id(calling_station_id)[0] if calling_station_id else None
    except NotAMacAddressError:
        return None


def proven_password(proof: Proof, address: MacAddress) -> StoredPassword | None:
    """Which password was proven: the device's address in any spelling, or the fixed word. None for any other."""
    if isinstance(proof, PapProof):
        is_right = _is_address(proof.password, address) or hmac.compare_digest(proof.password, _FIXED_PASSWORD)
        return StoredPassword.of(proof.password) if is_right else None
    possible = map(StoredPassword.of, (_FIXED_PASSWORD, *_spelled(address)))
    return next(filter(proof.proves, possible), None)


def _is_address(password: bytes, address: MacAddress) -> bool:
    try:
        return MacAddress.match(password.decode("ascii")) == address
    except UnicodeDecodeError:
        return False


def _spelled(address: MacAddress) -> list[bytes]:
    return [
        address.format(separator, group_size=size, upper=upper).encode()
        for separator, size in _SPELLINGS
        for upper in (True, False)
    ]
