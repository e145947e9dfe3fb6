"""Who may use an operation of the open API: everybody, a council's program with a scope, or a resident's program."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from aiohttp import web

from captive_portal.api.limits import RATES, address_of
from captive_portal.api.problems import NOT_ALLOWED, NOT_AUTHENTICATED, Kind, ProblemError
from captive_portal.pages.common import RUNTIME
from captive_portal.storage import api_keys, resident_tokens
from captive_portal.storage.api_keys import Key, Scope
from captive_portal.storage.resident_tokens import Token
from foundation.runtime import Runtime

# Names in the document's components.securitySchemes.
KEY_SCHEME: Final = "councilKey"
TOKEN_SCHEME: Final = "residentToken"  # noqa: S105  a name


@dataclass(frozen=True, slots=True)
class Call:
    """One request of whoever may make it."""

    runtime: Runtime
    now: datetime


@dataclass(frozen=True, slots=True)
class ProgramCall(Call):
    """One request of a council's program."""

    key: Key


@dataclass(frozen=True, slots=True)
class ResidentCall(Call):
    """One request of a program that a resident lets at their data."""

    token: Token


class Access(Protocol):
    """Who may use an operation: also the access rule of its route (foundation.access_rules)."""

    def admit(self, request: web.Request) -> None:
        """``enter`` is what lets in, because it must look the key or token up."""

    async def enter(self, request: web.Request, now: datetime) -> Call:
        """The request of somebody who may make it. Raises ProblemError."""

    @property
    def security(self) -> list[dict[str, list[str]]]:
        """As the document says it (OpenAPI 3.1, security requirement objects)."""

    @property
    def problems(self) -> tuple[Kind, ...]:
        """Why somebody is not let in."""


@dataclass(frozen=True, slots=True)
class Everybody:
    """No key is needed, and pages of other sites may ask (CORS)."""

    def admit(self, request: web.Request) -> None:
        """Everybody is let through."""

    async def enter(self, request: web.Request, now: datetime) -> Call:
        """Raises ProblemError for an address that asks too often."""
        _take_address(request, now)
        return Call(request.app[RUNTIME], now)

    @property
    def security(self) -> list[dict[str, list[str]]]:
        return []

    @property
    def problems(self) -> tuple[Kind, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class WithKey:
    """For a program of a council whose key has the scope; what it sees and does is of that council only."""

    scope: Scope

    def admit(self, request: web.Request) -> None:
        """The key is looked up by ``enter``."""

    async def enter(self, request: web.Request, now: datetime) -> Call:
        """Raises ProblemError for no key, a wrong one, one without the scope and one that asks too often."""
        runtime = request.app[RUNTIME]
        async with runtime.database.short_read() as connection:
            key = await api_keys.find(connection, runtime.keyring, _bearer(request))
        if key is None or not key.is_good(now):
            raise _not_authenticated(request, now, "The key is not known, was revoked, or is past its time.")
        request.app[RATES].take_key(key.id, key.requests_per_minute, now.timestamp())
        if self.scope not in key.scopes:
            challenge = f'Bearer error="insufficient_scope", scope="{self.scope}"'
            detail = f"The key does not have the scope {self.scope}."
            raise ProblemError(NOT_ALLOWED, detail, {"WWW-Authenticate": challenge})
        await api_keys.note_use(runtime.database, key, now)
        return ProgramCall(runtime, now, key)

    @property
    def security(self) -> list[dict[str, list[str]]]:
        return [{KEY_SCHEME: [self.scope.value]}]

    @property
    def problems(self) -> tuple[Kind, ...]:
        return NOT_AUTHENTICATED, NOT_ALLOWED


@dataclass(frozen=True, slots=True)
class WithToken:
    """For a program that a resident lets at their own data, and at nobody else's."""

    deletes: bool = False

    def admit(self, request: web.Request) -> None:
        """The token is looked up by ``enter``."""

    async def enter(self, request: web.Request, now: datetime) -> Call:
        """Raises ProblemError for no token, a wrong one, one that may only read, and one that asks too often."""
        runtime = request.app[RUNTIME]
        async with runtime.database.short_read() as connection:
            token = await resident_tokens.find(connection, runtime.keyring, _bearer(request), now)
        if token is None:
            raise _not_authenticated(request, now, "The token is not known, was withdrawn, or is past its time.")
        request.app[RATES].take_resident(token.resident_id, now.timestamp())
        if self.deletes and not token.may_delete:
            challenge = 'Bearer error="insufficient_scope"'
            raise ProblemError(NOT_ALLOWED, "This token may only read.", {"WWW-Authenticate": challenge})
        await resident_tokens.note_use(runtime.database, token, now)
        return ResidentCall(runtime, now, token)

    @property
    def security(self) -> list[dict[str, list[str]]]:
        return [{TOKEN_SCHEME: ["delete"] if self.deletes else []}]

    @property
    def problems(self) -> tuple[Kind, ...]:
        return (NOT_AUTHENTICATED, NOT_ALLOWED) if self.deletes else (NOT_AUTHENTICATED,)


def _bearer(request: web.Request) -> str:
    """The key or token of a request (RFC 6750 section 2.1). Raises ProblemError."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        detail = "There is no `Authorization: Bearer` with a key or token."
        raise ProblemError(NOT_AUTHENTICATED, detail, {"WWW-Authenticate": "Bearer"})
    return text.strip()


def _not_authenticated(request: web.Request, now: datetime, detail: str) -> ProblemError:
    """Raises ProblemError instead for an address that guesses too often; good keys there are not held up by it."""
    _take_address(request, now)
    return ProblemError(NOT_AUTHENTICATED, detail, {"WWW-Authenticate": 'Bearer error="invalid_token"'})


def _take_address(request: web.Request, now: datetime) -> None:
    proxies = request.app[RUNTIME].settings.portal.proxies
    request.app[RATES].take_address(address_of(request, proxies), now.timestamp())
