"""AES-256 in CBC mode with PKCS#7 padding, as access equipment uses it towards portals. Nothing of ours is kept so.

It hides, and it proves nothing: who changes the encrypted octets changes the text (NIST SP 800-38A section 6.2).
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

BLOCK_OCTETS: Final = 16
_KEY_OCTETS: Final = 32


def encrypt(octets: bytes, key: bytes, initialisation_vector: bytes) -> bytes:
    """A key of another length is cut, or filled up with zeros, as OpenSSL's callers in PHP do."""
    padder = padding.PKCS7(AES.block_size).padder()
    padded = padder.update(octets) + padder.finalize()
    encryptor = Cipher(AES(_fitted(key)), CBC(initialisation_vector)).encryptor()
    return encryptor.update(padded) + encryptor.finalize()


def decrypt(encrypted: bytes, key: bytes, initialisation_vector: bytes) -> bytes | None:
    """None where the length or the padding (RFC 5652 section 6.3) is wrong, as it mostly is after another key."""
    if not encrypted or len(encrypted) % BLOCK_OCTETS:
        return None
    decryptor = Cipher(AES(_fitted(key)), CBC(initialisation_vector)).decryptor()
    padded = decryptor.update(encrypted) + decryptor.finalize()
    unpadder = padding.PKCS7(AES.block_size).unpadder()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        return None


def _fitted(key: bytes) -> bytes:
    return key[:_KEY_OCTETS].ljust(_KEY_OCTETS, b"\0")
