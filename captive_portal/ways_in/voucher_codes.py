"""Codes that are printed: in words, in digits or in pictures, each with a check by which a slip is told from a lie.

What is random in them: three words of 503 (27 bits), eight digits (26), six pictures of 16 (24). Guessing is limited
elsewhere; here a slip of the pen or the finger is found without asking the database.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

NUMBER_OF_PICTURES: Final = 16
PICTURES_IN_CODE: Final = 7
_RANDOM_WORDS: Final = 3
_RANDOM_DIGITS: Final = 8
_RANDOM_PICTURES: Final = PICTURES_IN_CODE - 1
_LONGEST_TYPED: Final = 200


class Form(StrEnum):
    """What a code is made of."""

    WORDS = "words"
    DIGITS = "digits"
    PICTURES = "pictures"


class Mistake(StrEnum):
    """Why what was typed cannot be a code of ours."""

    EMPTY = "empty"
    # So many words or digits have none of our codes.
    LENGTH = "length"
    # A word that no code has.
    WORD = "word"
    # The last word, digit or picture does not go with the others.
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class Misread:
    """What is wrong; ``position`` counts the words from 1."""

    mistake: Mistake
    position: int = 0


@dataclass(frozen=True, slots=True)
class Code:
    """A code that is well formed, whether anybody was given it or not."""

    form: Form
    # Words and pictures by their number from 0; the check is the last one.
    symbols: tuple[int, ...] = field(repr=False)

    @property
    def canonical(self) -> bytes:
        """What its pseudonym is made of."""
        return f"{self.form}:{'-'.join(map(str, self.symbols))}".encode()

    @property
    def text(self) -> str:
        """As it is printed and typed; of pictures, their numbers from 1."""
        match self.form:
            case Form.WORDS:
                return " ".join(words()[symbol] for symbol in self.symbols)
            case Form.DIGITS:
                digits = "".join(map(str, self.symbols))
                return " ".join(digits[at : at + 3] for at in range(0, len(digits), 3))
            case Form.PICTURES:
                return " ".join(str(symbol + 1) for symbol in self.symbols)


@cache
def words() -> tuple[str, ...]:
    """The words of codes: no two of them are one letter apart, and their number is a prime."""
    return tuple((Path(__file__).parent / "words.txt").read_text(encoding="ascii").split())


@cache
def _numbers() -> dict[str, int]:
    return {word: number for number, word in enumerate(words())}


def new_code(form: Form) -> Code:
    """A random code."""
    match form:
        case Form.WORDS:
            chosen = tuple(secrets.randbelow(len(words())) for _ in range(_RANDOM_WORDS))
        case Form.DIGITS:
            chosen = tuple(secrets.randbelow(10) for _ in range(_RANDOM_DIGITS))
        case Form.PICTURES:
            chosen = tuple(secrets.randbelow(NUMBER_OF_PICTURES) for _ in range(_RANDOM_PICTURES))
    return Code(form, (*chosen, _check(form, chosen)))


def read_code(text: str) -> Code | Misread:
    """What somebody typed: capitals, spaces, hyphens and full stops do not matter, nor does the script of digits."""
    typed = unicodedata.normalize("NFKC", text[:_LONGEST_TYPED]).casefold()
    parts = re.findall(r"[^\W_]+", typed)
    if not parts:
        return Misread(Mistake.EMPTY)
    if all(part.isdecimal() for part in parts):
        return _checked(Form.DIGITS, tuple(int(digit) for part in parts for digit in part), _RANDOM_DIGITS)
    if len(parts) == 1:
        parts = _apart(parts[0]) or parts
    for position, part in enumerate(parts, 1):
        if part not in _numbers():
            return Misread(Mistake.WORD, position)
    return _checked(Form.WORDS, tuple(_numbers()[part] for part in parts), _RANDOM_WORDS)


def read_pictures(symbols: tuple[int, ...]) -> Code | Misread:
    """Pictures that somebody chose, by their number from 0."""
    return _checked(Form.PICTURES, symbols, _RANDOM_PICTURES)


def _checked(form: Form, symbols: tuple[int, ...], random_symbols: int) -> Code | Misread:
    if len(symbols) != random_symbols + 1:
        return Misread(Mistake.LENGTH)
    if _check(form, symbols[:-1]) != symbols[-1]:
        return Misread(Mistake.CHECK)
    return Code(form, symbols)


def _check(form: Form, symbols: tuple[int, ...]) -> int:
    """What the last one must be: a single wrong one is always found, two that changed places nearly always."""
    match form:
        case Form.WORDS:
            return _weighted(symbols) % len(words())
        case Form.DIGITS:
            return check_digit(symbols)
        case Form.PICTURES:
            # Odd weights, because 16 is even.
            return sum((2 * place + 1) * symbol for place, symbol in enumerate(symbols)) % NUMBER_OF_PICTURES


def _weighted(symbols: tuple[int, ...]) -> int:
    return sum(place * symbol for place, symbol in enumerate(symbols, 1))


def check_digit(digits: tuple[int, ...]) -> int:
    """ISO/IEC 7064, MOD 11,10."""
    product = 10
    for digit in digits:
        total = (product + digit) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10


def _apart(text: str) -> list[str]:
    """Words that were typed without spaces; empty where they cannot be told apart in one way only."""
    found: list[list[list[str]]] = [[] for _ in range(len(text) + 1)]
    found[0].append([])
    for end in range(1, len(text) + 1):
        for begin in range(max(0, end - 7), end):
            if text[begin:end] in _numbers():
                found[end] += [[*before, text[begin:end]] for before in found[begin] if len(before) <= _RANDOM_WORDS]
    return found[-1][0] if len(found[-1]) == 1 else []
