"""What came of an authentication."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RejectReason(StrEnum):
    """Why not. The value is a metric's label; the explanation is for engineers, never for the resident."""

    NO_USER_NAME = "no_user_name"
    NO_CREDENTIAL = "no_credential"
    TWO_CREDENTIALS = "two_credentials"
    MALFORMED_ATTRIBUTE = "malformed_attribute"
    EAP_NOT_OFFERED = "eap_not_offered"
    UNKNOWN_USER = "unknown_user"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105  a metric's label
    CREDENTIAL_EXPIRED = "credential_expired"
    CREDENTIAL_REVOKED = "credential_revoked"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105
    TOKEN_USED_UP = "token_used_up"  # noqa: S105
    TOKEN_OF_ANOTHER_DEVICE = "token_of_another_device"  # noqa: S105
    TOKEN_OF_ANOTHER_NAS = "token_of_another_nas"  # noqa: S105
    ADDRESS_OF_ANOTHER_DEVICE = "address_of_another_device"
    DEVICE_NOT_REMEMBERED = "device_not_remembered"
    DEVICE_NO_LONGER_REMEMBERED = "device_no_longer_remembered"

    @property
    def explanation(self) -> str:
        """In words, for the log of authentications (at most 200 characters)."""
        return _EXPLANATIONS[self]


_EXPLANATIONS = {
    RejectReason.NO_USER_NAME: "the request has no User-Name",
    RejectReason.NO_CREDENTIAL: "the request has neither User-Password nor CHAP-Password",
    RejectReason.TWO_CREDENTIALS: "the request has both User-Password and CHAP-Password (RFC 2865 section 4.1)",
    RejectReason.MALFORMED_ATTRIBUTE: "an attribute's value does not fit its type",
    RejectReason.EAP_NOT_OFFERED: "EAP was tried and is not offered; use PAP, CHAP or MAC authentication",
    RejectReason.UNKNOWN_USER: "nobody has this user name",
    RejectReason.WRONG_PASSWORD: "the password is wrong, or the shared secret of the equipment is",
    RejectReason.CREDENTIAL_EXPIRED: "the credential has expired",
    RejectReason.CREDENTIAL_REVOKED: "the credential was revoked",
    RejectReason.TOKEN_EXPIRED: "the one-time password was used too late",
    RejectReason.TOKEN_USED_UP: "the one-time password was used before",
    RejectReason.TOKEN_OF_ANOTHER_DEVICE: "the one-time password belongs to another device",
    RejectReason.TOKEN_OF_ANOTHER_NAS: "the one-time password was made for another gateway",
    RejectReason.ADDRESS_OF_ANOTHER_DEVICE: "the User-Name is a MAC address, but not the Calling-Station-Id's",
    RejectReason.DEVICE_NOT_REMEMBERED: "the device did not register here, or did not choose to be remembered",
    RejectReason.DEVICE_NO_LONGER_REMEMBERED: "the time for which the device was remembered is over",
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """Let it on. ``good_until`` is when the right itself ends, None where it does not."""

    method: str
    resident_id: int | None = None
    device_id: int | None = None
    good_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Keep it out. ``method`` is ``none`` where none could be told."""

    method: str
    reason: RejectReason


Outcome = Accepted | Rejected
