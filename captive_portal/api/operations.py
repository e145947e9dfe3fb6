"""Operations: a handler whose signature and docstring say all that the document tells of it.

::

    @operation("GET", "/venues/{venue}", tag=VENUES, access=EVERYBODY, problems=(NOT_FOUND,))
    async def show_venue(call: Call, asked: VenueAddress) -> Venue:
        '''One venue.'''

``asked`` is a dataclass of what stands in the path and the query, ``body`` one of the JSON that was sent; both are
checked against their types before the handler is called. What it returns is written as its type says; None is 204.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import Any, Final, get_type_hints

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from captive_portal.api.access import Access, Everybody
from captive_portal.api.problems import (
    INVALID,
    NOT_FOUND,
    NOT_JSON,
    PREFIX,
    TOO_LARGE,
    TOO_MANY,
    UNAVAILABLE,
    Kind,
    Mistake,
    ProblemError,
)
from captive_portal.pages.common import clock
from foundation.access_rules import under

EVERYBODY: Final = Everybody()
_DESCRIBED: Final = "operation"
_LONGEST_NAME: Final = 64
# Headers of this answer that stand instead of the portal's usual ones.
OWN_HEADERS: Final = web.RequestKey("api_headers", dict[str, str])
# What everybody may have, pages of other sites may read, and who is in between may keep for a minute.
_FOR_OTHER_SITES: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Retry-After",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_KEPT: Final = {"Cache-Control": "public, max-age=60"}


@dataclass(frozen=True, slots=True)
class Tag:
    """A chapter of the document."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a program can do."""

    method: str
    # Below PREFIX.
    path: str
    name: str
    tag: Tag
    access: Access
    summary: str
    description: str
    asked: TypeAdapter[Any] | None
    body: TypeAdapter[Any] | None
    # None where nothing is sent back.
    answer: TypeAdapter[Any] | None
    media_type: str
    own_problems: tuple[Kind, ...]
    parameters: tuple[str, ...]

    @property
    def problems(self) -> tuple[Kind, ...]:
        """All that can go wrong."""
        sent = (TOO_LARGE, NOT_JSON) if self.body is not None else ()
        return (INVALID, *self.access.problems, *self.own_problems, *sent, TOO_MANY, UNAVAILABLE)

    @property
    def status(self) -> int:
        """Of an answer when all went well."""
        return 204 if self.answer is None else 200


Handler = Callable[..., Awaitable[object]]
ApiHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def operation(
    method: str,
    path: str,
    *,
    tag: Tag,
    access: Access,
    problems: tuple[Kind, ...] = (),
    media_type: str = "application/json",
) -> Callable[[Handler], ApiHandler]:
    """Make an operation of a handler; what comes of it is the route's handler, under the rule of its access."""

    def decorate(handler: Handler) -> ApiHandler:
        described = _describe(handler, method, path, tag, access, problems, media_type)

        @wraps(handler)
        async def handle(request: web.Request) -> web.StreamResponse:
            if access is EVERYBODY:
                # A problem is read by other sites, too, but never kept.
                request[OWN_HEADERS] = _FOR_OTHER_SITES
            call = await access.enter(request, clock())
            _check_query(request, described)
            values: dict[str, object] = {}
            if described.asked is not None:
                values["asked"] = _read_parameters(request, described)
            if described.body is not None:
                values["body"] = await _read_body(request, described.body)
            response = _write(described, await handler(call, **values))
            if access is EVERYBODY:
                tell_everybody(request)
            return response

        # The document is made of it.
        vars(handle)[_DESCRIBED] = described
        return under(access, handle)

    return decorate


def routes_of(handlers: tuple[ApiHandler, ...]) -> list[web.RouteDef]:
    """The routes of operations."""
    return [
        web.route(one.method, PREFIX + one.path, handler, name=f"api_{one.name}")
        for handler in handlers
        for one in (operation_of(handler),)
    ]


def operation_of(handler: ApiHandler) -> Operation:
    """What a handler's decorator made of it."""
    described: Operation = vars(handler)[_DESCRIBED]
    return described


def tell_everybody(request: web.Request) -> None:
    """The answer may be read by pages of other sites, and kept for a minute."""
    request[OWN_HEADERS] = {**_FOR_OTHER_SITES, **_KEPT}


async def put_own_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Instead of the portal's usual ones; a signal handler for after those."""
    response.headers.update(request.get(OWN_HEADERS, {}))


def _describe(
    handler: Handler,
    method: str,
    path: str,
    tag: Tag,
    access: Access,
    problems: tuple[Kind, ...],
    media_type: str,
) -> Operation:
    types = get_type_hints(handler, include_extras=True)
    summary, _, description = inspect.cleandoc(handler.__doc__ or "").partition("\n\n")
    asked, body, answer = types.get("asked"), types.get("body"), types["return"]
    return Operation(
        method=method,
        path=path,
        name=getattr(handler, "__name__", path),
        tag=tag,
        access=access,
        summary=summary.rstrip("."),
        description=" ".join(description.split()),
        asked=None if asked is None else TypeAdapter(asked),
        body=None if body is None else TypeAdapter(body),
        answer=None if answer is type(None) else TypeAdapter(answer),
        media_type=media_type,
        own_problems=problems,
        parameters=() if asked is None else tuple(field.name for field in fields(asked)),
    )


def _check_query(request: web.Request, described: Operation) -> None:
    """Whoever misspells a parameter is told, and not answered something else. Raises ProblemError."""
    mistakes = []
    for name in dict.fromkeys(request.query):
        if name not in described.parameters or name in request.match_info:
            mistakes.append(Mistake(name[:_LONGEST_NAME], "There is no such parameter."))
        elif len(request.query.getall(name)) > 1:
            mistakes.append(Mistake(name, "It is there more than once."))
    if mistakes:
        raise ProblemError(INVALID, "A parameter is wrong.", errors=mistakes)


def _read_parameters(request: web.Request, described: Operation) -> object:
    """Raises ProblemError: of the path there is no such thing, of the query it is named what is wrong."""
    given: dict[str, str] = {name: request.query[name] for name in described.parameters if name in request.query}
    given |= {name: value for name, value in request.match_info.items() if name in described.parameters}
    assert described.asked is not None
    try:
        return described.asked.validate_strings(given)
    except ValidationError as error:
        mistakes = _mistakes(error)
        if any(mistake.where in request.match_info for mistake in mistakes):
            raise ProblemError(NOT_FOUND, "Nothing has this address.") from None
        raise ProblemError(INVALID, "A parameter is wrong.", errors=mistakes) from None


async def _read_body(request: web.Request, body: TypeAdapter[Any]) -> object:
    if request.content_type != "application/json":
        raise ProblemError(NOT_JSON, "The body must be JSON.")
    try:
        return body.validate_json(await request.read(), strict=True)
    except ValidationError as error:
        raise ProblemError(INVALID, "The body is wrong.", errors=_mistakes(error)) from None


def _mistakes(error: ValidationError) -> list[Mistake]:
    """What is wrong, without the values that were sent."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [Mistake(".".join(str(part) for part in one["loc"]) or "body", one["msg"]) for one in found]


def _write(described: Operation, answer: object) -> web.Response:
    if described.answer is None:
        return web.Response(status=described.status)
    if isinstance(answer, str):
        return web.Response(text=answer, content_type=described.media_type)
    return web.Response(body=described.answer.dump_json(answer), content_type=described.media_type)
