"""Well-formed requests of every kind, as the attributes of which they are made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from random import Random
from typing import Final

from foundation.credentials import nt_hash
from radius import attributes
from radius.attribute_values import Value
from radius.attributes import DEFINITIONS
from radius.authentication import mschap
from radius.packet import LONGEST_VALUE_OCTETS, Attribute, hide_password
from tools.fuzz_radius.city import DEVICE, PASSWORD, SECRET, USER_NAME

_ACCESS_POINT: Final = "00-1A-2B-3C-4D-5E:CityWiFi"
_NAMES: Final = (USER_NAME, USER_NAME, f"{USER_NAME}-by-hash", "nobody", "nobody@elsewhere.example", "t" + "a2" * 13)
_STATUSES: Final = ("Start", "Interim-Update", "Stop", "Accounting-On", "Accounting-Off", 9)
_SPELLINGS: Final = ("02-00-5E-00-53-01", "02:00:5e:00:53:01", "02005e005301", "0200.5e00.5301", "hotspot")
_OTHER_NAMES: Final = tuple(
    name for name, definition in DEFINITIONS.items() if name not in ("Message-Authenticator", "EAP-Message")
)


class PacketMaker:
    """Makes the attributes of requests; ``random`` chooses who asks, and how."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._logins: tuple[Callable[[bytes], list[Attribute]], ...] = (
            self._pap,
            self._chap,
            self._mschapv2,
            self._mac,
        )

    def login(self, authenticator: bytes) -> list[Attribute]:
        """An Access-Request of any method but EAP."""
        return [*self._random.choice(self._logins)(authenticator), *self.circumstances(), *self._others()]

    def accounting(self) -> list[Attribute]:
        """An Accounting-Request of any status."""
        values: list[tuple[str, Value]] = [
            ("Acct-Status-Type", self._random.choice(_STATUSES)),
            ("Acct-Session-Id", f"{self._random.randrange(2000):08X}"),
            ("User-Name", self._random.choice(_NAMES)),
            ("Acct-Session-Time", self._number()),
            ("Acct-Input-Octets", self._number()),
            ("Acct-Output-Octets", self._number()),
            ("Acct-Output-Gigawords", self._random.choice((0, 1, 2**32 - 1))),
            ("Acct-Delay-Time", self._random.choice((0, 5, 2**32 - 1))),
            ("Acct-Terminate-Cause", self._random.randint(0, 30)),
            ("Class", self._random.randbytes(self._random.randint(1, 80))),
        ]
        return [*attributes.encode_all(values), *self.circumstances(), *self._others()]

    def circumstances(self) -> list[Attribute]:
        """Where the device is."""
        return list(
            attributes.encode_all(
                [
                    ("NAS-IP-Address", "192.0.2.1"),
                    ("NAS-Identifier", "gateway"),
                    ("Calling-Station-Id", self._random.choice(_SPELLINGS)),
                    ("Called-Station-Id", _ACCESS_POINT),
                    ("NAS-Port-Type", 19),
                ]
            )
        )

    def _pap(self, authenticator: bytes) -> list[Attribute]:
        name = self._random.choice(_NAMES)
        password = PASSWORD.encode() if self._random.random() < 0.5 else self._random.randbytes(20)
        hidden = hide_password(password, SECRET, authenticator)
        return [attributes.encode("User-Name", name), attributes.encode("User-Password", hidden)]

    def _chap(self, authenticator: bytes) -> list[Attribute]:
        digest = hashlib.md5(b"\x05" + PASSWORD.encode() + authenticator, usedforsecurity=False).digest()
        return [(1, self._random.choice(_NAMES).encode()), attributes.encode("CHAP-Password", b"\x05" + digest)]

    def _mschapv2(self, _: bytes) -> list[Attribute]:
        name, challenge, own = self._random.choice(_NAMES).encode(), self._random.randbytes(16), bytes(16)
        hashed = mschap.challenge_hash(own, challenge, name)
        response = mschap.challenge_response(hashed, nt_hash(PASSWORD))
        return [
            (1, name),
            attributes.encode("MS-CHAP-Challenge", challenge),
            attributes.encode("MS-CHAP2-Response", b"\x07\0" + own + bytes(8) + response),
        ]

    def _mac(self, authenticator: bytes) -> list[Attribute]:
        name = self._random.choice(_SPELLINGS[:4])
        password = self._random.choice((name, "password", str(DEVICE))).encode()
        return [(1, name.encode()), (2, hide_password(password, SECRET, authenticator)), (6, bytes((0, 0, 0, 10)))]

    def _others(self) -> list[Attribute]:
        """Attributes by name whose values are octets of any kind."""
        found: list[Attribute] = []
        for name in self._random.sample(_OTHER_NAMES, self._random.randint(0, 4)):
            definition = attributes.definition_of(name)
            octets = self._random.randbytes(self._random.choice((0, 1, 4, 16, 40)))
            if definition.vendor:
                inside = bytes((definition.number, len(octets) + 2)) + octets
                found.append((attributes.VENDOR_SPECIFIC, (definition.vendor_id + inside)[:LONGEST_VALUE_OCTETS]))
            else:
                found.append((definition.parent.number if definition.parent else definition.number, octets))
        return found

    def _number(self) -> int:
        return self._random.choice((0, 1, 1000, 2**31, 2**32 - 1, self._random.randrange(2**32)))
