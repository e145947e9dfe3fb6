"""A contact in one field: an email address, or a mobile number where texts are sent."""

from __future__ import annotations

from captive_portal.languages import gettext as _
from captive_portal.ways_in.email_address import NotAnEmailAddressError, parse_email_address
from captive_portal.ways_in.phone_number import PhoneNumberError, parse_phone_number
from captive_portal.ways_in.ways import Way, usable
from foundation.settings import Settings


def read_contact(typed: str, settings: Settings) -> str | None:
    """The address, or the number in E.164; None where it is neither."""
    ways = usable((Way.EMAIL, Way.SMS), settings)
    try:
        if "@" in typed:
            return parse_email_address(typed) if Way.EMAIL in ways else None
        return parse_phone_number(typed, settings.sms.countries) if Way.SMS in ways else None
    except (NotAnEmailAddressError, PhoneNumberError):
        return None


def contact_hint(settings: Settings) -> str:
    """What to enter, in words of the page's language."""
    if Way.SMS in usable((Way.SMS,), settings):
        return _("Enter an email address, like name@example.com, or a mobile number, like 07700 900 982")
    return _("Enter an email address, like name@example.com")
