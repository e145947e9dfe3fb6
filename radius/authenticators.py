"""The keyed digests that tie a RADIUS packet to its shared secret, and the hiding of passwords.

Plain functions over octets that are known to be well-formed; what must be verified when is decided in
``radius.packet``. A packet's ``head`` is its first four octets, its ``body`` what follows the authenticator. MD5 is
what the RFCs prescribe; it is no choice of ours.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
from collections.abc import Callable
from functools import lru_cache, partial
from importlib import import_module
from typing import Final, Protocol

from radius.errors import LocalFaultError, MalformedAttributeError, UnencodableError


class _Digest(Protocol):
    def copy(self) -> _Digest: ...
    def update(self, octets: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


def _quickest_md5() -> Callable[[bytes], _Digest]:
    """CPython's own MD5, where it was built with it: OpenSSL takes longer to look MD5 up than to digest a packet."""
    try:
        own: Callable[[bytes], _Digest] = import_module("_md5").md5
    except ImportError:
        return partial(hashlib.md5, usedforsecurity=False)
    return own


_md5: Final = _quickest_md5()
AUTHENTICATOR_LENGTH: Final = 16
NO_AUTHENTICATOR: Final = bytes(AUTHENTICATOR_LENGTH)
_BLOCK_LENGTH: Final = 16
_LONGEST_PASSWORD: Final = 128
_SALT_LENGTH: Final = 2
_SALTS: Final = 0x8000
# The longest whole number of blocks that an attribute holds beside tag and salt, less the octet of the length.
LONGEST_SALTED_VALUE: Final = 239
_HMAC_BLOCK_LENGTH: Final = 64
_INNER_PAD: Final = bytes(octet ^ 0x36 for octet in range(256))
_OUTER_PAD: Final = bytes(octet ^ 0x5C for octet in range(256))
# A city has one secret for each kind of gateway, or one for each; those used least go first.
_MOST_KEPT_SECRETS: Final = 1024


def check_secret(secret: bytes) -> None:
    """Raise LocalFaultError for an empty shared secret, which RFC 2865 section 3 forbids."""
    if not secret:
        raise LocalFaultError("the shared secret is empty; configure one of at least 16 octets for this equipment")


def keyed_digest(head: bytes, authenticator: bytes, body: bytes, secret: bytes) -> bytes:
    """MD5 of a packet with ``authenticator`` in its place, followed by the secret.

    With 16 zero octets this is the Request Authenticator of Accounting-Request (RFC 2866 section 3),
    Disconnect-Request and CoA-Request (RFC 5176 section 2.3); with the request's authenticator it is the Response
    Authenticator of every reply (RFC 2865 section 3).
    """
    return _md5(head + authenticator + body + secret).digest()


def message_authenticator(unsigned: bytes, secret: bytes) -> bytes:
    """HMAC-MD5 of a packet (RFC 3579 section 3.2, RFC 2104).

    ``unsigned`` is the packet with Message-Authenticator's own 16 octets zero, and with the request's authenticator
    in its place.
    """
    inner_start, outer_start = _hmac_starts(secret)
    inner = inner_start.copy()
    inner.update(unsigned)
    outer = outer_start.copy()
    outer.update(inner.digest())
    return outer.digest()


def hide_password(password: bytes, secret: bytes, authenticator: bytes) -> bytes:
    """User-Password as it travels (RFC 2865 section 5.2): padded to 16 octets and hidden by the secret.

    ``authenticator`` is the Request Authenticator. Raises UnencodableError for more than 128 octets.
    """
    check_secret(secret)
    if len(password) > _LONGEST_PASSWORD:
        raise UnencodableError(f"a password has at most {_LONGEST_PASSWORD} octets, not {len(password)}")
    padded = password + bytes(-len(password) % _BLOCK_LENGTH) or bytes(_BLOCK_LENGTH)
    hidden, previous = b"", authenticator
    for start in range(0, len(padded), _BLOCK_LENGTH):
        key = _md5(secret + previous).digest()
        previous = _exclusive_or(padded[start : start + _BLOCK_LENGTH], key)
        hidden += previous
    return hidden


def reveal_password(hidden: bytes, secret: bytes, authenticator: bytes) -> bytes:
    """The password in a received User-Password (RFC 2865 section 5.2), without its padding of zero octets.

    A wrong secret gives other octets, not an error. Raises MalformedAttributeError for a length other than 16, 32 …
    128 octets.
    """
    check_secret(secret)
    if not hidden or len(hidden) % _BLOCK_LENGTH or len(hidden) > _LONGEST_PASSWORD:
        raise MalformedAttributeError("User-Password", "a multiple of 16 octets, at most 128")
    return _reveal(hidden, secret, authenticator).rstrip(b"\0")


# Salts must differ within a packet. Counted from a random start they do, without the callers knowing of each other.
_salt_numbers: Final = itertools.count(secrets.randbelow(_SALTS))


def hide_salted(value: bytes, secret: bytes, authenticator: bytes) -> bytes:
    """What RFC 2868 section 3.5 (Tunnel-Password) and RFC 2548 section 2.4.2 (MS-MPPE-Send-Key) put on the wire.

    Salt of two octets with its highest bit set, then length and ``value``, padded to 16 octets and hidden.
    ``authenticator`` is that of the request, in its replies too. The tag of Tunnel-Password is not part of it: it
    goes in front, in clear. No two calls of one packet give the same salt. Raises UnencodableError for more than 239
    octets.
    """
    check_secret(secret)
    if len(value) > LONGEST_SALTED_VALUE:
        raise UnencodableError(f"a salted value has at most {LONGEST_SALTED_VALUE} octets, not {len(value)}")
    salt = (_SALTS + next(_salt_numbers) % _SALTS).to_bytes(_SALT_LENGTH, "big")
    plain = bytes((len(value),)) + value
    plain += bytes(-len(plain) % _BLOCK_LENGTH)
    hidden, previous = salt, authenticator + salt
    for start in range(0, len(plain), _BLOCK_LENGTH):
        key = _md5(secret + previous).digest()
        previous = _exclusive_or(plain[start : start + _BLOCK_LENGTH], key)
        hidden += previous
    return hidden


def reveal_salted(hidden: bytes, secret: bytes, authenticator: bytes, attribute_name: str = "Tunnel-Password") -> bytes:
    """The value that ``hide_salted`` hid. ``attribute_name`` is for the error.

    Raises MalformedAttributeError for a salt without its highest bit, a length that is not of whole blocks, and a
    value that does not end in the last block: so a wrong secret is mostly found, but not always.
    """
    check_secret(secret)
    salt, blocks = hidden[:_SALT_LENGTH], hidden[_SALT_LENGTH:]
    if not blocks or len(blocks) % _BLOCK_LENGTH or not salt[0] & 0x80:
        raise MalformedAttributeError(attribute_name, "a salt with its highest bit set and a multiple of 16 octets")
    revealed = _reveal(blocks, secret, authenticator + salt)
    length = revealed[0]
    # The padding has at most 15 octets.
    if not 0 <= len(revealed) - 1 - length < _BLOCK_LENGTH:
        raise MalformedAttributeError(attribute_name, "hidden with the secret that both ends share")
    return revealed[1 : 1 + length]


def _reveal(hidden: bytes, secret: bytes, start: bytes) -> bytes:
    """What blocks hide, of which each is the beginning of the next one's key."""
    keys = _md5(secret + start).digest()
    for end in range(_BLOCK_LENGTH, len(hidden), _BLOCK_LENGTH):
        keys += _md5(secret + hidden[end - _BLOCK_LENGTH : end]).digest()
    return _exclusive_or(hidden, keys)


def _exclusive_or(octets: bytes, key: bytes) -> bytes:
    return (int.from_bytes(octets, "big") ^ int.from_bytes(key, "big")).to_bytes(len(octets), "big")


@lru_cache(_MOST_KEPT_SECRETS)
def _hmac_starts(secret: bytes) -> tuple[_Digest, _Digest]:
    """HMAC's two digests with their pads in: half of its work for a packet, and the same for every packet."""
    key = _md5(secret).digest() if len(secret) > _HMAC_BLOCK_LENGTH else secret
    padded = key.ljust(_HMAC_BLOCK_LENGTH, b"\0")
    inner = _md5(padded.translate(_INNER_PAD))
    return inner, _md5(padded.translate(_OUTER_PAD))
