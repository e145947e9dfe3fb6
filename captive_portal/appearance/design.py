"""The pages' templates and their one stylesheet."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup

from captive_portal import languages
from captive_portal.errors import PortalError

_FOLDER: Final = Path(__file__).parent.parent


class NoStylesheetError(PortalError):
    """The part of the stylesheet that installing makes is not there."""


def read_stylesheet() -> str:
    """What is left of GOV.UK Frontend, then what is ours. Raises NoStylesheetError."""
    made = _FOLDER / "static" / "govuk.css"
    try:
        components = made.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise NoStylesheetError(
            "the portal's stylesheet was not made when CityWiFi was installed; run python -m tools.stylesheet"
        ) from None
    own = (_FOLDER / "static" / "portal.css").read_text(encoding="utf-8")
    return f"{components}\n{re.sub(r'/[*].*?[*]/|^ +', '', own, flags=re.DOTALL | re.MULTILINE).strip()}"


def template_options() -> dict[str, Any]:
    """How Jinja reads our templates."""
    return {
        "loader": jinja2.FileSystemLoader(_FOLDER / "templates"),
        "extensions": ["jinja2.ext.i18n"],
        "autoescape": True,
        # The files do not change while we serve; asking for their times at every page costs more than filling them.
        "auto_reload": False,
        "undefined": jinja2.StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }


def furnish(environment: jinja2.Environment, stylesheet: str) -> None:
    """Give an environment with these options our texts and the stylesheet."""
    environment.policies["ext.i18n.trimmed"] = True
    # Added by the extension, which jinja2's types do not show.
    install = environment.install_gettext_callables  # type: ignore[attr-defined]
    install(languages.gettext, languages.ngettext, newstyle=True)
    # Our own file; the policy names it by its hash, so it must stand in the page as it is.
    environment.globals["stylesheet"] = Markup(stylesheet)  # noqa: S704


def page_context(language: str) -> dict[str, object]:
    """What every page's template needs, before the page adds its own."""
    return {
        "language": language,
        "direction": languages.direction(language),
        "languages": languages.MENU,
        "can_switch_language": True,
        "errors": [],
        "information": "",
        "place": None,
    }
