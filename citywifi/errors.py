"""What a command tells a person who asked for something that cannot be done."""

from __future__ import annotations


class CommandError(Exception):
    """The command cannot go on; the message is one sentence that says why and what to do. Exit status 2."""
