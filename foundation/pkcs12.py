"""A certificate with its private key and its authority in one file, as phones and computers take it (RFC 7292)."""

from __future__ import annotations

from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import PrivateFormat, load_pem_private_key, pkcs12

from foundation.certificates import Pair

_ROUNDS: Final = 100_000


def export_pkcs12(pair: Pair, authority: bytes, name: str, password: str) -> bytes:
    """The file's content; ``pair`` is one that our authority issued, ``name`` is what the device calls it.

    Triple DES and SHA-1 are what all of them read: iOS, macOS and Windows of the last years refuse a newer one as a
    wrong password. The file's protection is the generated password.
    """
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(_ROUNDS)
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())  # noqa: S303  see above
        .build(password.encode())
    )
    key = load_pem_private_key(pair.key, password=None)
    assert isinstance(key, EllipticCurvePrivateKey)
    certificate = x509.load_pem_x509_certificate(pair.certificate)
    authorities = x509.load_pem_x509_certificates(authority)
    return pkcs12.serialize_key_and_certificates(name.encode(), key, certificate, authorities, encryption)
