"""What stops an import; each message is one sentence that says what was wrong and what to do."""

from __future__ import annotations

from citywifi.errors import CommandError


class ImportStopped(CommandError):  # noqa: N818  named for what happened: the root of this package's exceptions
    """Nothing was imported."""


class ImportFileError(ImportStopped):
    """The file cannot be used at all: it is not there, not text, or not what was expected."""


class ImportNotReadyError(ImportStopped):
    """The file is fine, and the database lacks what has to be there first."""


class MappingError(ImportStopped):
    """The column mapping that was given is not understood or does not fit the file."""
