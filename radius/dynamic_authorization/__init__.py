"""Ending and changing sessions from our side: Disconnect-Request and CoA-Request (RFC 5176)."""

from radius.dynamic_authorization.devices import DeviceAtEquipment, ask_again, disconnect_device
from radius.dynamic_authorization.refresh import refresh_session
from radius.dynamic_authorization.results import ERROR_CAUSES, Action, Outcome, Result, explain_error_cause
from radius.dynamic_authorization.sessions import change_session, disconnect_session

__all__ = [
    "ERROR_CAUSES",
    "Action",
    "DeviceAtEquipment",
    "Outcome",
    "Result",
    "ask_again",
    "change_session",
    "disconnect_device",
    "disconnect_session",
    "explain_error_cause",
    "refresh_session",
]
