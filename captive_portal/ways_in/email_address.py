"""Email addresses: strict enough that nothing but one address reaches a mail header."""

from __future__ import annotations

import re
from typing import Final

_LONGEST: Final = 254
_LONGEST_LOCAL_PART: Final = 64
# The dot-atom of RFC 5322 section 3.2.3; quoted local parts are legal and unused.
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


class NotAnEmailAddressError(ValueError):
    """The text is not an email address; the message leaves it out, because it may be somebody's."""


def parse_email_address(text: str) -> str:
    """The address without spaces around it and with its domain in ASCII. Raises NotAnEmailAddressError."""
    local_part, at, domain = text.strip().rpartition("@")
    try:
        ascii_domain = domain.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise NotAnEmailAddressError("the part after @ is not a domain name") from None
    labels = ascii_domain.split(".")
    if not at or len(local_part) > _LONGEST_LOCAL_PART or not _LOCAL_PART.fullmatch(local_part):
        raise NotAnEmailAddressError("not an email address; write it like name@example.com")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise NotAnEmailAddressError("not an email address; write it like name@example.com")
    address = f"{local_part}@{ascii_domain}"
    if len(address) > _LONGEST:
        raise NotAnEmailAddressError("too long for an email address")
    return address


def mask(address: str) -> str:
    """Enough to recognise one's own address, too little for somebody else to learn it."""
    local_part, _, domain = address.rpartition("@")
    return f"{local_part[:2] if len(local_part) > 3 else local_part[:1]}•••@{domain}"
