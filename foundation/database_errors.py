"""What can go wrong with the database, by whose fault it is."""

from __future__ import annotations


class DatabaseError(Exception):
    """The database cannot be used; the message says which one (without its password) and what to do."""


class DatabaseUnavailableError(DatabaseError):
    """It cannot be reached, was lost, took too long, is shutting down, locked or full. Try again later.

    Nothing is known to be committed: what was lost while it was being committed may be there or not.
    """


class RowsRefusedError(DatabaseError):
    """What was given breaks a constraint or does not fit its column: a fault of the rows, the same at every try."""
