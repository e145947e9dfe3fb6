"""Managers say who works for their council: they add, renew and disable accounts, and give them roles.

A manager touches nothing of another council. An account that also works for one whose manager they are not can be given
roles here, but its password and app are renewed, and it is disabled, by whoever runs the installation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import segno
from aiohttp import web
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from captive_portal.languages import show_day
from captive_portal.pages.common import RUNTIME, clock, see_other
from captive_portal.pages.forms import FormError, FormFields, read_form, text_field
from captive_portal.pages.staff.access import PATH, record, render_staff, staff_only
from foundation.credentials import generate_password
from foundation.database import Statements
from foundation.schema import councils, staff_accounts
from foundation.staff import Member, Role, add_account, disable_account, give_roles, renew_account
from foundation.staff_accounts import Account, read_accounts, read_user_name

ACCOUNTS: Final = f"{PATH}/accounts"
_ACCOUNT: Final = ACCOUNTS + r"/{account:\d{1,18}}"
_TIME_ZONE: Final = "Europe/London"
_ROLES: Final = {
    Role.HELPER: ("Help at the desk", "Lets the device of somebody beside them on, and nothing else"),
    Role.ENGINEER: ("Engineer", "Sees the network, ends sessions, tries gateways out"),
    Role.INFORMATION_OFFICER: ("Information officer", "Answers for people’s data"),
    Role.MANAGER: ("Manager", "Says who works here and what the pages offer"),
}


@staff_only(Role.MANAGER)
async def show_accounts(request: web.Request, member: Member) -> web.Response:
    """GET /staff/accounts: who works for the councils, and a form for somebody new."""
    return await _list(request, member)


@staff_only(Role.MANAGER)
async def add(request: web.Request, member: Member) -> web.Response:
    """POST /staff/accounts: `user_name`, and `role-COUNCIL-ROLE` = `yes` for each role; shows the secrets once."""
    form, now, runtime = await read_form(request), clock(), request.app[RUNTIME]
    typed = text_field(form, "user_name")
    user_name = read_user_name(typed)
    chosen = _chosen_roles(form, member)
    if user_name is None:
        return await _list(request, member, FormError("user_name", "Give a name of 1 to 64 characters"), typed)
    if not any(chosen.values()):
        return await _list(request, member, FormError("roles", "Choose at least one role"), typed)
    password = generate_password()
    try:
        async with runtime.database.write() as connection:
            uri = await add_account(connection, runtime.keyring, user_name, password, [], [], now, is_given=True)
            account_id = await _id_of(connection, user_name)
            for council_id, roles in chosen.items():
                await give_roles(connection, account_id, council_id, roles)
                if roles:
                    detail = {"roles": sorted(roles)}
                    await record(
                        connection, member, "add staff", user_name, council_id=council_id, now=now, detail=detail
                    )
    except IntegrityError:
        return await _list(request, member, FormError("user_name", "This name is taken. Choose another one"), typed)
    return _secrets(request, member, user_name, password, uri)


@staff_only(Role.MANAGER)
async def show_account(request: web.Request, member: Member) -> web.Response:
    """GET /staff/accounts/{account}: one account's roles, and what can be done with it."""
    account = await _find(request, member)
    return await _one(request, member, account, is_kept=request.query.get("kept") == "yes")


@staff_only(Role.MANAGER)
async def take_roles(request: web.Request, member: Member) -> web.Response:
    """POST /staff/accounts/{account}/roles: `role-COUNCIL-ROLE` = `yes` for each role, for the manager's councils."""
    account, now = await _find(request, member), clock()
    chosen = _chosen_roles(await read_form(request), member)
    if account.id == member.account_id and any(Role.MANAGER not in roles for roles in chosen.values()):
        error = FormError("roles", "You cannot take away your own role as a manager. Ask another one")
        return await _one(request, member, account, error)
    if not any(chosen.values()) and account.works_only_for(chosen):
        return await _one(request, member, account, FormError("roles", "Choose at least one role, or disable it"))
    async with request.app[RUNTIME].database.write() as connection:
        for council_id, roles in chosen.items():
            if roles == account.roles.get(council_id, frozenset()):
                continue
            await give_roles(connection, account.id, council_id, roles)
            detail = {"roles": sorted(roles)}
            await record(
                connection, member, "give roles", account.user_name, council_id=council_id, now=now, detail=detail
            )
    # Who works for none of the manager's councils any more is not theirs to see.
    return see_other(f"{ACCOUNTS}/{account.id}?kept=yes" if any(chosen.values()) else ACCOUNTS)


@staff_only(Role.MANAGER)
async def renew(request: web.Request, member: Member) -> web.Response:
    """POST /staff/accounts/{account}/renew: a new password and a new key for the app, shown once."""
    account, runtime = await _find_own(request, member), request.app[RUNTIME]
    password = generate_password()
    async with runtime.database.write() as connection:
        uri = await renew_account(connection, runtime.keyring, account.id, account.user_name, password, is_given=True)
        await _record_for_all(connection, member, "renew staff", account)
    return _secrets(request, member, account.user_name, password, uri)


@staff_only(Role.MANAGER)
async def disable(request: web.Request, member: Member) -> web.Response:
    """POST /staff/accounts/{account}/disable: logged out, and let in no more."""
    account = await _find_own(request, member)
    async with request.app[RUNTIME].database.write() as connection:
        await disable_account(connection, account.id, clock())
        await _record_for_all(connection, member, "disable staff", account)
    return see_other(f"{ACCOUNTS}/{account.id}?kept=yes")


async def _find(request: web.Request, member: Member) -> Account:
    """The account of the path. Raises HTTPNotFound for one that works for none of the manager's councils."""
    async with request.app[RUNTIME].database.read() as connection:
        accounts = await read_accounts(connection, member.councils(Role.MANAGER))
    account = next((one for one in accounts if str(one.id) == request.match_info["account"]), None)
    if account is None:
        raise web.HTTPNotFound
    return account


async def _find_own(request: web.Request, member: Member) -> Account:
    """As ``_find``. Raises HTTPForbidden for one that is not for this manager alone to say, and for their own."""
    account = await _find(request, member)
    if not _is_theirs(member, account):
        raise web.HTTPForbidden
    return account


def _is_theirs(member: Member, account: Account) -> bool:
    return account.id != member.account_id and account.works_only_for(member.councils(Role.MANAGER))


async def _id_of(connection: Statements, user_name: str) -> int:
    found = await connection.execute(select(staff_accounts.c.id).where(staff_accounts.c.user_name == user_name))
    return int(found.scalar_one())


async def _record_for_all(connection: Statements, member: Member, action: str, account: Account) -> None:
    for council_id in account.roles:
        await record(connection, member, action, account.user_name, council_id=council_id, now=clock())


def _chosen_roles(form: FormFields, member: Member) -> dict[int, frozenset[Role]]:
    """What is ticked, for each of the manager's councils."""
    return {
        council_id: frozenset(role for role in Role if text_field(form, f"role-{council_id}-{role}") == "yes")
        for council_id in member.councils(Role.MANAGER)
    }


async def _council_names(request: web.Request, member: Member) -> dict[int, str]:
    question = select(councils.c.id, councils.c.name).where(councils.c.id.in_(member.councils(Role.MANAGER)))
    async with request.app[RUNTIME].database.read() as connection:
        return {row.id: row.name for row in await connection.execute(question.order_by(councils.c.name))}


async def _list(request: web.Request, member: Member, error: FormError | None = None, typed: str = "") -> web.Response:
    names = await _council_names(request, member)
    async with request.app[RUNTIME].database.read() as connection:
        accounts = await read_accounts(connection, list(names))
    context = {
        "rows": [(one, _in_words(one, names), _state(one)) for one in accounts],
        "councils": names,
        "role_names": _ROLES,
        "held": {},
        "user_name": typed,
        "errors": [error] if error else [],
    }
    return render_staff(request, member, "staff/accounts.html", context, status=422 if error else 200)


async def _one(
    request: web.Request, member: Member, account: Account, error: FormError | None = None, *, is_kept: bool = False
) -> web.Response:
    context = {
        "account": account,
        "state": _state(account),
        "is_theirs": _is_theirs(member, account),
        "is_own": account.id == member.account_id,
        "councils": await _council_names(request, member),
        "role_names": _ROLES,
        "held": account.roles,
        "is_kept": is_kept,
        "errors": [error] if error else [],
    }
    return render_staff(request, member, "staff/account.html", context, status=422 if error else 200)


def _secrets(request: web.Request, member: Member, user_name: str, password: str, uri: str) -> web.Response:
    picture = segno.make(uri, error="m").svg_data_uri(scale=5, border=4)
    context = {"account_name": user_name, "password": password, "uri": uri, "picture": picture}
    return render_staff(request, member, "staff/account_secrets.html", context)


def _in_words(account: Account, names: dict[int, str]) -> Sequence[str]:
    return [
        ", ".join(_ROLES[role][0] for role in Role if role in account.roles.get(council_id, ()))
        + (f" ({name})" if len(names) > 1 else "")
        for council_id, name in names.items()
        if account.roles.get(council_id)
    ]


def _state(account: Account) -> str:
    if account.disabled_at is not None:
        return f"disabled on {show_day(account.disabled_at, _TIME_ZONE)}"
    if account.logged_in_at is None:
        return "never logged in"
    return f"last logged in on {show_day(account.logged_in_at, _TIME_ZONE)}"


ROUTES: Final = (
    web.get(ACCOUNTS, show_accounts, name="staff_accounts"),
    web.post(ACCOUNTS, add, name="add_staff_account"),
    web.get(_ACCOUNT, show_account, name="staff_account"),
    web.post(f"{_ACCOUNT}/roles", take_roles, name="take_staff_roles"),
    web.post(f"{_ACCOUNT}/renew", renew, name="renew_staff_account"),
    web.post(f"{_ACCOUNT}/disable", disable, name="disable_staff_account"),
)
