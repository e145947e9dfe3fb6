"""Certificates for RadSec (RFC 6614): both ends show one, and files that change are taken up without a restart.

TLS 1.2 or newer. Sessions are not resumed, because a resumed one would not ask again whether its certificate is still
good.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import structlog
from OpenSSL import crypto

from foundation.settings import RadSecSettings
from radius.errors import LocalFaultError

logger = structlog.get_logger(__name__)

_Stamp = tuple[tuple[int, int, int] | None, ...]


class TlsUnusableError(LocalFaultError):
    """A certificate, key or list cannot be used; the message names the file and says what to do."""


class Refusal(StrEnum):
    """Why a connection was not let in; the value is a metric's label."""

    NO_CERTIFICATE = "no_certificate"
    UNKNOWN_AUTHORITY = "unknown_authority"
    EXPIRED = "expired"
    REVOKED = "revoked"
    REVOCATION_LIST_UNUSABLE = "revocation_list_unusable"
    WRONG_PURPOSE = "wrong_purpose"
    UNKNOWN_NAME = "unknown_name"
    WRONG_NETWORK = "wrong_network"
    OUR_CERTIFICATE_REFUSED = "our_certificate_refused"
    TLS_VERSION = "tls_version"
    HANDSHAKE_FAILED = "handshake_failed"
    HANDSHAKE_TIMEOUT = "handshake_timeout"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    TOO_MANY_HANDSHAKES = "too_many_handshakes"

    @property
    def explanation(self) -> str:
        """What an engineer is told."""
        return _EXPLANATIONS[self]


_EXPLANATIONS: Final = {
    Refusal.NO_CERTIFICATE: "it showed no certificate",
    Refusal.UNKNOWN_AUTHORITY: "its certificate is not by an authority in radsec.client_ca_file (or ca.pem)",
    Refusal.EXPIRED: "its certificate has expired, or is not good yet: compare the clocks",
    Refusal.REVOKED: "its certificate was revoked",
    Refusal.REVOCATION_LIST_UNUSABLE: "the revocation list has ended, or is not by the certificate's authority",
    Refusal.WRONG_PURPOSE: "its certificate is not for clients (extended key usage clientAuth)",
    Refusal.UNKNOWN_NAME: "no DNS name in its certificate was entered with `citywifi nas add --radsec-name`",
    Refusal.WRONG_NETWORK: "it came from outside of the network that is entered for it",
    Refusal.OUR_CERTIFICATE_REFUSED: "it does not trust our certificate: give it our authority's, and the right name",
    Refusal.TLS_VERSION: "it speaks no TLS 1.2 or 1.3",
    Refusal.HANDSHAKE_FAILED: "it does not speak TLS, or shares no cipher with us",
    Refusal.HANDSHAKE_TIMEOUT: "it did not finish the handshake in time",
    Refusal.TOO_MANY_CONNECTIONS: "there are as many connections as radsec.most_connections allows",
    Refusal.TOO_MANY_HANDSHAKES: "too many connections were in their handshake",
}


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: our certificate with its key, who issues the others', and what of theirs was revoked."""

    certificate: Path
    private_key: Path
    authority: Path
    revocation_list: Path
    # Where it was set by name it must be there; else it is used from when it is there.
    revocation_list_is_required: bool = False


def files_of(settings: RadSecSettings, directory: Path) -> TlsFiles:
    """What is set, and for the rest what `citywifi certificates` keeps in its directory."""
    return TlsFiles(
        certificate=settings.certificate_file or directory / "server.pem",
        private_key=settings.private_key_file or directory / "server.key",
        authority=settings.client_ca_file or directory / "ca.pem",
        revocation_list=settings.revocation_list_file or directory / "revoked.pem",
        revocation_list_is_required=settings.revocation_list_file is not None,
    )


class TlsMaterial:
    """The files as they are now: ``context`` for new connections, ``is_good`` for those that are open."""

    def __init__(self, files: TlsFiles, make_context: Callable[[TlsFiles, bool], ssl.SSLContext]) -> None:
        """Raises TlsUnusableError."""
        self._files = files
        self._make_context = make_context
        self._stamp: _Stamp = ()
        self._complained_of: _Stamp = ()
        self._has_revocation_list = files.revocation_list_is_required
        self._load(self._current_stamp())

    def refresh(self) -> bool:
        """Whether the files changed and were taken up. Files that cannot be used leave the old ones in force."""
        stamp = self._current_stamp()
        if stamp == self._stamp:
            return False
        try:
            self._load(stamp)
        except TlsUnusableError as error:
            if stamp != self._complained_of:
                logger.error("new RadSec certificates cannot be used; the old ones stay in force", problem=str(error))
            self._complained_of = stamp
            return False
        logger.info("RadSec certificates were read again")
        return True

    def is_good(self, certificate: bytes) -> bool:
        """Whether a certificate (DER) is issued, in its time and not revoked by what the files say now.

        False also where that cannot be told without the intermediate certificates that came with it: its owner connects
        again, and shows them.
        """
        try:
            shown = crypto.load_certificate(crypto.FILETYPE_ASN1, certificate)
            crypto.X509StoreContext(self._store, shown).verify_certificate()
        except (crypto.Error, crypto.X509StoreContextError):
            return False
        return True

    def _load(self, stamp: _Stamp) -> None:
        has_list = stamp[-1] is not None
        if self._has_revocation_list and not has_list:
            raise TlsUnusableError(f"the revocation list {self._files.revocation_list} is gone; put it back")
        context = self._make_context(self._files, has_list)
        store = crypto.X509Store()
        store.load_locations(str(self._files.authority))
        if has_list:
            store.load_locations(str(self._files.revocation_list))
            store.set_flags(crypto.X509StoreFlags.CRL_CHECK)
        self.context = context
        self._store = store
        self._stamp = stamp
        self._has_revocation_list = has_list

    def _current_stamp(self) -> _Stamp:
        files = self._files
        return tuple(
            _stamp_of(file) for file in (files.certificate, files.private_key, files.authority, files.revocation_list)
        )


def server_context(files: TlsFiles, has_revocation_list: bool) -> ssl.SSLContext:
    """For those who connect to us. Raises TlsUnusableError."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, files, has_revocation_list)
    context.verify_mode = ssl.CERT_REQUIRED
    # Each connection shows its certificate anew.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    return context


def client_context(files: TlsFiles, has_revocation_list: bool) -> ssl.SSLContext:
    """For those to whom we connect: their name is compared, too. Raises TlsUnusableError."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT, files, has_revocation_list)
    context.hostname_checks_common_name = False
    return context


def alternative_names(peer_certificate: object) -> tuple[str, ...]:
    """The DNS names of subjectAltName in what ``getpeercert`` gives; the subject's common name does not count."""
    if not isinstance(peer_certificate, dict):
        return ()
    return tuple(value for kind, value in peer_certificate.get("subjectAltName", ()) if kind == "DNS")


def refusal_of(error: Exception) -> Refusal:
    """Why a handshake failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _BY_VERIFY_CODE.get(error.verify_code, Refusal.UNKNOWN_AUTHORITY)
    if isinstance(error, ssl.SSLError):
        return next((found for text, found in _BY_REASON if text in (error.reason or "")), Refusal.HANDSHAKE_FAILED)
    # asyncio aborts a handshake that takes too long.
    is_timeout = isinstance(error, TimeoutError | ConnectionAbortedError)
    return Refusal.HANDSHAKE_TIMEOUT if is_timeout else Refusal.HANDSHAKE_FAILED


# openssl/x509_vfy.h
_BY_VERIFY_CODE: Final = {
    3: Refusal.REVOCATION_LIST_UNUSABLE,
    8: Refusal.REVOCATION_LIST_UNUSABLE,
    9: Refusal.EXPIRED,  # or not good yet
    10: Refusal.EXPIRED,
    11: Refusal.REVOCATION_LIST_UNUSABLE,
    12: Refusal.REVOCATION_LIST_UNUSABLE,
    23: Refusal.REVOKED,
    26: Refusal.WRONG_PURPOSE,
}
# openssl/sslerr.h
_BY_REASON: Final = (
    ("PEER_DID_NOT_RETURN_A_CERTIFICATE", Refusal.NO_CERTIFICATE),
    ("UNSUPPORTED_PROTOCOL", Refusal.TLS_VERSION),
    ("VERSION_TOO_LOW", Refusal.TLS_VERSION),
    ("ALERT_UNKNOWN_CA", Refusal.OUR_CERTIFICATE_REFUSED),
    ("ALERT_BAD_CERTIFICATE", Refusal.OUR_CERTIFICATE_REFUSED),
    ("ALERT_CERTIFICATE_", Refusal.OUR_CERTIFICATE_REFUSED),
)


def _context(protocol: int, files: TlsFiles, has_revocation_list: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    # Of TLS 1.2: what keeps recorded connections closed when a key is stolen later.
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:ECDHE+AES:DHE+AES:!aNULL")
    try:
        # Without a password's function OpenSSL would ask for one at the terminal.
        context.load_cert_chain(files.certificate, files.private_key, password="")
    except (OSError, ValueError) as error:
        raise TlsUnusableError(
            f"{files.certificate} and {files.private_key} cannot be used as certificate and key of RadSec:"
            f" {_words_of(error)}; `citywifi certificates` makes them"
        ) from None
    wanted = [files.authority, *([files.revocation_list] if has_revocation_list else [])]
    for file in wanted:
        try:
            context.load_verify_locations(file)
        except OSError as error:
            raise TlsUnusableError(f"{file} cannot be used for RadSec: {_words_of(error)}") from None
    if has_revocation_list:
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


def _words_of(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "it is not in the form PEM").lower().replace("_", " ")
    return (error.strerror if isinstance(error, OSError) else None) or "it is not in the form PEM"


def _stamp_of(file: Path) -> tuple[int, int, int] | None:
    """What changes when the file does; None where it cannot be seen."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
