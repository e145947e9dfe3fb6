"""X.509: a private certificate authority, what it issues and revokes, and what a certificate says.

Everything goes in and out as PEM (reading also takes DER), so that no other room needs to know the library. Server
certificates keep to what phones demand of a private authority: a DNS name in subjectAltName, the purpose serverAuth,
SHA-256 and at most 825 days (Apple, "Requirements for trusted certificates in iOS 13 and macOS 10.15").

Residents' devices and access equipment are kept apart by the kind of their name (RFC 5280 section 4.2.1.6): a device
has the user name of its credential as user principal name, equipment has a DNS name (RFC 6614 section 2.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

AUTHORITY_DAYS: Final = 3650
SERVER_DAYS: Final = 730
CLIENT_DAYS: Final = 730
# Clocks of devices and equipment are not exact, and some have no battery.
_BACKDATED: Final = timedelta(days=1)
# RFC 5280 appendix A.1, ub-common-name
_LONGEST_NAME: Final = 64
_USER_PRINCIPAL_NAME: Final = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_PURPOSES: Final = {ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth", ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth"}
_HOST_NAME: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+")
_KEY_USES: Final = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip
_UTF8_STRING_TAG: Final = 0x0C

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


class CertificateError(Exception):
    """A certificate, a key or their file cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class CertificateDetails:
    """What a certificate says. ``serial`` is lower-case hexadecimal, ``fingerprint`` its SHA-256 in pairs."""

    subject: str
    common_name: str
    # Of a device that our authority issued it to: the code of its resident's council.
    organisation: str
    dns_names: tuple[str, ...]
    # User principal names and email addresses: whose device it is.
    user_names: tuple[str, ...]
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    fingerprint: str
    is_authority: bool
    is_self_signed: bool
    # serverAuth, clientAuth; without the extension it is good for both (RFC 5280 section 4.2.1.12).
    purposes: frozenset[str]

    @property
    def name(self) -> str:
        """What it is called by: its user name, its first DNS name, or its subject."""
        return next(iter((*self.user_names, *self.dns_names)), self.common_name or self.subject)

    def seconds_left(self, now: datetime) -> float:
        """Until it expires; negative afterwards."""
        return (self.not_after - now).total_seconds()

    def days_left(self, now: datetime) -> int:
        """Whole days until it expires; negative afterwards."""
        return (self.not_after - now).days


@dataclass(frozen=True, slots=True, repr=False)
class Pair:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes


def read_certificates(octets: bytes) -> tuple[CertificateDetails, ...]:
    """All certificates of a PEM file, or the one of a DER file. Raises CertificateError."""
    return tuple(_details(certificate) for certificate in _load_certificates(octets))


def read_certificate(octets: bytes) -> CertificateDetails:
    """The first certificate of a PEM file, or the one of a DER file. Raises CertificateError."""
    return read_certificates(octets)[0]


def check_pair(pair: Pair) -> CertificateDetails:
    """The first certificate, to which the key belongs. Raises CertificateError where it does not."""
    certificate = _load_certificates(pair.certificate)[0]
    if _public_octets(_load_key(pair.key)) != _public_octets(certificate):
        raise CertificateError("the private key is not that of the certificate; give the two files made together")
    return _details(certificate)


def check_chain(octets: bytes) -> None:
    """Each certificate must be issued by the next one. Raises CertificateError that names the first that is not."""
    certificates = _load_certificates(octets)
    for certificate, issuer in pairwise(certificates):
        if not _is_issued_by(certificate, issuer):
            raise CertificateError(
                f"{certificate.subject.rfc4514_string()} was not issued by {issuer.subject.rfc4514_string()}, which "
                "follows it; put the server's certificate first and then each certificate's issuer"
            )


def is_issued_by(octets: bytes, authority: bytes) -> bool:
    """Whether the first certificate was signed by the authority. Raises CertificateError."""
    return _is_issued_by(_load_certificates(octets)[0], _load_certificates(authority)[0])


def read_revocation_list(octets: bytes) -> dict[str, datetime]:
    """When each certificate was revoked, by serial number. Raises CertificateError."""
    revoked = _load_revocation_list(octets)
    return {f"{entry.serial_number:x}": entry.revocation_date_utc for entry in revoked}


def revocation_list_ends(octets: bytes) -> datetime | None:
    """When the list must have been replaced; after that, everybody is refused. Raises CertificateError."""
    return _load_revocation_list(octets).next_update_utc


def make_authority(name: str, organisation: str, now: datetime) -> Pair:
    """A new private certificate authority, good for ten years. Raises CertificateError for an unusable name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(name, organisation)
    builder = (
        _builder(subject, subject, key, now, now + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage("key_cert_sign", "crl_sign"), critical=True)
    )
    return Pair(_pem(builder.sign(key, hashes.SHA256())), _key_pem(key))


class Authority:
    """Our own certificate authority, opened to issue and to revoke."""

    def __init__(self, pair: Pair) -> None:
        """Raises CertificateError when key and certificate do not belong together, or it is no authority."""
        details = check_pair(pair)
        if not details.is_authority:
            raise CertificateError(f"{details.subject} is not a certificate authority; restore ca.pem from your backup")
        key = _load_key(pair.key)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise CertificateError("the authority's key is not one that citywifi made; restore ca.key from your backup")
        self._key = key
        self._certificate = _load_certificates(pair.certificate)[0]
        self.certificate = pair.certificate

    def issue_server(self, dns_names: Sequence[str], now: datetime) -> Pair:
        """For the RADIUS server; devices compare the name. Raises CertificateError for a name that is none.

        It is good for clients, too: with other operators' RadSec servers ours is the one that connects (RFC 6614).
        """
        names = [checked_dns_name(name) for name in dns_names]
        alternatives = [x509.DNSName(name) for name in names]
        subject = _subject(names[0], "")
        purposes = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
        return self._issue(subject, alternatives, purposes, now, SERVER_DAYS)

    def issue_device(self, user_name: str, council_code: str, now: datetime) -> Pair:
        """For a resident's device (EAP-TLS). Raises CertificateError for a name that a certificate cannot carry.

        The council is its organisation, because two councils may have the same user name.
        """
        octets = user_name.encode()
        if not 0 < len(octets) <= _LONGEST_NAME:
            raise CertificateError(
                f"a certificate can carry user names of 1 to {_LONGEST_NAME} octets, and this one has {len(octets)}"
            )
        principal = x509.OtherName(_USER_PRINCIPAL_NAME, bytes([_UTF8_STRING_TAG, len(octets)]) + octets)
        subject = _subject(user_name, council_code)
        return self._issue(subject, [principal], (ExtendedKeyUsageOID.CLIENT_AUTH,), now, CLIENT_DAYS)

    def issue_equipment(self, dns_name: str, now: datetime) -> Pair:
        """For access equipment or a proxy that speaks RadSec. Raises CertificateError for a name that is none."""
        name = checked_dns_name(dns_name)
        purposes = (ExtendedKeyUsageOID.CLIENT_AUTH,)
        return self._issue(_subject(name, ""), [x509.DNSName(name)], purposes, now, CLIENT_DAYS)

    def revocation_list(self, revoked: Mapping[str, datetime], now: datetime) -> bytes:
        """The list (PEM) of serial numbers and when each was revoked.

        It is good for as long as the authority: it lies beside the server that asks it, so its age says nothing,
        while a list that ended would lock every device out.
        """
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(now - _BACKDATED)
            .next_update(self._certificate.not_valid_after_utc)
            .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        for serial, at in revoked.items():
            entry = x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(at)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _issue(
        self,
        subject: x509.Name,
        alternatives: Iterable[x509.GeneralName],
        purposes: Iterable[ObjectIdentifier],
        now: datetime,
        days: int,
    ) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        ends = min(now + timedelta(days=days), self._certificate.not_valid_after_utc)
        builder = (
            _builder(subject, self._certificate.subject, key, now, ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage("digital_signature"), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        return Pair(_pem(builder.sign(self._key, hashes.SHA256())), _key_pem(key))


def checked_dns_name(name: str) -> str:
    """A fully qualified host name in small letters. Raises CertificateError for anything else."""
    lower = name.strip().rstrip(".").lower()
    if len(lower) > _LONGEST_NAME or not _HOST_NAME.fullmatch(lower):
        raise CertificateError(
            f"{name!r} is not a full host name of at most {_LONGEST_NAME} characters, such as radius.wifi.example.org"
        )
    return lower


def _subject(name: str, organisation: str) -> x509.Name:
    wanted = [(NameOID.ORGANIZATION_NAME, organisation), (NameOID.COMMON_NAME, name)]
    try:
        return x509.Name([x509.NameAttribute(kind, text) for kind, text in wanted if text])
    except ValueError:
        raise CertificateError(f"{organisation or name!r} is too long for a certificate; use {_LONGEST_NAME}") from None


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*uses: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{use: use in uses for use in _KEY_USES})


def _details(certificate: x509.Certificate) -> CertificateDetails:
    subject = certificate.subject
    dns_names, user_names = _alternative_names(certificate)
    constraints = _extension(certificate, x509.BasicConstraints)
    usage = _extension(certificate, x509.ExtendedKeyUsage)
    return CertificateDetails(
        subject=subject.rfc4514_string(),
        common_name=_first(subject, NameOID.COMMON_NAME),
        organisation=_first(subject, NameOID.ORGANIZATION_NAME),
        dns_names=dns_names,
        user_names=user_names,
        issuer=certificate.issuer.rfc4514_string(),
        serial=f"{certificate.serial_number:x}",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(":").upper(),
        is_authority=constraints is not None and constraints.ca,
        is_self_signed=certificate.subject == certificate.issuer,
        purposes=frozenset(_PURPOSES.get(oid, oid.dotted_string) for oid in usage or _PURPOSES),
    )


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _first(name: x509.Name, kind: ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(kind)
    return str(found[0].value) if found else ""


def _alternative_names(certificate: x509.Certificate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """DNS names in small letters, and user principal names and email addresses."""
    names = _extension(certificate, x509.SubjectAlternativeName)
    if names is None:
        return (), ()
    users = [_principal(name) for name in names.get_values_for_type(x509.OtherName)]
    users += names.get_values_for_type(x509.RFC822Name)
    dns_names = tuple(name.lower() for name in names.get_values_for_type(x509.DNSName))
    return dns_names, tuple(user for user in users if user)


def _principal(name: x509.OtherName) -> str:
    """A user principal name: a UTF-8 string of up to 127 octets in DER; empty for any other kind of name."""
    value = name.value
    is_short_text = len(value) > 2 and value[0] == _UTF8_STRING_TAG and value[1] == len(value) - 2 < 0x80
    if name.type_id != _USER_PRINCIPAL_NAME or not is_short_text:
        return ""
    return value[2:].decode(errors="replace")


def _load_certificates(octets: bytes) -> list[x509.Certificate]:
    try:
        if b"-----BEGIN" in octets:
            found = x509.load_pem_x509_certificates(octets)
        else:
            found = [x509.load_der_x509_certificate(octets)]
        # Extensions are parsed when they are first asked for; here is where that may fail.
        for certificate in found:
            certificate.extensions  # noqa: B018
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        raise CertificateError("this is no certificate in PEM or DER; PEM begins -----BEGIN CERTIFICATE-----") from None
    return found


def _load_revocation_list(octets: bytes) -> x509.CertificateRevocationList:
    try:
        return x509.load_pem_x509_crl(octets)
    except ValueError:
        raise CertificateError("this is not a revocation list in PEM; it begins -----BEGIN X509 CRL-----") from None


def _load_key(octets: bytes) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(octets, password=None)
    except TypeError:
        raise CertificateError(
            "the private key is protected by a password, which a service cannot type; take it off with: "
            "openssl pkey -in KEY -out KEY.open"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError("this is not a private key in PEM; it begins -----BEGIN PRIVATE KEY-----") from None


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _public_octets(holder: PrivateKeyTypes | x509.Certificate) -> bytes:
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return holder.public_key().public_bytes(*form)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
