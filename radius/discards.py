"""Why a well-formed, authentic request got no answer, beside what the codec discards. Values are metric labels."""

from __future__ import annotations

from enum import StrEnum

from radius.errors import RadiusError


class Unanswered(StrEnum):
    """Reasons of the service; the codec's are in ``radius.errors.DiscardReason``."""

    UNKNOWN_SOURCE = "unknown_source"
    WRONG_PORT = "wrong_port"
    REPEATED_WHILE_IN_PROGRESS = "repeated_while_in_progress"
    TOO_MANY_IN_PROGRESS = "too_many_in_progress"
    TOO_MANY_OF_DEVICE = "too_many_of_device"
    TOO_MANY_OF_NAS = "too_many_of_nas"
    QUEUE_FULL = "queue_full"
    STORAGE_UNAVAILABLE = "storage_unavailable"
    RECORD_REFUSED_BY_DATABASE = "record_refused_by_database"
    ACCT_STATUS_TYPE_MISSING = "acct_status_type_missing"
    ACCT_STATUS_TYPE_UNSUPPORTED = "acct_status_type_unsupported"
    ACCT_SESSION_ID_MISSING = "acct_session_id_missing"
    # Of an EAP conversation whose worker died, or is not reading.
    OWNER_GONE = "owner_gone"
    OWNER_BUSY = "owner_busy"
    INTERNAL_ERROR = "internal_error"
    SEND_FAILED = "send_failed"


class RequestUnansweredError(RadiusError):
    """The request must not be answered: what it asked for was not done, so that it may come again."""

    def __init__(self, reason: Unanswered) -> None:
        super().__init__(reason.value)
        self.reason = reason
