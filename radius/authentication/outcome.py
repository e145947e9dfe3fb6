"""What came of an authentication."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from radius.packet import Attribute


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
    CHAP_NEEDS_PASSWORD = "chap_needs_password"  # noqa: S105  a metric's label
    EAP_MALFORMED = "eap_malformed"
    EAP_UNEXPECTED = "eap_unexpected"
    EAP_CONVERSATION_UNKNOWN = "eap_conversation_unknown"
    EAP_TOO_MANY_CONVERSATIONS = "eap_too_many_conversations"
    EAP_ABANDONED = "eap_abandoned"
    EAP_NO_COMMON_METHOD = "eap_no_common_method"
    EAP_INNER_METHOD_MISSING = "eap_inner_method_missing"
    EAP_CRYPTO_BINDING_WRONG = "eap_crypto_binding_wrong"
    TLS_FAILED = "tls_failed"
    TLS_VERSION_TOO_OLD = "tls_version_too_old"
    TLS_ENDED_BY_DEVICE = "tls_ended_by_device"
    TLS_SERVER_NOT_TRUSTED = "tls_server_not_trusted"
    CERTIFICATE_MISSING = "certificate_missing"
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_REVOKED = "certificate_revoked"
    CERTIFICATE_OF_NOBODY = "certificate_of_nobody"
    OUTSIDE_OPENING_TIMES = "outside_opening_times"
    DAILY_TIME_USED_UP = "daily_time_used_up"
    DAILY_DATA_USED_UP = "daily_data_used_up"
    TOO_MANY_DEVICES = "too_many_devices"
    REALM_UNKNOWN = "realm_unknown"
    REALM_REJECTED = "realm_rejected"
    REALM_SILENT = "realm_silent"
    PROXY_LOOP = "proxy_loop"

    @property
    def explanation(self) -> str:
        """In words, for the log of authentications (at most 200 characters)."""
        return _EXPLANATIONS[self]


_EXPLANATIONS = {
    RejectReason.NO_USER_NAME: "the request has no User-Name",
    RejectReason.NO_CREDENTIAL: (
        "the request has no User-Password, CHAP-Password, MS-CHAP2-Response or EAP-Message (MS-CHAPv1 is not offered)"
    ),
    RejectReason.TWO_CREDENTIALS: (
        "the request has more than one of User-Password, CHAP-Password, MS-CHAP2-Response and EAP-Message"
    ),
    RejectReason.MALFORMED_ATTRIBUTE: "an attribute's value does not fit its type",
    RejectReason.EAP_NOT_OFFERED: "EAP was tried and is not offered: the server has no certificate",
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
    RejectReason.CHAP_NEEDS_PASSWORD: "CHAP needs the password itself, but only its NT hash is kept",
    RejectReason.EAP_MALFORMED: "the EAP message is malformed",
    RejectReason.EAP_UNEXPECTED: "the EAP message does not belong where the conversation is",
    RejectReason.EAP_CONVERSATION_UNKNOWN: "the EAP conversation took too long, or was begun with another server",
    RejectReason.EAP_TOO_MANY_CONVERSATIONS: "too many EAP conversations are open; raise eap.most_conversations",
    RejectReason.EAP_ABANDONED: "the device stopped answering; see whether it trusts our certificate, or went away",
    RejectReason.EAP_NO_COMMON_METHOD: "the device wants no EAP method that is offered (eap.methods)",
    RejectReason.EAP_INNER_METHOD_MISSING: "nothing inside the tunnel that the server could check",
    RejectReason.EAP_CRYPTO_BINDING_WRONG: "tunnel and inner method do not belong together: somebody is in between",
    RejectReason.TLS_FAILED: "the TLS handshake failed",
    RejectReason.TLS_VERSION_TOO_OLD: "the device knows no TLS version that is allowed (eap.lowest_tls_version)",
    RejectReason.TLS_ENDED_BY_DEVICE: "the device ended the TLS handshake",
    RejectReason.TLS_SERVER_NOT_TRUSTED: "the device does not trust our certificate; see its CA and server name there",
    RejectReason.CERTIFICATE_MISSING: "the device showed no certificate",
    RejectReason.CERTIFICATE_UNTRUSTED: "the device's certificate was not issued by a CA that is trusted here",
    RejectReason.CERTIFICATE_EXPIRED: "the device's certificate has expired or is not valid yet",
    RejectReason.CERTIFICATE_REVOKED: "the device's certificate was revoked",
    RejectReason.CERTIFICATE_OF_NOBODY: "nobody has a credential of the name in the device's certificate",
    RejectReason.OUTSIDE_OPENING_TIMES: "the network is closed at this time of day (policy)",
    RejectReason.DAILY_TIME_USED_UP: "the time for today is used up (policy)",
    RejectReason.DAILY_DATA_USED_UP: "the data for today are used up (policy)",
    RejectReason.TOO_MANY_DEVICES: "as many devices of this resident are on as may be (policy)",
    RejectReason.REALM_UNKNOWN: "the user name's realm is none that is served here",
    RejectReason.REALM_REJECTED: "the realm's home server rejected it",
    RejectReason.REALM_SILENT: "no home server of the realm answered",
    RejectReason.PROXY_LOOP: "the request came back to us: two proxies point at each other",
}


# Nobody changes it; frozen it would take three times as long to make.
@dataclass(slots=True, repr=False)
class Accepted:
    """Let it on. ``good_until`` is when the right itself ends, None where it does not.

    ``attributes`` are the method's own for the reply: EAP-Success, keys. ``user_name`` is what accounting is to show
    instead of the User-Name that was sent, None to leave that. ``detail`` is for the log. A quarantined device is let
    on to nothing but the way to register. ``refusal_attributes`` go out instead if the policy says no: EAP-Failure.
    ``proven_name`` is whom the method proved it to be where the User-Name may be anonymous; pseudonyms are
    made of it, for the log and for other operators, and it goes nowhere else.
    """

    method: str
    resident_id: int | None = None
    device_id: int | None = None
    good_until: datetime | None = None
    group_name: str = ""
    attributes: tuple[Attribute, ...] = ()
    user_name: str | None = None
    detail: str = ""
    is_quarantined: bool = False
    proven_name: str | None = None
    refusal_attributes: tuple[Attribute, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Rejected:
    """Keep it out. ``method`` is ``none`` where none could be told; ``attributes`` are the method's own."""

    method: str
    reason: RejectReason
    attributes: tuple[Attribute, ...] = ()
    detail: str = ""
    # The log had it when the device was told, a round ago.
    is_logged: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Challenged:
    """The method needs another round (Access-Challenge).

    ``verdict`` is given where that round only tells the device that it is rejected: many devices never answer it, so
    it is logged now.
    """

    method: str
    attributes: tuple[Attribute, ...]
    verdict: Rejected | None = None


Outcome = Accepted | Rejected
Step = Outcome | Challenged
