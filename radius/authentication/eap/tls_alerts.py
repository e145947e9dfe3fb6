"""TLS alerts and certificate errors as reasons of a reject (RFC 8446 section 6, RFC 5246 section 7.2)."""

from __future__ import annotations

from typing import Final

from OpenSSL.SSL import X509VerificationCodes

from radius.authentication.outcome import RejectReason

_NAMES: Final = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}
_PROTOCOL_VERSION: Final = 70
_CERTIFICATE_REQUIRED: Final = 116
# What a device says of a certificate that it does not like, whichever the fault is.
# wpa_supplicant with OpenSSL says internal_error (80) when the server name is not the expected one.
_OF_OUR_CERTIFICATE: Final = frozenset({42, 43, 44, 45, 46, 48, 49, 80, 113})

_Codes: Final = X509VerificationCodes
_EXPIRED: Final = frozenset({_Codes.ERR_CERT_HAS_EXPIRED, _Codes.ERR_CERT_NOT_YET_VALID})
_ERRORS: Final = {
    _Codes.ERR_CERT_HAS_EXPIRED: "the certificate has expired",
    _Codes.ERR_CERT_NOT_YET_VALID: "the certificate is not valid yet",
    _Codes.ERR_CERT_REVOKED: "the certificate was revoked",
    _Codes.ERR_CRL_HAS_EXPIRED: "the revocation list is out of date",
    _Codes.ERR_UNABLE_TO_GET_CRL: "no revocation list of the certificate's issuer",
    _Codes.ERR_INVALID_PURPOSE: "the certificate is not for clients",
    _Codes.ERR_DEPTH_ZERO_SELF_SIGNED_CERT: "the certificate is self-signed",
    _Codes.ERR_SELF_SIGNED_CERT_IN_CHAIN: "the chain ends in a CA that is not known",
    _Codes.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the issuer is not known",
    _Codes.ERR_UNABLE_TO_GET_ISSUER_CERT: "the issuer is not known",
    _Codes.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the issuer is not known",
    _Codes.ERR_CERT_SIGNATURE_FAILURE: "the signature is wrong",
}


def alert_name(number: int) -> str:
    """The RFCs' name of an alert."""
    return _NAMES.get(number, f"alert {number}")


def reason_of_received(number: int) -> RejectReason:
    """What an alert of the device says."""
    if number in _OF_OUR_CERTIFICATE:
        return RejectReason.TLS_SERVER_NOT_TRUSTED
    if number == _PROTOCOL_VERSION:
        return RejectReason.TLS_VERSION_TOO_OLD
    return RejectReason.TLS_ENDED_BY_DEVICE


def reason_of_sent(number: int) -> RejectReason:
    """Why we sent an alert that has nothing to do with a certificate that was shown."""
    if number == _PROTOCOL_VERSION:
        return RejectReason.TLS_VERSION_TOO_OLD
    if number == _CERTIFICATE_REQUIRED:
        return RejectReason.CERTIFICATE_MISSING
    return RejectReason.TLS_FAILED


def reason_of_certificate(error: int) -> tuple[RejectReason, str]:
    """OpenSSL's verdict about a device's certificate, as reason and in words."""
    words = _ERRORS.get(error, f"OpenSSL's certificate error {error}")
    if error in _EXPIRED:
        return RejectReason.CERTIFICATE_EXPIRED, words
    if error == _Codes.ERR_CERT_REVOKED:
        return RejectReason.CERTIFICATE_REVOKED, words
    return RejectReason.CERTIFICATE_UNTRUSTED, words
