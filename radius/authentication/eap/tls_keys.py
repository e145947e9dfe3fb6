"""The keys that come of a TLS session (RFC 5216 section 2.3, RFC 5281 section 8, RFC 9190 section 2.3, RFC 9427)."""

from __future__ import annotations

from typing import Final

from radius.authentication.eap.tls import TlsSession

EAP_TLS: Final = 13
EAP_TTLS: Final = 21
EAP_PEAP: Final = 25

_MSK_OCTETS: Final = 64
# MSK and EMSK are exported together: in TLS 1.3 the length takes part in the derivation.
_KEY_MATERIAL_OCTETS: Final = 128
_TLS13_LABEL: Final = b"EXPORTER_EAP_TLS_Key_Material"
_TLS12_LABELS: Final = {
    EAP_TLS: b"client EAP encryption",
    EAP_TTLS: b"ttls keying material",
    EAP_PEAP: b"client EAP encryption",
}
_TTLS_CHALLENGE_LABEL: Final = b"ttls challenge"


def master_session_key(session: TlsSession, eap_type: int) -> bytes:
    """The Master Session Key, 64 octets: what the access point and the device share afterwards."""
    if session.is_tls13:
        material = session.export(_TLS13_LABEL, _KEY_MATERIAL_OCTETS, bytes((eap_type,)))
    else:
        material = session.export(_TLS12_LABELS[eap_type], _KEY_MATERIAL_OCTETS)
    return material[:_MSK_OCTETS]


def ttls_challenge(session: TlsSession, octets: int) -> bytes:
    """The challenge of CHAP and MS-CHAPv2 inside TTLS, which nobody sends (RFC 5281 section 11.1, RFC 9427 2.3)."""
    return session.export(_TTLS_CHALLENGE_LABEL, octets)
