"""The certificates that EAP speaks TLS with, read from files and read again when the files change.

Each method has a context of its own and with it its own ticket keys, so that a session of one method cannot be resumed
by another (RFC 9190 section 2.1.3 wants identity and authorisation bound to the session). New certificates or a new
revocation list make new contexts: tickets from before are worth nothing then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from OpenSSL import SSL, crypto

from foundation.certificates import CertificateError, Pair, check_pair
from foundation.settings import EapSettings
from radius.authentication.eap.tls import check_certificate, observe
from radius.authentication.eap.tls_keys import EAP_PEAP, EAP_TLS, EAP_TTLS

logger = structlog.get_logger(__name__)

CHECK_SECONDS: Final = 15
# OpenSSL keeps a context's ticket keys for as long as the context: no longer than this should they open old tickets.
_LIFETIME_SECONDS: Final = 86_400
_VERSIONS: Final = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
# Keys are agreed by the quickest that is sound. OpenSSL's own first choice, X25519MLKEM768, makes our first flight of
# TLS 1.3 two kilobytes long: a fragment, and so a round, more for every phone.
_GROUPS: Final = b"X25519:P-256:P-384"
# Forward secrecy and authenticated encryption; TLS 1.3 has nothing else.
_CIPHERS: Final = b"ECDHE+AESGCM:ECDHE+CHACHA20"
_OPTIONS: Final = SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE


@dataclass(frozen=True, slots=True)
class _Files:
    """Where everything lies. ``revoked`` may be absent unless it was set by hand."""

    certificate: Path
    key: Path
    client_ca: Path
    revoked: Path
    is_revoked_required: bool

    @classmethod
    def of(cls, settings: EapSettings, directory: Path) -> _Files:
        return cls(
            settings.certificate_file or directory / "server.pem",
            settings.private_key_file or directory / "server.key",
            settings.client_ca_file or directory / "ca.pem",
            settings.revocation_list_file or directory / "revoked.pem",
            settings.revocation_list_file is not None,
        )

    def signature(self) -> tuple[object, ...]:
        """Changes when a file does."""
        return tuple(_signature(path) for path in (self.certificate, self.key, self.client_ca, self.revoked))


class TlsContexts:
    """A context for each method that can be offered. ``monotonic`` gives seconds."""

    def __init__(self, settings: EapSettings, directory: Path, monotonic: Callable[[], float]) -> None:
        self._settings = settings
        self._files = _Files.of(settings, directory)
        self._monotonic = monotonic
        self._contexts: dict[int, SSL.Context] = {}
        self.generation = 0
        """Changes whenever the contexts do."""
        self._signature: tuple[object, ...] | None = None
        self._check_at = float("-inf")
        if set(settings.methods) != {"md5"}:
            # What is wrong with the files should be known at the start, not with the first device.
            self.refresh()

    def get(self, eap_type: int) -> SSL.Context | None:
        """The method's context; None where the certificates that it needs are missing or cannot be used."""
        self.refresh()
        return self._contexts.get(eap_type)

    def refresh(self) -> None:
        """Read the files again if they changed; they are looked at every ``CHECK_SECONDS``."""
        now = self._monotonic()
        if now < self._check_at:
            return
        self._check_at = now + CHECK_SECONDS
        # Taken before reading: a file that is written meanwhile is read once more next time.
        signature = (*self._files.signature(), now // _LIFETIME_SECONDS)
        if signature == self._signature:
            return
        self._signature = signature
        try:
            contexts = self._load()
        except (SSL.Error, crypto.Error, OSError, CertificateError) as error:
            # What was read before still serves: half-written files must not lock everybody out.
            problem = str(error) if isinstance(error, CertificateError) else type(error).__name__
            logger.error("certificates of EAP cannot be used; run `citywifi certificates show`", problem=problem)
            return
        self._contexts = contexts
        self.generation += 1
        if contexts:
            logger.info("certificates of EAP were read", client_certificates=EAP_TLS in contexts)

    def _load(self) -> dict[int, SSL.Context]:
        """Raises SSL.Error, crypto.Error, OSError or CertificateError."""
        files = self._files
        if not (files.certificate.exists() and files.key.exists()):
            if self._contexts:
                raise FileNotFoundError(files.certificate)
            logger.info(
                "802.1X is not offered: there is no certificate; `citywifi certificates init` makes one",
                certificate=str(files.certificate),
            )
            return {}
        # Not left to OpenSSL, which would ask the terminal for an encrypted key's password.
        check_pair(Pair(files.certificate.read_bytes(), files.key.read_bytes()))
        contexts = {eap_type: self._server_context(eap_type) for eap_type in (EAP_PEAP, EAP_TTLS)}
        if "tls" in self._settings.methods and files.client_ca.exists():
            try:
                contexts[EAP_TLS] = self._client_certificate_context()
            except (SSL.Error, crypto.Error, OSError) as error:
                # Without the CA or the revocation list nobody can be checked; passwords still can.
                logger.error(
                    "EAP-TLS is not offered: client CA or revocation list cannot be used", problem=type(error).__name__
                )
        return contexts

    def _server_context(self, eap_type: int) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(_VERSIONS[self._settings.lowest_tls_version])
        context.set_cipher_list(_CIPHERS)
        _set_groups(context)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        context.use_certificate_chain_file(str(self._files.certificate))
        context.use_privatekey_file(str(self._files.key))
        # Sessions live in tickets that the devices keep, not in memory.
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_session_id(bytes((eap_type,)))
        if self._settings.resumption_seconds:
            context.set_timeout(self._settings.resumption_seconds)
            context.set_options(_OPTIONS)
        else:
            context.set_options(_OPTIONS | SSL.OP_NO_TICKET)
        context.set_info_callback(observe)
        return context

    def _client_certificate_context(self) -> SSL.Context:
        files, context = self._files, self._server_context(EAP_TLS)
        context.load_verify_locations(str(files.client_ca))
        context.load_client_ca(str(files.client_ca).encode())
        if files.is_revoked_required or files.revoked.exists():
            store = context.get_cert_store()
            assert store is not None
            store.load_locations(str(files.revoked))
            store.set_flags(crypto.X509StoreFlags.CRL_CHECK)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, check_certificate)
        return context


def _set_groups(context: SSL.Context) -> None:
    """Raises SSL.Error. pyOpenSSL has no call for it; the binding that it is made of has."""
    binding = SSL._lib  # type: ignore[attr-defined]  # private to pyOpenSSL, as is the context's pointer
    if binding.SSL_CTX_set1_curves_list(context._context, _GROUPS) != 1:
        raise SSL.Error("OpenSSL does not know the groups by which keys are agreed")


def _signature(path: Path) -> tuple[object, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
