"""Pages that are the same for everybody at a place, but for the journey's address: filled in once and kept.

Filling in the first page takes more than twice the time of all else that is done for it, and on the morning after a
power cut a city asks for it a thousand times a second.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp_jinja2
from aiohttp import web

from captive_portal.appearance.design import page_context
from captive_portal.languages import current_language
from captive_portal.pages.common import BRAND_STYLE
from captive_portal.storage.journeys import Visit

# A page has some 30 kB; a city of 60 venues in eight languages fits.
MOST_KEPT: Final = 512
# Stands where the path's identifier goes, in which it cannot occur.
_MARK: Final = "@path-id@"


@dataclass(frozen=True, slots=True)
class _AnyJourney:
    """All that a shared page's template can ask of a journey, so that nothing of one resident is kept for others."""

    def path(self, page: str) -> str:
        return f"/j/{_MARK}/{page}"


class SharedPages:
    """The pages that were filled in last; one per process."""

    def __init__(self, limit: int = MOST_KEPT) -> None:
        self._limit = limit
        self._pages: OrderedDict[Hashable, list[bytes]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._pages)

    def render(
        self,
        request: web.Request,
        visit: Visit,
        template: str,
        context: Callable[[], Mapping[str, object]],
        content: Hashable,
    ) -> web.Response:
        """A page of a journey. ``content`` must differ wherever what the ``context`` makes of the page does."""
        language = current_language.get()
        key = template, language, visit.place, content
        parts = self._pages.get(key)
        if parts is None:
            parts = self._fill_in(request, visit, template, {**page_context(language), **context()})
            self._pages[key] = parts
            if len(self._pages) > self._limit:
                self._pages.popitem(last=False)
        request[BRAND_STYLE] = visit.place.brand.style
        response = web.Response(
            body=visit.journey.details.path_id.encode().join(parts), content_type="text/html", charset="utf-8"
        )
        response.headers["Content-Language"] = language
        return response

    def _fill_in(self, request: web.Request, visit: Visit, template: str, context: Mapping[str, object]) -> list[bytes]:
        journey = _AnyJourney()
        filled = {**context, "place": visit.place, "journey": journey, "information": journey.path("")}
        return aiohttp_jinja2.render_string(template, request, filled).encode().split(_MARK.encode())


SHARED_PAGES: Final = web.AppKey("shared_pages", SharedPages)
