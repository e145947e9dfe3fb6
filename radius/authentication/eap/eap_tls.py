"""EAP-TLS (RFC 5216, RFC 9190): the device shows a certificate.

OpenSSL checks chain, dates, purpose and revocation in the handshake. A resumed session brings the certificate of the
session before; its dates are checked again. New revocation lists make new contexts, for which old tickets are nothing.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from foundation.certificates import CertificateDetails, CertificateError, read_certificate
from radius.authentication.eap.method import Failed, Round
from radius.authentication.eap.resumption import Login
from radius.authentication.eap.tls_keys import EAP_TLS
from radius.authentication.eap.tls_method import TlsMethod
from radius.authentication.outcome import RejectReason
from radius.directory import Credential

# Each name is a look-up, and the certificate's owner chose how many there are.
_MOST_NAMES: Final = 8
# Of the Office for National Statistics, as in E08000026; another authority may write anything there.
_COUNCIL_CODE: Final = re.compile(r"[A-Z]\d{8}")


class EapTls(TlsMethod):
    """One run with one device."""

    eap_type = EAP_TLS
    name = "eap-tls"

    async def established(self, plain: bytes, login: Login | None, now: datetime, identifier: int) -> Round:
        """The certificate is good; whose is it?"""
        details = self._certificate()
        if isinstance(details, Failed):
            return details
        if not details.not_before <= now <= details.not_after:
            return self.fail(RejectReason.CERTIFICATE_EXPIRED, "resumed after the certificate's last day")
        if login is not None:
            return await self.resume(login, now)
        found = await self._owner(details, now)
        if isinstance(found, RejectReason):
            return self.fail(found)
        return self.conclude(self.succeed(self.name, found))

    async def received(self, plain: bytes, now: datetime, identifier: int) -> Round:
        """Nothing is asked through this tunnel."""
        return self.fail(RejectReason.EAP_UNEXPECTED, "the device sent something after the handshake")

    def _certificate(self) -> CertificateDetails | Failed:
        octets = self.tls.peer_certificate()
        if octets is None:
            return self.fail(RejectReason.CERTIFICATE_MISSING)
        try:
            return read_certificate(octets)
        except CertificateError:
            return self.fail(RejectReason.CERTIFICATE_UNTRUSTED, "the certificate cannot be read")

    async def _owner(self, details: CertificateDetails, now: datetime) -> Credential | RejectReason:
        """The credential of the first name that somebody has, or why not."""
        names = (*details.user_names, *details.dns_names, details.common_name)
        for name in list(dict.fromkeys(names))[:_MOST_NAMES]:
            found = await self.terms.verifier.find(self.terms.council_id, name, now)
            if isinstance(found, Credential) and _is_of_another_council(details, found):
                continue
            if found is not RejectReason.UNKNOWN_USER:
                return found
        return RejectReason.CERTIFICATE_OF_NOBODY


def _is_of_another_council(details: CertificateDetails, credential: Credential) -> bool:
    """Two councils may have the same user name; our own authority writes the council's code as organisation."""
    return bool(_COUNCIL_CODE.fullmatch(details.organisation)) and details.organisation != credential.council_code
