"""The encrypted network (802.1X): what a device must know of it, and the user names that a resident has for it.

A password stands nowhere but on the page that shows it for some minutes, whose unguessable address only the browser
learns that asked for it. The page needs no journey, because it must also open in a full browser: Apple's sign-in
window can load no profile.
"""

from __future__ import annotations

import hashlib
import json
import ssl
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from captive_portal.errors import PortalError
from captive_portal.journey import Journey
from captive_portal.storage import credentials as storage
from foundation import certificates
from foundation.certificate_store import CertificateStore
from foundation.credentials import add_credential
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.settings import EapMethod, PortalSettings, Settings

_ANONYMOUS: Final = "anonymous"
# Methods that a user name and password serve.
_PASSWORD_METHODS: Final[frozenset[EapMethod]] = frozenset({"peap", "ttls"})
_LIMITS_COUNT: Final = timedelta(hours=1)
# A page may be opened long before it is known whose council it is.
_NO_COUNCIL: Final = 0
_PURPOSE: Final = "credential page"


class NotAResidentError(PortalError):
    """A journey without a resident asked for a user name: a fault of our own."""


class CredentialLimit(StrEnum):
    """Which limit a request for a user name met."""

    NUMBER = "limited-by-number"
    HOUR = "limited-by-hour"


@dataclass(frozen=True, slots=True)
class SecureNetwork:
    """What a device is told about the network and about the server that it must find there."""

    name: str
    server_name: str
    # SHA-1 of the server's certificate in hexadecimal: what Windows shows a person to compare.
    thumbprint: str
    # The authority (DER) that devices do not know by themselves; None where they do.
    authority: bytes | None
    # peap and ttls, as the RADIUS server proposes them.
    methods: tuple[EapMethod, ...]
    lowest_tls_version: str
    # Our own realm, by which other operators know where to ask; empty where nobody travels.
    realm: str = ""

    @property
    def anonymous_identity(self) -> str:
        """What a device sends in clear before the tunnel is there: nobody's name."""
        return self.identity(_ANONYMOUS)

    def identity(self, user_name: str) -> str:
        """What is typed as user name, here and at other operators' networks (RFC 7542)."""
        return f"{user_name}@{self.realm}" if self.realm else user_name

    @property
    def method(self) -> EapMethod:
        """The one that instructions name."""
        return self.methods[0]


@dataclass(frozen=True, slots=True)
class NewCredential:
    """What stands on the page of a new credential."""

    council_id: int
    user_name: str
    password: str = field(repr=False)
    language: str
    # The journey that it was asked for on.
    back: str = field(repr=False)
    expires_at: datetime


def is_offered(settings: Settings) -> bool:
    """Whether there is a secure network: it has a name, a certificate, and a method that takes passwords."""
    return bool(settings.portal.secure_network_name and _methods(settings) and _certificate_file(settings).exists())


def find_secure_network(settings: Settings) -> SecureNetwork | None:
    """The network that is offered, if one is. Raises CertificateError for files that are not what they should be.

    The authority is our private one where it issued the certificate, else a root that stands at the end of the
    certificate's file.
    """
    if not is_offered(settings):
        return None
    pem = _certificate_file(settings).read_bytes()
    chain, blocks = certificates.read_certificates(pem), _blocks(pem)
    if not blocks:
        raise certificates.CertificateError(f"{_certificate_file(settings)} is not PEM")
    store, authority = CertificateStore(settings.certificates_directory), None
    if store.has_authority and certificates.is_issued_by(pem, store.authority_pem()):
        authority = store.authority_pem()
    elif len(chain) > 1 and chain[-1].is_self_signed:
        authority = blocks[-1]
    return SecureNetwork(
        name=settings.portal.secure_network_name,
        server_name=server_name(chain[0]),
        thumbprint=hashlib.sha1(_der(blocks[0]), usedforsecurity=False).hexdigest().upper(),
        authority=None if authority is None else _der(_blocks(authority)[0]),
        methods=_methods(settings),
        lowest_tls_version=settings.eap.lowest_tls_version,
        realm=next(iter(settings.roaming.own_realms), ""),
    )


def server_name(certificate: certificates.CertificateDetails) -> str:
    """The name that devices compare: the first that is no wildcard."""
    return next((name for name in certificate.dns_names if "*" not in name), certificate.common_name)


def _methods(settings: Settings) -> tuple[EapMethod, ...]:
    return tuple(method for method in settings.eap.methods if method in _PASSWORD_METHODS)


def _certificate_file(settings: Settings) -> Path:
    return settings.eap.certificate_file or CertificateStore(settings.certificates_directory).server_file


def _blocks(pem: bytes) -> list[bytes]:
    """Each certificate of a PEM file."""
    end = b"-----END CERTIFICATE-----"
    return [b"-----BEGIN" + part.partition(b"-----BEGIN")[2] + end for part in pem.split(end)[:-1]]


def _der(pem: bytes) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem.decode("ascii"))


def limit_met(alive: int, made_lately: int, settings: PortalSettings) -> CredentialLimit | None:
    """Which limit one more credential would break."""
    if alive >= settings.credentials_per_resident:
        return CredentialLimit.NUMBER
    if made_lately >= settings.credentials_per_resident_per_hour:
        return CredentialLimit.HOUR
    return None


async def make_credential(
    connection: AsyncConnection, runtime: Runtime, journey: Journey, path: str, now: datetime
) -> CredentialLimit | None:
    """Make a credential of the journey's resident and the page at ``path`` that shows it; None where that was done.

    Where the right to be on has an end, such as that of a code on paper, the credential has the same.

    A page that is there already came from the first of two presses of the button. Raises NotAResidentError.
    """
    resident_id, keyring, settings = journey.resident_id, runtime.keyring, runtime.settings.portal
    if resident_id is None:
        raise NotAResidentError("only a resident gets a user name for the secure network")
    await storage.lock_resident(connection, resident_id)
    pseudonym = _path_pseudonym(keyring, path)
    if await storage.find_page(connection, pseudonym, now) is not None:
        return None
    alive = await storage.list_alive(connection, resident_id, now)
    made_lately = await storage.count_made(connection, resident_id, now - _LIMITS_COUNT)
    limit = limit_met(len(alive), made_lately, settings)
    if limit is not None:
        return limit
    made = await add_credential(
        connection,
        keyring,
        council_id=journey.council_id,
        resident_id=resident_id,
        now=now,
        expires_at=journey.details.access_until,
    )
    details = {"password": made.password, "language": journey.language, "back": journey.details.path_id}
    page = storage.NewPage(
        council_id=journey.council_id,
        credential_id=made.id,
        path_pseudonym=pseudonym,
        details_encrypted=keyring.encrypt(_PURPOSE, json.dumps(details).encode()),
        expires_at=now + timedelta(seconds=settings.credential_page_lifetime_seconds),
    )
    await storage.insert_page(connection, page, now)
    return None


async def open_page(connection: AsyncConnection, keyring: Keyring, path: str, now: datetime) -> NewCredential | None:
    """What stands on the page of a new credential; None where there is none, or none any more."""
    row = await storage.find_page(connection, _path_pseudonym(keyring, path), now)
    if row is None:
        return None
    details = json.loads(keyring.decrypt(_PURPOSE, row.details_encrypted))
    return NewCredential(
        council_id=row.council_id,
        user_name=row.user_name,
        password=details["password"],
        language=details["language"],
        back=details["back"],
        expires_at=row.expires_at,
    )


def _path_pseudonym(keyring: Keyring, path: str) -> bytes:
    return keyring.pseudonym(_PURPOSE, _NO_COUNCIL, path.encode())
