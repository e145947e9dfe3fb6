"""The captive portal's exceptions."""

from __future__ import annotations


class PortalError(Exception):
    """Something in the captive portal is wrong: a fault of our own or of the installation."""


class ControllerError(PortalError):
    """A gateway's controller did not do what it was asked: a fault of the other side."""


class ControllerUnavailableError(ControllerError):
    """It was not reached, was too slow, or says that it cannot now; asking again may be of use."""


class ControllerRefusedError(ControllerError):
    """It understood and will not, or cannot be spoken to with what it is configured for; asking again is of no use."""
