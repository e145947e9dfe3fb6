"""Realms: what follows the @ of a user name (RFC 7542), and the names that stand for one or for many of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from radius.errors import LocalFaultError

Found = TypeVar("Found")

EVERY_REALM = "*"
# By its number it is found several times as fast as b"@" would be, and every login looks for it.
_AT = ord("@")
_BELOW = "*."
_LONGEST_REALM_OCTETS = 253
_LONGEST_LABEL_OCTETS = 63
# A letter or digit of any script, with hyphens only inside (RFC 7542 section 2.2, utf8-realm).
_LABEL = re.compile(r"[^\W_](?:[^\W_]|-)*(?<!-)")


@dataclass(frozen=True, slots=True, repr=False)
class NetworkAccessIdentifier:
    """``user@realm``; the realm in lower case. The user part is empty where somebody hides it (section 2.4)."""

    user: str
    realm: str


def parse_identifier(user_name: bytes) -> NetworkAccessIdentifier | None:
    """The parts of a User-Name, or None where it is no Network Access Identifier with a realm.

    RFC 7542 section 2.2: one @, and a realm of at least two labels. Nothing is mended: a realm that is almost right,
    with a space at its end, would only be refused after a journey through all the proxies.
    """
    if _AT not in user_name:
        return None
    try:
        text = user_name.decode()
    except UnicodeDecodeError:
        return None
    user, _, realm = text.rpartition("@")
    normal = _normal(realm)
    if "@" in user or "." not in normal or not _is_realm(normal):
        return None
    return NetworkAccessIdentifier(user, normal)


def realm_pattern(text: str) -> str:
    """A name for the table of realms: a realm, ``*.example`` for all below it, ``*`` for every one that is left.

    Raises LocalFaultError, which says what is right.
    """
    pattern = _normal(text)
    suffix = pattern.removeprefix(_BELOW)
    is_right = pattern == EVERY_REALM or (_is_realm(suffix) and (suffix != pattern or "." in pattern))
    if not is_right:
        raise LocalFaultError(
            f"{text!r} is not a realm; write one such as library.example, *.example for all below it, or * for the rest"
        )
    return pattern


def find_realm(patterns: Mapping[str, Found], realm: str) -> Found | None:
    """What the table has for a realm: the exact name, else the longest ``*.`` name above it, else ``*``."""
    found = patterns.get(realm)
    above = realm
    while found is None and "." in above:
        above = above.partition(".")[2]
        found = patterns.get(_BELOW + above)
    return patterns.get(EVERY_REALM) if found is None else found


def _normal(realm: str) -> str:
    return unicodedata.normalize("NFC", realm).lower()


def _is_realm(realm: str) -> bool:
    labels = realm.split(".")
    fits = len(realm.encode()) <= _LONGEST_REALM_OCTETS
    return fits and all(_LABEL.fullmatch(label) and len(label.encode()) <= _LONGEST_LABEL_OCTETS for label in labels)
