"""TLS without a socket: one connection with one device, fed with messages and asked for ours.

pyOpenSSL's memory BIOs carry the octets. What the library does not tell outright is learned from its information
callback (SSL_CTX_set_info_callback(3)), which sees every state and alert:

* A handshake in which we sent no certificate took up an earlier session. Whose session it is, is known by its master
  key (TLS 1.2) or pre-shared key (TLS 1.3, RFC 8446 section 4.6.1), which both sides of a resumption share.
* TLS 1.3 gives out two tickets at a time, each with its own key, and a device may use either.

A session that OpenSSL would resume, but that belongs to no login that is remembered, is not resumed: the same messages
go to a fresh connection that takes no tickets, before the device has seen any answer. So nobody gets in by a ticket
that was given out before its owner had proved anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from OpenSSL import SSL, crypto

from radius.authentication.eap.tls_alerts import (
    alert_name,
    reason_of_certificate,
    reason_of_received,
    reason_of_sent,
)
from radius.authentication.outcome import RejectReason
from radius.errors import RadiusError

_CHUNK_OCTETS: Final = 16_384
_BOTH_WAYS: Final = SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN
_LOOP: Final = SSL.SSL_CB_LOOP
_ALERT: Final = SSL.SSL_CB_ALERT
_LOOP_OR_ALERT: Final = _LOOP | _ALERT
_WE_SENT_CERTIFICATE: Final = b"SSLv3/TLS write certificate"
_WE_SENT_FINISHED: Final = b"SSLv3/TLS write finished"
_WE_SENT_TICKET: Final = b"SSLv3/TLS write session ticket"


class TlsFailedError(RadiusError):
    """The connection is over: ``reason`` and, in words, ``detail``; an alert for the device may wait in it."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(f"TLS failed: {detail}")
        self.reason = reason
        self.detail = detail


class TlsSession:
    """The server's end of one connection.

    ``is_known`` says whether a session's key (a digest of it) belongs to a login that may be taken up again.
    """

    def __init__(self, context: SSL.Context, is_known: Callable[[bytes], bool]) -> None:
        self._context = context
        self._is_known = is_known
        # Until it is decided whether a session is resumed: what the device sent so far.
        self._flights: list[bytes] = []
        self._is_decided = False
        self._states: set[bytes] = set()
        self._read_alert: int | None = None
        self._sent_alert: int | None = None
        self._certificate_error: int | None = None
        self.is_done = False
        self.resumed_key: bytes | None = None
        """The key of the session that was resumed; None after a full handshake."""
        self.keys: set[bytes] = set()
        """The keys by which this session can be known when it is resumed."""
        self._connection = self._connect()

    @property
    def is_tls13(self) -> bool:
        """TLS 1.3; the other possibility is TLS 1.2."""
        return self._connection.get_protocol_version() == SSL.TLS1_3_VERSION

    @property
    def description(self) -> str:
        """For the log: ``TLS 1.3, resumed``."""
        version = self._connection.get_protocol_version_name().replace("TLSv", "TLS ")
        return f"{version}, resumed" if self.resumed_key else version

    def handshake(self, message: bytes) -> bool:
        """Take a message of the handshake; True when it is done. Raises TlsFailedError: then there may be an alert."""
        if not self._is_decided:
            self._flights.append(message)
        self._advance(message)
        if not self._is_decided and self._states & {_WE_SENT_CERTIFICATE, _WE_SENT_FINISHED}:
            self._decide()
        return self.is_done

    def read(self, message: bytes = b"") -> bytes:
        """What a message holds, decrypted. Raises TlsFailedError."""
        if message:
            self._connection.bio_write(message)
        plain = b""
        try:
            while True:
                plain += self._connection.recv(_CHUNK_OCTETS)
        except (SSL.WantReadError, SSL.ZeroReturnError):
            # Nothing more for now, or, after close_notify, at all.
            return plain
        except SSL.Error as error:
            raise self._failure(error) from None

    def write(self, plain: bytes) -> None:
        """Encrypt; the result is in ``output``. Raises TlsFailedError."""
        try:
            self._connection.sendall(plain)
        except SSL.Error as error:
            raise self._failure(error) from None

    def output(self) -> bytes:
        """What is to be sent; empty when there is nothing."""
        taken = b""
        try:
            while True:
                chunk = self._connection.bio_read(_CHUNK_OCTETS)
                taken += chunk
                if len(chunk) < _CHUNK_OCTETS:
                    return taken
        except SSL.WantReadError:
            return taken

    def export(self, label: bytes, octets: int, context: bytes | None = None) -> bytes:
        """Keying material (RFC 5705, RFC 8446 section 7.5)."""
        return self._connection.export_keying_material(label, octets, context)

    def peer_certificate(self) -> bytes | None:
        """The device's certificate in DER. A resumed session has that of the session before."""
        certificate = self._connection.get_peer_certificate()
        return None if certificate is None else crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)

    def close(self) -> None:
        """Let go of the connection. Without this OpenSSL would hold that it broke, and spoil the session."""
        self._connection.set_shutdown(_BOTH_WAYS)
        self._connection.set_app_data(None)

    def observe(self, where: int, value: int) -> None:
        """What the information callback reports."""
        if where & _LOOP:
            state = self._connection.get_state_string()
            self._states.add(state)
            if state == _WE_SENT_TICKET:
                self._note_key()
        elif where & _ALERT:
            # The level is in the upper octet.
            if where & SSL.SSL_CB_READ:
                self._read_alert = value & 0xFF
            else:
                self._sent_alert = value & 0xFF

    def note_certificate_error(self, error: int) -> None:
        """What is wrong with the device's certificate; the first error counts."""
        self._certificate_error = self._certificate_error or error

    def _connect(self, *, without_tickets: bool = False) -> SSL.Connection:
        connection = SSL.Connection(self._context, None)
        if without_tickets:
            connection.set_options(SSL.OP_NO_TICKET)
        connection.set_app_data(self)
        connection.set_accept_state()
        return connection

    def _advance(self, message: bytes) -> None:
        if message:
            self._connection.bio_write(message)
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error as error:
            raise self._failure(error) from None
        self.is_done = True
        self._note_key()

    def _decide(self) -> None:
        """Our first flight is made and not yet sent."""
        flights, self._flights, self._is_decided = self._flights, [], True
        if _WE_SENT_CERTIFICATE in self._states:
            return
        key = self._key()
        if key is not None and self._is_known(key):
            self.resumed_key = key
        else:
            self._start_again(flights)

    def _start_again(self, flights: list[bytes]) -> None:
        self.close()
        self._states.clear()
        self.keys.clear()
        self._connection = self._connect(without_tickets=True)
        for flight in flights:
            # A Hello Retry Request is a function of the hello, so that the device got this answer already.
            self.output()
            self._advance(flight)
        if _WE_SENT_CERTIFICATE not in self._states:
            raise TlsFailedError(RejectReason.TLS_FAILED, "a session that is not remembered could not be refused")

    def _note_key(self) -> None:
        key = self._key()
        if key is not None:
            self.keys.add(key)

    def _key(self) -> bytes | None:
        try:
            key = self._connection.master_key()
        except SSL.Error:
            # There is a session, and as yet no key of it.
            return None
        return None if key is None else hashlib.sha256(key).digest()

    def _failure(self, error: Exception) -> TlsFailedError:
        if self._read_alert is not None:
            return TlsFailedError(reason_of_received(self._read_alert), f"alert {alert_name(self._read_alert)}")
        if self._certificate_error is not None:
            return TlsFailedError(*reason_of_certificate(self._certificate_error))
        words = _openssl_words(error)
        if "did not return a certificate" in words:
            return TlsFailedError(RejectReason.CERTIFICATE_MISSING, words)
        if self._sent_alert is not None:
            return TlsFailedError(reason_of_sent(self._sent_alert), words or alert_name(self._sent_alert))
        return TlsFailedError(RejectReason.TLS_FAILED, words or type(error).__name__)


def observe(connection: SSL.Connection, where: int, value: int) -> None:
    """The information callback of every context, called two dozen times a handshake."""
    if not where & _LOOP_OR_ALERT:
        return
    session = connection.get_app_data()
    if isinstance(session, TlsSession):
        session.observe(where, value)


def check_certificate(
    connection: SSL.Connection, _certificate: crypto.X509, error: int, _depth: int, is_good: int
) -> bool:
    """The verification callback of contexts that ask for a certificate: OpenSSL's verdict, noted."""
    session = connection.get_app_data()
    if isinstance(session, TlsSession) and not is_good:
        session.note_certificate_error(error)
    return bool(is_good)


def _openssl_words(error: Exception) -> str:
    """What OpenSSL's error queue says: constant texts of the library, never what came from the network."""
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return "; ".join(str(entry[2]) for entry in queue if len(entry) > 2)[:120]
