"""What goes wrong, as programs are told it: problem details (RFC 9457), each kind with an address that explains it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Final

import structlog
from aiohttp import web
from pydantic import Field
from sqlalchemy.exc import DBAPIError

from captive_portal import metrics
from captive_portal.errors import PortalError

PREFIX: Final = "/api/v1"
MEDIA_TYPE: Final = "application/problem+json"
_UNAVAILABLE_SECONDS: Final = 10

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """One way in which something goes wrong."""

    # The last part of its type.
    name: str
    status: int
    title: str
    # What a program, or whoever writes it, does then.
    advice: str
    # Whether the answer says, by Retry-After, when to come again.
    says_when: bool = False


INVALID: Final = Kind("invalid-request", 400, "The request is not as the document has it", "Mend what `errors` names.")
NOT_AUTHENTICATED: Final = Kind(
    "not-authenticated", 401, "A key or token is missing, wrong or past its time",
    "Send `Authorization: Bearer …` with a key or token of the kind that the operation names.",
)  # fmt: skip
NOT_ALLOWED: Final = Kind(
    "not-allowed", 403, "This key or token may not do that",
    "Ask for one with the scope that the operation names; on My data, for a token that may delete.",
)  # fmt: skip
NOT_FOUND: Final = Kind("not-found", 404, "There is no such thing", "Look at the address, or fetch the list again.")
NO_DEVICE_WAITS: Final = Kind(
    "no-device-waits", 404, "No device waits with this number",
    "Ask for the number on the device's screen now; one is good once, and for a quarter of an hour.",
)  # fmt: skip
METHOD_NOT_ALLOWED: Final = Kind(
    "method-not-allowed", 405, "Not with this method", "`Allow` names those that there are."
)
NOT_YET: Final = Kind(
    "not-yet", 409, "Not while the device is being let on", "Ask again in half a minute.", says_when=True
)
CANNOT_BE_ENDED: Final = Kind(
    "cannot-be-ended", 409, "This equipment cannot be told to end a session", "It ends when its time is over."
)
TOO_LARGE: Final = Kind("too-large", 413, "The request is too large", "Send no more than the document has.")
NOT_JSON: Final = Kind("not-json", 415, "The request is not JSON", "Send `Content-Type: application/json`.")
TOO_MANY: Final = Kind("too-many-requests", 429, "Too many requests", "Wait as `Retry-After` says.", says_when=True)
REFUSED_BY_EQUIPMENT: Final = Kind(
    "refused-by-equipment", 502, "The access equipment did not do it", "`detail` says why; an engineer can see more."
)
NO_ANSWER: Final = Kind("no-answer", 504, "The access equipment did not answer", "See whether it is up, and ask again.")
UNAVAILABLE: Final = Kind(
    "unavailable", 503, "The service cannot answer now", "Wait as `Retry-After` says.", says_when=True
)
FAULT: Final = Kind("fault", 500, "Something broke here", "Tell the council; it is in the log of the service.")
KINDS: Final = (
    INVALID, NOT_AUTHENTICATED, NOT_ALLOWED, NOT_FOUND, NO_DEVICE_WAITS, METHOD_NOT_ALLOWED, NOT_YET, CANNOT_BE_ENDED,
    TOO_LARGE, NOT_JSON, TOO_MANY, FAULT, REFUSED_BY_EQUIPMENT, UNAVAILABLE, NO_ANSWER,
)  # fmt: skip
_OF_STATUS: Final = {400: INVALID, 404: NOT_FOUND, 405: METHOD_NOT_ALLOWED, 403: NOT_ALLOWED, 413: TOO_LARGE}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One value that is not as it must be."""

    where: Annotated[str, Field(description="The parameter, or the place in the body, such as `number`.")]
    message: Annotated[str, Field(description="What it must be.")]


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong (RFC 9457)."""

    type: Annotated[str, Field(description="Which kind of problem; the address explains it.")]
    title: Annotated[str, Field(description="The kind in words.")]
    status: Annotated[int, Field(description="The status of the answer.")]
    detail: Annotated[str, Field(description="What it was this time.")]
    errors: Annotated[tuple[Mistake, ...], Field(description="Of `invalid-request`: what is wrong, one by one.")] = ()


@dataclass(eq=False)
class ProblemError(PortalError):
    """Answer with a problem. ``detail`` is for the program's people: no secret and nothing of a person in it."""

    kind: Kind
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    errors: Sequence[Mistake] = ()

    def __str__(self) -> str:
        return self.detail


def retry_after(seconds: int) -> dict[str, str]:
    """The header that says when to come again (RFC 9110 section 10.2.3)."""
    return {"Retry-After": str(seconds)}


@web.middleware
async def tell_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Below the API's address every error is problem details, whoever raised it; elsewhere nothing changes."""
    if not is_of_api(request):
        return await handler(request)
    try:
        return await handler(request)
    except ProblemError as problem:
        return _answer(problem)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        kind = _OF_STATUS.get(error.status, INVALID if error.status < 500 else FAULT)
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return _answer(ProblemError(kind, f"{kind.title}.", headers))
    except (DBAPIError, OSError, TimeoutError):
        _log.warning("the open API has no database", operation=request.match_info.route.name)
        why = "The database does not answer."
        return _answer(ProblemError(UNAVAILABLE, why, retry_after(_UNAVAILABLE_SECONDS)))
    except Exception:
        _log.exception("an operation of the open API failed", operation=request.match_info.route.name)
        return _answer(ProblemError(FAULT, "The operation was not finished."))


def is_of_api(request: web.Request) -> bool:
    """Whether the address is one of the API's, whether or not there is such a one."""
    return request.path == PREFIX or request.path.startswith(f"{PREFIX}/")


def _answer(problem: ProblemError) -> web.Response:
    kind = problem.kind
    metrics.refused_requests.labels(str(kind.status)).inc()
    # On the page that explains them (documentation.py).
    address = f"{PREFIX}/#problem-{kind.name}"
    told = asdict(Problem(address, kind.title, kind.status, problem.detail, tuple(problem.errors)))
    return web.Response(
        body=json.dumps(told).encode(), status=kind.status, content_type=MEDIA_TYPE, headers=problem.headers
    )
