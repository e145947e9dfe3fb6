"""Mobile telephone numbers: which ones texts are sent to, and how they are kept."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

# In some countries, such as the USA, a number does not tell whether it is a mobile one.
_TAKES_TEXTS: Final = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
_LONGEST_TYPED: Final = 40


class PhoneFault(StrEnum):
    """Why no text is sent to what was typed."""

    NO_NUMBER = "no-number"
    # A landline, a premium rate number, a pager.
    NO_MOBILE = "no-mobile"
    OTHER_COUNTRY = "other-country"


class PhoneNumberError(ValueError):
    """Not a number that texts are sent to; the message leaves it out, because it may be somebody's."""

    def __init__(self, fault: PhoneFault) -> None:
        super().__init__(f"not a number for texts: {fault}")
        self.fault = fault


def parse_phone_number(text: str, countries: Sequence[str]) -> str:
    """A mobile number of one of the countries, as E.164 writes it (+447400123456). Raises PhoneNumberError.

    A number without a country's prefix is one of the first country. Spaces, hyphens and brackets do not matter, nor
    does the script of digits; letters do.
    """
    typed = unicodedata.normalize("NFKC", text.strip())
    if len(typed) > _LONGEST_TYPED or any(character.isalpha() for character in typed):
        raise PhoneNumberError(PhoneFault.NO_NUMBER)
    try:
        number = phonenumbers.parse(typed, countries[0])
    except NumberParseException:
        raise PhoneNumberError(PhoneFault.NO_NUMBER) from None
    if number.extension or not phonenumbers.is_valid_number(number):
        raise PhoneNumberError(PhoneFault.NO_NUMBER)
    if phonenumbers.region_code_for_number(number) not in countries:
        raise PhoneNumberError(PhoneFault.OTHER_COUNTRY)
    if phonenumbers.number_type(number) not in _TAKES_TEXTS:
        raise PhoneNumberError(PhoneFault.NO_MOBILE)
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def mask(number: str) -> str:
    """Enough to recognise one's own number, too little for somebody else to learn it."""
    return f"•••{number[-3:]}"


def is_phone_number(contact: str) -> bool:
    """Whether a contact is a telephone number, and not an email address."""
    return "@" not in contact
