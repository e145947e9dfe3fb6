"""Django serving the portal's own first page from the same templates, without a database: for gunicorn.

It runs under Debian's Python with Debian's Django and imports nothing of ours. ``PAGE`` names a JSON file with the
folder of the templates, the stylesheet and what the page shows.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

_PAGE: dict[str, Any] = json.loads(Path(os.environ["PAGE"]).read_text())


class _Journey(SimpleNamespace):
    def path(self, page: str) -> str:
        return f"/j/{self.path_id}/{page}"


def environment(**options: Any) -> Any:
    """As the portal sets up Jinja, with English texts."""
    from jinja2 import Environment

    options.pop("autoescape", None)
    made: Any = Environment(
        autoescape=True, extensions=["jinja2.ext.i18n"], trim_blocks=True, lstrip_blocks=True, **options
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_null_translations(newstyle=True)
    made.globals["stylesheet"] = made.from_string("{{ text|safe }}").render(text=_PAGE["stylesheet"])
    return made


def show(request: HttpRequest, path_id: str) -> HttpResponse:
    """The first page of a journey."""
    context = dict(_PAGE["context"])
    brand = SimpleNamespace(style="", logo=None)
    place = SimpleNamespace(display_name="Coventry", venue_name="Central Library", brand=brand)
    terms = SimpleNamespace(id=1)
    context.update(place=place, journey=_Journey(path_id=path_id), terms=terms, information=f"/j/{path_id}/", form=None)
    return render(request, "start.html", context)


settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    # What every Django project has that serves pages.
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.jinja2.Jinja2",
            "DIRS": [_PAGE["templates"]],
            "OPTIONS": {"environment": f"{__name__}.environment", "auto_reload": False},
        }
    ],
    SECRET_KEY=os.urandom(16).hex(),
    USE_TZ=True,
)
django.setup()
urlpatterns = [path("j/<str:path_id>/start", show)]
application = get_wsgi_application()
