"""Keyed pseudonyms, encryption at rest and derived one-time passwords: the only room that touches a key.

One master key is kept in a file beside the database, never in it. What is derived from it (HKDF, RFC 5869) is
separate for each purpose, so that a pseudonym can never be mistaken for a password or a ciphertext.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from foundation.mac_address import MacAddress

_KEY_OCTETS: Final = 32
_NONCE_OCTETS: Final = 12
_PSEUDONYM_OCTETS: Final = 16
_FORMAT: Final = b"\x01"
# Known to everybody who reads this line; a service without the demo flag refuses it.
_DEMO_KEY: Final = hashlib.sha256(b"CityWiFi demo key: not a secret").digest()


class PrivacyError(Exception):
    """A key is missing or unreadable, or sealed data is not ours."""


class Keyring:
    """Everything that needs the master key. Make one per process and hand it down."""

    def __init__(self, master_key: bytes) -> None:
        if len(master_key) != _KEY_OCTETS:
            raise PrivacyError(f"the master key has {len(master_key)} octets; it must have {_KEY_OCTETS}")
        self._pseudonyms = _Hmac(_derive(master_key, "pseudonym"))
        self._password_key = _derive(master_key, "one-time password")
        self._cipher = AESGCM(_derive(master_key, "encryption at rest"))
        self._nonce_key = _derive(master_key, "nonces of repeatable encryption")
        self.is_demo = hmac.compare_digest(master_key, _DEMO_KEY)
        self.fingerprint = _derive(master_key, "fingerprint")[:8].hex()

    @classmethod
    def demo(cls) -> Keyring:
        """The well-known key of the demo city."""
        return cls(_DEMO_KEY)

    @classmethod
    def load(cls, path: Path) -> Keyring:
        """Read the key file. Raises PrivacyError that says what to do."""
        try:
            text = path.read_text(encoding="ascii").strip()
            mode = path.stat().st_mode
        except FileNotFoundError:
            raise PrivacyError(f"no key file at {path}; `citywifi database prepare` makes one") from None
        except (OSError, UnicodeDecodeError) as error:
            raise PrivacyError(f"the key file {path} cannot be read: {error}") from None
        if mode & 0o077:
            raise PrivacyError(f"the key file {path} can be read by others; run: chmod 600 {path}")
        try:
            return cls(base64.b64decode(text, validate=True))
        except ValueError:
            raise PrivacyError(f"the key file {path} is not base64; restore it from your backup") from None

    @classmethod
    def create(cls, path: Path) -> Keyring:
        """Make a new random key file; never overwrites one, because what it encrypted would be lost."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = secrets.token_bytes(_KEY_OCTETS)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise PrivacyError(f"there is already a key file at {path}; it was left as it is") from None
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(key) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return cls(key)

    def pseudonym(self, purpose: str, council_id: int, value: bytes) -> bytes:
        """Keyed hash of 16 octets: the same person is never linkable between councils or purposes."""
        return self._pseudonyms.digest(b"%b\x00%d\x00%b" % (purpose.encode(), council_id, value))[:_PSEUDONYM_OCTETS]

    def device_pseudonym(self, council_id: int, address: MacAddress) -> bytes:
        """What a MAC address is looked up by."""
        return self.pseudonym("device", council_id, address.octets)

    def contact_pseudonym(self, council_id: int, contact: str) -> bytes:
        """What an email address is looked up by; spelling in capitals and spaces around it do not matter."""
        return self.pseudonym("contact", council_id, contact.strip().casefold().encode())

    def one_time_password(self, user_name: str) -> str:
        """The password of a one-time token, 20 lower-case letters and digits.

        Derived instead of stored: CHAP needs it in clear on both sides, and a leaked database must not hold it.
        """
        digest = hmac.digest(self._password_key, user_name.encode(), "sha256")
        return base64.b32encode(digest[:13]).decode("ascii").rstrip("=")[:20].lower()

    def encrypt(self, purpose: str, plaintext: bytes) -> bytes:
        """AES-256-GCM; ``purpose`` (such as ``"nas secret"``) is bound in, so that values cannot be swapped."""
        return self._encrypt(os.urandom(_NONCE_OCTETS), purpose, plaintext)

    def encrypt_repeatably(self, purpose: str, plaintext: bytes) -> bytes:
        """As ``encrypt``, but the same for the same, for what stands in an address that must not change.

        The nonce is a keyed hash of all that is encrypted (the idea of RFC 5297), so none serves for two plaintexts.
        """
        message = b"%b\x00%b" % (purpose.encode(), plaintext)
        return self._encrypt(hmac.digest(self._nonce_key, message, "sha256")[:_NONCE_OCTETS], purpose, plaintext)

    def _encrypt(self, nonce: bytes, purpose: str, plaintext: bytes) -> bytes:
        return _FORMAT + nonce + self._cipher.encrypt(nonce, plaintext, purpose.encode())

    def decrypt(self, purpose: str, sealed: bytes) -> bytes:
        """Undo encrypt. Raises PrivacyError for anything that this key did not seal for this purpose."""
        if sealed[:1] != _FORMAT or len(sealed) < 1 + _NONCE_OCTETS + 16:
            raise PrivacyError(f"not a sealed {purpose}")
        nonce, ciphertext = sealed[1 : 1 + _NONCE_OCTETS], sealed[1 + _NONCE_OCTETS :]
        try:
            return self._cipher.decrypt(nonce, ciphertext, purpose.encode())
        except InvalidTag:
            raise PrivacyError(f"a sealed {purpose} does not open with this key; is it the right key file?") from None


class _Hmac:
    """HMAC-SHA-256 (RFC 2104) of many messages with one key, which is hashed once.

    Every RADIUS request needs some; the library's hashes the key anew for each, which takes three times as long.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = key.ljust(hashlib.sha256().block_size, b"\x00")
        self._inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in block))
        self._outer = hashlib.sha256(bytes(octet ^ 0x5C for octet in block))

    def digest(self, message: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


def _derive(master_key: bytes, purpose: str) -> bytes:
    info = f"citywifi/{purpose}".encode()
    return HKDF(algorithm=hashes.SHA256(), length=_KEY_OCTETS, salt=None, info=info).derive(master_key)
