"""Forms: what was posted, and the page that comes back with what is wrong in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from captive_portal.pages.common import render_visit
from captive_portal.storage.journeys import Visit

# What aiohttp reads from a form: text, or files, which no form of ours has.
FormFields = Mapping[str, str | bytes | bytearray | web.FileField]


@dataclass(frozen=True, slots=True)
class FormError:
    """What is wrong with one field, in words that say what to do."""

    field: str
    message: str


def render_form_errors(
    request: web.Request,
    visit: Visit,
    template: str,
    errors: list[FormError],
    context: Mapping[str, object] | None = None,
) -> web.Response:
    """The form again, with what is wrong at the top and beside each field."""
    return render_visit(request, visit, template, {**(context or {}), "errors": errors}, status=422)


async def read_form(request: web.Request) -> FormFields:
    """The posted fields. A body that is no form is the browser's mistake, not ours."""
    try:
        return await request.post()
    except (ValueError, LookupError):  # broken multipart, text that is not in its character set, or no such set
        raise web.HTTPBadRequest from None


def text_field(form: FormFields, name: str) -> str:
    """A field's text; empty where there is none or where it is a file."""
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""
