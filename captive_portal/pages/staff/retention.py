"""How long a council keeps data: each rule with its limit, the oldest record, and the limits that it can change."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from captive_portal.languages import show_day, show_time
from captive_portal.pages.common import RUNTIME, clock, see_other
from captive_portal.pages.forms import FormError, read_form, text_field
from captive_portal.pages.staff.access import PATH, record, render_staff, staff_only
from captive_portal.pages.staff.requests import council_of
from captive_portal.storage import equipment
from captive_portal.storage.retention_report import read_report
from foundation.retention_limits import BOUNDS, RetentionLimitError, check_limit, inherit_limit, set_limit
from foundation.settings import RetentionSettings
from foundation.staff import Member, Role

RETENTION: Final = f"{PATH}/retention"
_OFFICER: Final = Role.INFORMATION_OFFICER
_MOST_DIGITS: Final = 6
_SETTING_NAMES: Final = {
    "raw_identifier_hours": "Addresses and names of devices, after a session (hours)",
    "journey_hours": "Sign-ups (hours)",
    "authentication_days": "Log of log-ins; expired codes and user names (days)",
    "session_days": "Sessions (days)",
    "unused_resident_days": "Residents and devices that are not seen any more (days)",
    "problem_report_days": "Reports of problems (days)",
    "audit_days": "Audit, and holds that ended (days)",
    "request_days": "Requests about data (days)",
    "disclosure_days": "Register of disclosures (days)",
}


@staff_only(_OFFICER)
async def show(request: web.Request, member: Member) -> web.Response:
    """GET /staff/retention: of a council; another one's with ``council``."""
    return await _page(request, member, council_of(member, _chosen(request, member)))


def _chosen(request: web.Request, member: Member) -> str:
    return request.query.get("council", "") or str(member.councils(_OFFICER)[0])


@staff_only(_OFFICER)
async def change(request: web.Request, member: Member) -> web.Response:
    """POST /staff/retention: `setting`, `value`, `reason`; with `inherit` = ``yes`` the installation's limit holds."""
    runtime, now, form = request.app[RUNTIME], clock(), await read_form(request)
    council_id = council_of(member, text_field(form, "council"))
    setting, typed, reason = (text_field(form, name) for name in ("setting", "value", "reason"))
    if text_field(form, "inherit") == "yes":
        async with runtime.database.short_write() as connection:
            if await inherit_limit(connection, council_id, setting):
                await record(connection, member, "inherit a retention limit", setting, council_id=council_id, now=now)
        return see_other(f"{RETENTION}?council={council_id}&kept=yes")
    error = _problem(runtime.settings.retention, setting, typed, reason)
    if error is not None:
        return await _page(request, member, council_id, error, {"setting": setting, "value": typed, "reason": reason})
    async with runtime.database.short_write() as connection:
        await set_limit(connection, runtime.database, council_id, setting, int(typed), reason, now)
        limit = {"value": int(typed), "reason": reason}
        await record(
            connection, member, "set a retention limit", setting, council_id=council_id, now=now, detail=limit
        )  # fmt: skip
    return see_other(f"{RETENTION}?council={council_id}&kept=yes")


def _problem(settings: RetentionSettings, setting: str, typed: str, reason: str) -> FormError | None:
    if setting not in BOUNDS:
        return FormError("setting", "Choose what you keep for another time")
    if not (typed.isascii() and typed.isdecimal() and len(typed) <= _MOST_DIGITS):
        shortest, longest = BOUNDS[setting]
        return FormError("value", f"Enter a number from {shortest} to {longest}")
    try:
        check_limit(settings, setting, int(typed), reason)
    except RetentionLimitError as refused:
        text = str(refused)
        return FormError("reason" if text.startswith("a reason") else "value", text[:1].upper() + text[1:])
    return None


async def _page(
    request: web.Request,
    member: Member,
    council_id: int,
    error: FormError | None = None,
    typed: dict[str, str] | None = None,
) -> web.Response:
    runtime, now, own = request.app[RUNTIME], clock(), member.councils(_OFFICER)
    report = await read_report(runtime, council_id, now)
    async with runtime.database.read() as connection:
        places = [await equipment.load_place(connection, one, None) for one in own]
    zone = next(place.time_zone for place in places if place.council_id == council_id)
    ran = report.last_run
    context = {
        "rows": [(rule, _words(rule.age), _day(rule.oldest, now, zone)) for rule in report.rules],
        "own": [(one, _SETTING_NAMES[one.setting], show_day(one.set_at, zone)) for one in report.own],
        "settings": [(name, _SETTING_NAMES[name], report.limits[name], BOUNDS[name]) for name in BOUNDS],
        "ran": ran and f"{show_day(ran, zone)}, {show_time(ran, zone)}",
        "runs": ran is not None and now - ran < timedelta(hours=2),
        "councils": [(place.council_id, place.council_name) for place in places],
        "council_id": council_id,
        "typed": typed or {"setting": "", "value": "", "reason": ""},
        "kept": request.query.get("kept") == "yes",
        "errors": [] if error is None else [error],
    }
    return render_staff(request, member, "staff/retention.html", context, status=200 if error is None else 422)


def _day(moment: datetime | None, now: datetime, zone: str) -> str:
    """The day of the oldest record; empty where the time of none has begun, such as of a hold that lasts."""
    return "" if moment is None or moment > now else show_day(moment, zone)


def _words(age: timedelta) -> str:
    hours = int(age.total_seconds()) // 3600
    if not hours:
        return "as long as it is good"
    return f"{hours} hours" if hours < 48 or hours % 24 else f"{hours // 24} days"


ROUTES: Final = (
    web.get(RETENTION, show, name="staff_retention"),
    web.post(RETENTION, change, name="change_retention"),
)
