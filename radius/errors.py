"""What can go wrong between us and access equipment, by whose fault it is.

No message carries a secret, an attribute's value or anything else about a person.
"""

from __future__ import annotations

from enum import StrEnum


class DiscardReason(StrEnum):
    """Why a datagram was dropped without an answer; the value is the metric's label."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    LENGTH_FIELD_TOO_SMALL = "length_field_too_small"
    LENGTH_FIELD_TOO_LARGE = "length_field_too_large"
    UNKNOWN_CODE = "unknown_code"
    UNEXPECTED_CODE = "unexpected_code"
    UNEXPECTED_IDENTIFIER = "unexpected_identifier"
    ATTRIBUTE_TRUNCATED = "attribute_truncated"
    ATTRIBUTE_LENGTH_TOO_SMALL = "attribute_length_too_small"
    ATTRIBUTE_TYPE_ZERO = "attribute_type_zero"
    TOO_MANY_ATTRIBUTES = "too_many_attributes"
    ATTRIBUTE_MALFORMED = "attribute_malformed"
    EAP_WITHOUT_MESSAGE_AUTHENTICATOR = "eap_without_message_authenticator"
    MESSAGE_AUTHENTICATOR_MISSING = "message_authenticator_missing"
    PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR = "proxy_state_without_message_authenticator"
    MESSAGE_AUTHENTICATOR_REPEATED = "message_authenticator_repeated"
    MESSAGE_AUTHENTICATOR_MALFORMED = "message_authenticator_malformed"
    MESSAGE_AUTHENTICATOR_WRONG = "message_authenticator_wrong"
    REQUEST_AUTHENTICATOR_WRONG = "request_authenticator_wrong"
    REPLY_AUTHENTICATOR_WRONG = "reply_authenticator_wrong"

    @property
    def explanation(self) -> str:
        """One sentence for an engineer: what was wrong and where to look."""
        return _EXPLANATIONS[self]


_SECRETS_DIFFER = "compare the shared secrets of both ends"
_EXPLANATIONS = {
    DiscardReason.TOO_SHORT: "fewer than 20 octets arrived; the sender does not speak RADIUS",
    DiscardReason.TOO_LONG: "the packet claims more than the 4096 octets that RADIUS allows",
    DiscardReason.LENGTH_FIELD_TOO_SMALL: "the length field is below 20; the sender does not speak RADIUS",
    DiscardReason.LENGTH_FIELD_TOO_LARGE: "the length field exceeds the datagram; look for lost IP fragments",
    DiscardReason.UNKNOWN_CODE: "the packet code is not one that this server knows",
    DiscardReason.UNEXPECTED_CODE: "this kind of packet does not belong here",
    DiscardReason.UNEXPECTED_IDENTIFIER: "the reply is not to this request; it may be late",
    DiscardReason.ATTRIBUTE_TRUNCATED: "an attribute reaches beyond the end of the packet",
    DiscardReason.ATTRIBUTE_LENGTH_TOO_SMALL: "an attribute's length is below 2",
    DiscardReason.ATTRIBUTE_TYPE_ZERO: "an attribute has the reserved type 0",
    DiscardReason.TOO_MANY_ATTRIBUTES: "the packet has more than 200 attributes, which no equipment needs",
    DiscardReason.ATTRIBUTE_MALFORMED: "an attribute's value does not fit its type",
    DiscardReason.EAP_WITHOUT_MESSAGE_AUTHENTICATOR: "EAP-Message came without Message-Authenticator",
    DiscardReason.MESSAGE_AUTHENTICATOR_MISSING: (
        "Message-Authenticator is required (BlastRADIUS) and was not sent; update the equipment"
    ),
    DiscardReason.PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR: (
        "Proxy-State came without Message-Authenticator, as in a BlastRADIUS attack; update the proxy"
    ),
    DiscardReason.MESSAGE_AUTHENTICATOR_REPEATED: "Message-Authenticator appears more than once",
    DiscardReason.MESSAGE_AUTHENTICATOR_MALFORMED: "Message-Authenticator does not have 16 octets",
    DiscardReason.MESSAGE_AUTHENTICATOR_WRONG: f"Message-Authenticator does not verify; {_SECRETS_DIFFER}",
    DiscardReason.REQUEST_AUTHENTICATOR_WRONG: f"Request Authenticator does not verify; {_SECRETS_DIFFER}",
    DiscardReason.REPLY_AUTHENTICATOR_WRONG: f"Response Authenticator does not verify; {_SECRETS_DIFFER}",
}


class RadiusError(Exception):
    """Root of everything that this package raises."""


class RemoteFaultError(RadiusError):
    """The other end sent something wrong; ``reason`` says what, as the discard counter's label."""

    def __init__(self, reason: DiscardReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class PacketDiscarded(RemoteFaultError):  # noqa: N818 - silently discarding is the RFCs' word and not an error of ours
    """The datagram must be dropped without an answer (RFC 2865 section 3)."""

    def __init__(self, reason: DiscardReason) -> None:
        super().__init__(reason, reason.explanation)


class MalformedAttributeError(RemoteFaultError):
    """A received attribute's value does not fit its type.

    RFC 2865 section 5 wants such an Access-Request answered with Access-Reject; other packets are discarded.
    """

    def __init__(self, attribute_name: str, expected: str) -> None:
        super().__init__(DiscardReason.ATTRIBUTE_MALFORMED, f"{attribute_name} is malformed; it should be {expected}")
        self.attribute_name = attribute_name


class EapMalformedError(RadiusError):
    """An EAP message, or what it carries, does not have its form; the conversation ends with a reject."""


class LocalFaultError(RadiusError):
    """We were asked to build something that cannot be sent; the message says what to change."""


class UnknownAttributeError(LocalFaultError):
    """No dictionary of ours has an attribute or named value of that name."""


class UnencodableError(LocalFaultError):
    """A value, a list of attributes or a packet does not fit what RADIUS can carry."""
