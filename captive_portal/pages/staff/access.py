"""Who may see a page for staff, and what stands around each of them.

A handler says by :func:`staff_only` which role it is for. Nobody gets past it without a log-in and that role; a
form must be of this very log-in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Final

from aiohttp import web

from captive_portal.languages import DEFAULT, current_language
from captive_portal.pages.common import RUNTIME, clock, render
from captive_portal.pages.forms import read_form, text_field
from captive_portal.pages.staff.once import ANSWERED_FORMS, fingerprint, new_number
from foundation.access_rules import Staff, under
from foundation.security_headers import is_https
from foundation.staff import Member, Role, StaffDoor
from foundation.staff import record as record

DOOR: Final = web.AppKey("staff_door", StaffDoor)
PATH: Final = "/staff"
LOG_IN: Final = f"{PATH}/log-in"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
StaffHandler = Callable[[web.Request, Member], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Section:
    """One of the pages that the links on top lead to."""

    path: str
    title: str
    role: Role


# In the order in which the links stand.
SECTIONS: Final = (
    Section(PATH, "Help at the desk", Role.HELPER),
    Section(f"{PATH}/requests", "Requests about data", Role.INFORMATION_OFFICER),
    Section(f"{PATH}/disclosures", "Disclosures", Role.INFORMATION_OFFICER),
    Section(f"{PATH}/retention", "How long data are kept", Role.INFORMATION_OFFICER),
    Section(f"{PATH}/holds", "Holds", Role.INFORMATION_OFFICER),
    Section(f"{PATH}/laboratory", "Gateway laboratory", Role.ENGINEER),
    Section(f"{PATH}/essentials", "Essential sites", Role.MANAGER),
    Section(f"{PATH}/accounts", "Who works here", Role.MANAGER),
    Section(f"{PATH}/api-keys", "Open API", Role.MANAGER),
)


def staff_only(*roles: Role, is_translated: bool = False) -> Callable[[StaffHandler], Handler]:
    """For those who have one of the roles for any council; the handler looks after which. Without a role: for all.

    The page is in English unless it ``is_translated``. A form that is sent twice is taken once.
    Raises HTTPSeeOther to the log-in, HTTPForbidden for another role and for a form that is not of this log-in.
    """

    def decorate(handler: StaffHandler) -> Handler:
        @wraps(handler)
        async def guarded(request: web.Request) -> web.StreamResponse:
            member = await request.app[DOOR].member(request.cookies.get(cookie_name(request), ""), clock())
            if member is None:
                raise web.HTTPSeeOther(LOG_IN)
            if roles and not any(member.councils(role) for role in roles):
                raise web.HTTPForbidden
            if not is_translated:
                current_language.set(DEFAULT)
            if request.method != "POST":
                return await handler(request, member)
            form = await read_form(request)
            # Behind it stands the page's number.
            if not member.sent(text_field(form, "form_token")[: len(member.form_token)]):
                raise web.HTTPForbidden
            sent = fingerprint(member.session_id, request.path, form)
            return await request.app[ANSWERED_FORMS].answer(sent, lambda: handler(request, member))

        return under(Staff(frozenset(roles)), guarded)

    return decorate


def first_page(member: Member) -> str:
    """What they came for: the first page that one of their roles opens."""
    return next((section.path for section in SECTIONS if member.councils(section.role)), f"{PATH}/password")


def render_staff(
    request: web.Request, member: Member, template: str, context: Mapping[str, object], *, status: int = 200
) -> web.Response:
    """A page for staff; its template extends ``staff/layout.html``."""
    sections = [section for section in SECTIONS if member.councils(section.role)]
    around = {
        "sections": sections,
        "form_token": member.form_token + new_number(),
        "here": request.path,
        "member": member,
        "can_switch_language": False,
    }
    return render(request, template, {**around, **context}, status=status)


def is_secure(request: web.Request) -> bool:
    """Whether the portal is reached by HTTPS."""
    return is_https(request.app[RUNTIME].settings.portal.public_url)


def cookie_name(request: web.Request) -> str:
    """The log-in's cookie. Browsers take its prefix by HTTPS only, so no neighbour on plain HTTP can plant one."""
    return "__Secure-citywifi-staff" if is_secure(request) else "citywifi-staff"
