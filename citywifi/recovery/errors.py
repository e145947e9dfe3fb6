"""What can go wrong in a simulation."""

from __future__ import annotations


class SimulationError(Exception):
    """The simulation cannot be played; the message says what was wrong and what to do."""
