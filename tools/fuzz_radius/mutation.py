"""Octets and attributes made wrong, by chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from radius.packet import LONGEST_VALUE_OCTETS, Attribute

_INTERESTING: Final = (0, 1, 2, 0x1F, 0x20, 0x7F, 0x80, 0xFE, 0xFF)
_MESSAGE_AUTHENTICATOR: Final = 80
_MOST_CHANGES: Final = 4


class Mutator:
    """Changes what it is given; ``random`` decides how."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self._changes: tuple[Callable[[bytes], bytes], ...] = (
            self._flip,
            self._flip,
            self._set,
            self._cut,
            self._insert,
            self._repeat,
            self._drop,
        )

    def chance(self, probability: float) -> bool:
        """True so often."""
        return self.random.random() < probability

    def octets(self, octets: bytes) -> bytes:
        """The same with one to four changes."""
        for _ in range(self.random.randint(1, _MOST_CHANGES)):
            octets = self.random.choice(self._changes)(octets)
        return octets

    def attributes(self, attributes: Sequence[Attribute]) -> list[Attribute]:
        """The same with one to four attributes changed, doubled, left out, moved or added; each can be sent."""
        changed = list(attributes)
        for _ in range(self.random.randint(1, _MOST_CHANGES)):
            self._change_one(changed)
        return [each for each in changed if each[0] != _MESSAGE_AUTHENTICATOR]

    def _change_one(self, attributes: list[Attribute]) -> None:
        at = self.random.randrange(len(attributes)) if attributes else 0
        kind = self.random.randrange(7) if attributes else 6
        if kind < 3:
            number, octets = attributes[at]
            attributes[at] = number, self.octets(octets)[:LONGEST_VALUE_OCTETS]
        elif kind == 3:
            attributes[at] = self.random.randint(1, 255), attributes[at][1]
        elif kind == 4:
            del attributes[at]
        elif kind == 5:
            attributes.insert(self.random.randint(0, len(attributes)), attributes[at])
        else:
            octets = self.random.randbytes(self.random.randint(0, LONGEST_VALUE_OCTETS))
            attributes.insert(at, (self.random.randint(1, 255), octets))

    def _flip(self, octets: bytes) -> bytes:
        changed = bytearray(octets or b"\0")
        changed[self.random.randrange(len(changed))] ^= 1 << self.random.randrange(8)
        return bytes(changed)

    def _set(self, octets: bytes) -> bytes:
        changed = bytearray(octets or b"\0")
        changed[self.random.randrange(len(changed))] = self.random.choice(_INTERESTING)
        return bytes(changed)

    def _cut(self, octets: bytes) -> bytes:
        return octets[: self.random.randint(0, len(octets))]

    def _insert(self, octets: bytes) -> bytes:
        at = self.random.randint(0, len(octets))
        return octets[:at] + self.random.randbytes(self.random.choice((1, 2, 4, 16, 64))) + octets[at:]

    def _repeat(self, octets: bytes) -> bytes:
        start, end = sorted(self.random.randint(0, len(octets)) for _ in range(2))
        return octets[:end] + octets[start:end] + octets[end:]

    def _drop(self, octets: bytes) -> bytes:
        start, end = sorted(self.random.randint(0, len(octets)) for _ in range(2))
        return octets[:start] + octets[end:]
