"""MAC addresses in every spelling that access equipment uses.

The only place that parses one. Spellings seen in the field: ``AA-BB-CC-DD-EE-FF`` (RFC 3580, CoovaChilli),
``aa:bb:cc:dd:ee:ff`` (MikroTik, openNDS), ``aabbccddeeff`` (Aruba, hostapd), ``aabb.ccdd.eeff`` (Cisco),
``aabb-ccdd-eeff`` (Huawei, H3C) and ``aabbcc-ddeeff`` (HP), in either case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SPELLINGS = re.compile(
    r"(?:[0-9a-f]{12}"
    r"|[0-9a-f]{2}(?P<byte>[-:])[0-9a-f]{2}(?:(?P=byte)[0-9a-f]{2}){4}"
    r"|[0-9a-f]{4}(?P<group>[-.])[0-9a-f]{4}(?P=group)[0-9a-f]{4}"
    r"|[0-9a-f]{6}-[0-9a-f]{6})",
    re.IGNORECASE,
)
_SEPARATORS = str.maketrans("", "", "-:.")


class NotAMacAddressError(ValueError):
    """The text is not a MAC address in any known spelling."""


@dataclass(frozen=True, slots=True, order=True)
class MacAddress:
    """A 48-bit IEEE 802 address."""

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != 6:
            raise NotAMacAddressError(f"a MAC address has 6 octets, not {len(self.octets)}")

    @classmethod
    def parse(cls, text: str) -> MacAddress:
        """Read any known spelling.

        Raises NotAMacAddressError; its message leaves the text out, because it may be somebody's address.
        """
        address = cls.match(text)
        if address is None:
            raise NotAMacAddressError("not a MAC address; write it like 00-00-5E-00-53-01")
        return address

    @classmethod
    def match(cls, text: str) -> MacAddress | None:
        """Read any known spelling; None for what is no address, where that is nothing wrong."""
        return cls(bytes.fromhex(text.translate(_SEPARATORS))) if _SPELLINGS.fullmatch(text) else None

    @classmethod
    def parse_station_id(cls, text: str) -> tuple[MacAddress, str]:
        """Split a Called-Station-Id or Calling-Station-Id into address and network name.

        RFC 3580 section 3.20 writes ``AA-BB-CC-DD-EE-FF:SSID``; the name is empty where there is none.
        """
        for length in (17, 12, 14, 13):
            rest = text[length:]
            address = cls.match(text[:length]) if not rest or rest[0] == ":" else None
            if address is not None:
                return address, rest[1:]
        raise NotAMacAddressError("not a station identifier; expected AA-BB-CC-DD-EE-FF or AA-BB-CC-DD-EE-FF:SSID")

    @property
    def is_locally_administered(self) -> bool:
        """True for an address that the device made up, as phones do for privacy (IEEE 802c)."""
        return bool(self.octets[0] & 0x02)

    def format(self, separator: str = "-", *, group_size: int = 2, upper: bool = True) -> str:
        """Write the address, for example ``format(":", upper=False)`` or ``format(".", group_size=4)``."""
        digits = self.octets.hex()
        text = separator.join(digits[i : i + group_size] for i in range(0, 12, group_size))
        return text.upper() if upper else text

    def __str__(self) -> str:
        return self.format()

    def __repr__(self) -> str:
        # A traceback or a log line must not carry a resident's address.
        return "MacAddress(…)"
