"""What the tests of several drivers share: redirects made of values, and what was refused."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from captive_portal.gateways.base import Arrival, Redirect, Refusal, RefusalReason


def changed(parameters: Mapping[str, str], **values: str | None) -> str:
    """The query of these parameters with some of them changed; one that is given as None is left out."""
    return urlencode({name: value for name, value in {**parameters, **values}.items() if value is not None})


def read(raw_query: str, arrival_key: str | None = None) -> Redirect:
    """A redirect that is read without mistake."""
    redirect = Redirect.read(raw_query, arrival_key)
    assert isinstance(redirect, Redirect)
    return redirect


def believed(result: Arrival | Refusal) -> Arrival:
    """An arrival that was not refused."""
    assert isinstance(result, Arrival), result
    return result


def reason(result: Arrival | Refusal) -> RefusalReason:
    """Why it was refused."""
    assert isinstance(result, Refusal)
    return result.reason
