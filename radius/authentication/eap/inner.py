"""The EAP methods inside a tunnel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from radius.authentication.credential import CredentialVerifier, readable_name
from radius.authentication.eap.gtc import EAP_GTC, EapGtc
from radius.authentication.eap.md5 import EAP_MD5, EapMd5
from radius.authentication.eap.method import Failed, Method
from radius.authentication.eap.mschapv2 import EAP_MSCHAPV2, EapMschapv2
from radius.authentication.eap.negotiation import Negotiation, Offer
from radius.authentication.eap.tls_method import TlsTerms

_Begin = Callable[[str, int, CredentialVerifier], Method]

# The first one is proposed.
IN_PEAP: Final[dict[int, _Begin]] = {EAP_MSCHAPV2: EapMschapv2, EAP_GTC: EapGtc}
IN_TTLS: Final[dict[int, _Begin]] = {EAP_MSCHAPV2: EapMschapv2, EAP_GTC: EapGtc, EAP_MD5: EapMd5}

# What a negotiation that came to no method is called: the tunnel's name.
_NO_METHOD: Final = ("ttls", "peap")


def negotiation(tunnel: str, methods: dict[int, _Begin], terms: TlsTerms) -> Negotiation:
    """A negotiation inside a tunnel; it waits for the identity."""
    return Negotiation([_offer(eap_type, begin, terms) for eap_type, begin in methods.items()], tunnel)


def name_of(prefix: str, failed: Failed) -> str:
    """What the log shows for a failure inside: the tunnel alone where no method was agreed."""
    return failed.method if failed.method in _NO_METHOD else prefix + failed.method


def _offer(eap_type: int, begin: _Begin, terms: TlsTerms) -> Offer:
    def begin_with(identity: bytes) -> Method:
        return begin(readable_name(identity), terms.council_id, terms.verifier)

    return Offer(eap_type, begin_with)
