"""The kinds of problems as residents read them."""

from __future__ import annotations

from captive_portal.languages import gettext as _
from foundation.problem_reports import ProblemKind


def kind_in_words(kind: str) -> str:
    """What a kind is called in the form and among my data."""
    return {
        ProblemKind.NOTHING_OPENS: _("I am connected, but nothing opens"),
        ProblemKind.SLOW: _("It is too slow"),
        ProblemKind.STOPS: _("It keeps stopping"),
        ProblemKind.SIGN_IN: _("I cannot get through these pages"),
        ProblemKind.ONE_SITE: _("One website or app does not work"),
        ProblemKind.NO_SIGNAL: _("There is no WiFi in some part of this place"),
        ProblemKind.OTHER: _("Something else"),
    }[ProblemKind(kind)]
