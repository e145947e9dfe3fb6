"""What can go wrong in monitoring by somebody else's doing."""

from __future__ import annotations


class MonitoringError(Exception):
    """Root of monitoring's errors; the message says what was wrong and what to do."""
