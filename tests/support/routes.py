"""Every route of a site, with a path that fits its pattern and leads to nothing: what a stranger can ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from aiohttp import web
from hypothesis import Phase, find, settings
from hypothesis.strategies import from_regex

from foundation.access_rules import AccessRule, rule_of

_PART: Final = re.compile(r"\(\?P<(\w+)>((?:[^()\[\]]|\[[^\]]*\])+)\)")


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A route, and a request for it that nobody has a right to."""

    rule: AccessRule
    method: str
    path: str
    route: web.AbstractRoute

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def made_up_requests(app: web.Application) -> Iterator[MadeUp]:
    """One for each route of a site; the route's own parts are made up."""
    for route in app.router.routes():
        assert route.resource is not None
        rule = rule_of(app, route)
        assert rule is not None, f"{route.resource.canonical} has no access rule"
        yield MadeUp(rule, route.method, _path(route.resource), route)


def _path(resource: web.AbstractResource) -> str:
    patterns = dict(_PART.findall(resource.get_info()["pattern"].pattern)) if "{" in resource.canonical else {}
    return resource.canonical.format(**{name: _simplest(pattern) for name, pattern in patterns.items()})


@cache
def _simplest(pattern: str) -> str:
    """The simplest text that fits; of numbers it is nought, which nothing has."""
    # It is what hypothesis begins with.
    first = settings(database=None, derandomize=True, max_examples=1, phases=[Phase.generate])
    return find(from_regex(pattern, fullmatch=True), lambda _text: True, settings=first)
