"""Faults that the person at the keyboard can mend; everything else is ours and keeps its traceback."""

from __future__ import annotations

from typing import Final

from citywifi.errors import CommandError
from foundation.certificates import CertificateError
from foundation.database import DatabaseError
from foundation.privacy import PrivacyError
from foundation.runtime import NotReadyError
from foundation.settings import SettingsError

MENDABLE: Final = (CommandError, SettingsError, DatabaseError, PrivacyError, NotReadyError, CertificateError)
