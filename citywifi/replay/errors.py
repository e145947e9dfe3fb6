"""What can go wrong in a replay: the services' fault, or that of who asked for it."""

from __future__ import annotations


class ReplayError(Exception):
    """Root of what the replay raises; the message says what was wrong and what to do."""


class ServiceUnreachableError(ReplayError):
    """A service does not answer; the message names its address and how to start it."""


class PortalJourneyError(ReplayError):
    """The portal's pages did not lead a phone to the network; the message says which page, not whose phone."""
