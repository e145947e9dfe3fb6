"""Pages as residents of a council or a venue will see them, before they do: files that a browser opens from disk."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Final

import jinja2

from captive_portal.appearance import design
from captive_portal.appearance.branding import Logo
from captive_portal.languages import current_language
from captive_portal.languages import gettext as _
from captive_portal.storage.equipment import Place

_PAGES: Final = ("start", "online", "error")


@dataclass(frozen=True, slots=True)
class InlineLogo(Logo):
    """A logo that stands in the page itself, because a file on the disk has no server."""

    @property
    def path(self) -> str:
        """The picture as a ``data:`` address (RFC 2397)."""
        return f"data:image/png;base64,{base64.b64encode(self.octets).decode('ascii')}"


def render_preview(place: Place, language: str) -> dict[str, str]:
    """HTML by the page's name: the first page, the last, and one that tells of a fault."""
    # What only a real visit knows is left out.
    options = {**design.template_options(), "undefined": jinja2.ChainableUndefined}
    environment = jinja2.Environment(**options)  # noqa: S701 -- the options switch escaping on
    design.furnish(environment, design.read_stylesheet())
    if logo := place.brand.logo:
        shown = InlineLogo(logo.digest, logo.width, logo.height, logo.octets)
        place = replace(place, brand=replace(place.brand, logo=shown))
    token = current_language.set(language)
    try:
        context = {**design.page_context(language), "place": place, "can_switch_language": False, **_sample()}
        return {page: environment.get_template(f"{page}.html").render(context) for page in _PAGES}
    finally:
        current_language.reset(token)


def _sample() -> dict[str, object]:
    return {
        # Its links lead nowhere.
        "journey": SimpleNamespace(path=lambda page: f"#{page}"),
        "terms": SimpleNamespace(id=0),
        "form": None,
        "remembered_days": 30,
        "ways": [("click", _("Without giving any details"), ""), ("email", _("With my email address"), "")],
        "secure_network": False,
        "status": 500,
    }
