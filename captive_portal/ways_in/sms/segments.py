"""How many segments a text takes, which is what is paid for (3GPP TS 23.038, TS 23.040)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_GSM_7: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# They take two places: an escape comes before each.
_GSM_7_EXTENSION: Final = frozenset("\f^{}\\[~]|€")


@dataclass(frozen=True, slots=True)
class Measure:
    """A text's length as networks count it."""

    # GSM-7, or UCS-2 where a character is not in that.
    alphabet: str
    # Septets or 16-bit units.
    units: int
    segments: int


def measure(text: str) -> Measure:
    """Count a text's segments: one of 160 septets or 70 units; several have a header, and so 153 or 67 each."""
    if all(character in _GSM_7 or character in _GSM_7_EXTENSION for character in text):
        lengths = [2 if character in _GSM_7_EXTENSION else 1 for character in text]
        return Measure("GSM-7", sum(lengths), _segments(lengths, 160, 153))
    lengths = [len(character.encode("utf-16-be")) // 2 for character in text]
    return Measure("UCS-2", sum(lengths), _segments(lengths, 70, 67))


def _segments(lengths: list[int], alone: int, among_several: int) -> int:
    if sum(lengths) <= alone:
        return 1
    segments, room = 1, among_several
    for length in lengths:
        # No character is cut in two.
        if length > room:
            segments, room = segments + 1, among_several
        room -= length
    return segments
