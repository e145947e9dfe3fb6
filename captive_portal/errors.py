"""The captive portal's exceptions."""

from __future__ import annotations


class PortalError(Exception):
    """Something in the captive portal is wrong: a fault of our own or of the installation."""
