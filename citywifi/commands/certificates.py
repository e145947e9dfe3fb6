"""``citywifi certificates``: a private authority, the server's certificate, those of devices and equipment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from citywifi.certificate_diagnosis import EXPIRES_SOON_DAYS
from citywifi.commands.workplace import AsJson, CouncilCode, perform, print_json, record, write_private
from citywifi.errors import CommandError
from citywifi.imports.store import Council, find_council
from foundation.certificate_store import CertificateStore
from foundation.certificates import CertificateDetails, Pair, read_certificate
from foundation.credentials import generate_password
from foundation.pkcs12 import export_pkcs12
from foundation.runtime import Runtime
from foundation.schema import credentials

app = typer.Typer(help="Certificates for encrypted WiFi (802.1X) and RadSec.", no_args_is_help=True)

Names = Annotated[
    list[str],
    typer.Option("--name", metavar="HOST", help="What devices will compare, such as radius.wifi.example.org."),
]


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of ``show``."""

    kind: str
    details: CertificateDetails
    revoked_at: datetime | None = None


@app.command()
def init(
    name: Names,
    organisation: Annotated[str, typer.Option(help="Whose authority it is, as devices show it.")] = "",
) -> None:
    """Make a private certificate authority and the server's certificate. Never overwrites an authority."""

    async def work(runtime: Runtime) -> CertificateStore:
        store = _store(runtime)
        store.create(name, organisation, datetime.now(UTC))
        await _record(runtime, "make certificate authority", store.authority())
        return store

    store = perform(work)
    typer.echo(f"made a certificate authority and a certificate for {', '.join(store.server().dns_names)}")
    typer.echo(f"fingerprint of the authority (SHA-256), which a device may show:\n  {store.authority().fingerprint}")
    typer.echo(f"keep a copy of {store.authority_key_file} where nobody else finds it: devices trust what it signs")


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show every certificate: names, issuer, expiry, fingerprint; tells which will expire soon."""

    async def work(runtime: Runtime) -> list[Shown]:
        return list(_shown(_store(runtime), runtime))

    certificates, now = perform(work), datetime.now(UTC)
    if as_json:
        print_json([_as_values(one, now) for one in certificates])
        return
    if not certificates:
        typer.echo("there are none; make them with: citywifi certificates init --name radius.wifi.example.org")
        return
    _print(certificates, now)


@app.command()
def use(
    certificate: Annotated[Path, typer.Argument(help="The server's certificate (PEM).", show_default=False)],
    key: Annotated[Path, typer.Argument(help="Its private key (PEM, without a password).", show_default=False)],
    chain: Annotated[
        Path | None, typer.Option(help="The certificates between it and its authority (PEM), in that order.")
    ] = None,
) -> None:
    """Use a server certificate that somebody else issued, after checking it as devices would."""
    pair = Pair(_read(certificate), _read(key))
    more = _read(chain) if chain is not None else b""

    async def work(runtime: Runtime) -> tuple[CertificateDetails, CertificateDetails | None]:
        store = _store(runtime)
        before = read_certificate(store.server_file.read_bytes()) if store.has_server else None
        details = store.use_server(pair, more, datetime.now(UTC))
        await _record(runtime, "use server certificate", details)
        return details, before

    details, before = perform(work)
    typer.echo(f"the server's certificate is now that of {', '.join(details.dns_names)}, by {details.issuer}")
    if before is not None and not set(before.dns_names) & set(details.dns_names):
        typer.secho(
            f"before it was {', '.join(before.dns_names)}: devices that were set up with that name will refuse the new "
            "one until they get a new profile",
            fg="yellow",
        )


@app.command()
def renew(
    name: Annotated[
        list[str] | None, typer.Option("--name", metavar="HOST", help="Another name than before; devices compare it.")
    ] = None,
) -> None:
    """Make a new server certificate by our own authority, with the same names unless others are given."""

    async def work(runtime: Runtime) -> CertificateDetails:
        store = _store(runtime)
        if store.has_server and not store.is_server_ours() and not name:
            raise CommandError(
                "another authority issued the server's certificate: order a new one there and give it to `citywifi "
                "certificates use`, or go over to our own authority with --name"
            )
        details = store.renew_server(datetime.now(UTC), name or ())
        await _record(runtime, "renew server certificate", details)
        return details

    details = perform(work)
    typer.echo(f"{', '.join(details.dns_names)} has a new certificate until {details.not_after:%Y-%m-%d}")


@app.command()
def device(
    name: Annotated[str, typer.Argument(help="User name of a credential.", show_default=False)],
    output: Annotated[Path, typer.Option(metavar="FILE.p12", help="Where the certificate with its key goes.")],
    council: CouncilCode = None,
) -> None:
    """Make a certificate by which a resident's device logs on without a password (EAP-TLS)."""
    _refuse_existing(output)

    async def work(runtime: Runtime) -> tuple[bytes, str]:
        chosen = await find_council(runtime.database, council)
        await _require_credential(runtime, chosen, name)
        store, now = _store(runtime), datetime.now(UTC)
        pair = store.issue_device(name, chosen.code, now)
        await _record(runtime, "issue device certificate", read_certificate(pair.certificate), chosen.id)
        password = generate_password()
        return export_pkcs12(pair, store.authority_pem(), name, password), password

    content, password = perform(work)
    write_private(output, content)
    typer.echo(f"{output} has the certificate, its key and our authority; install it on the device, then delete it")
    typer.echo(f"its password, shown only now: {password}")


@app.command()
def equipment(
    name: Annotated[str, typer.Argument(help="DNS name of the equipment (its RadSec name).", show_default=False)],
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="Where certificate, key and our authority go.")],
) -> None:
    """Make a certificate by which access equipment or a proxy connects by RadSec."""
    files = {kind: output / f"{name}.{kind}" for kind in ("pem", "key")}
    for file in files.values():
        _refuse_existing(file)

    async def work(runtime: Runtime) -> tuple[Pair, bytes]:
        store = _store(runtime)
        pair = store.issue_equipment(name, datetime.now(UTC))
        await _record(runtime, "issue equipment certificate", read_certificate(pair.certificate))
        return pair, store.authority_pem()

    pair, authority = perform(work)
    output.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(files["key"], pair.key)
    write_private(files["pem"], pair.certificate)
    if not (output / "ca.pem").exists():
        write_private(output / "ca.pem", authority)
    typer.echo(f"{output} has {files['pem'].name}, {files['key'].name} and ca.pem; delete them once they are installed")


@app.command()
def revoke(
    name_or_serial: Annotated[
        str, typer.Argument(metavar="NAME|SERIAL", help="Whose certificate, or its serial number.", show_default=False)
    ],
) -> None:
    """Revoke a certificate that was issued to a device or to equipment: from now on it opens nothing."""

    async def work(runtime: Runtime) -> list[CertificateDetails]:
        revoked = _store(runtime).revoke(name_or_serial, datetime.now(UTC))
        for details in revoked:
            await _record(runtime, "revoke certificate", details)
        return revoked

    for details in perform(work):
        typer.echo(f"revoked the certificate of {details.name}, serial number {details.serial}")


def _store(runtime: Runtime) -> CertificateStore:
    return CertificateStore(runtime.settings.certificates_directory)


async def _record(runtime: Runtime, action: str, details: CertificateDetails, council_id: int | None = None) -> None:
    """By serial number: the name may be a resident's."""
    async with runtime.database.write() as connection:
        await record(connection, action, f"certificate {details.serial}", council_id=council_id)


async def _require_credential(runtime: Runtime, council: Council, name: str) -> None:
    found = select(credentials.c.revoked_at).where(
        credentials.c.council_id == council.id, credentials.c.user_name == name
    )
    async with runtime.database.read() as connection:
        row = (await connection.execute(found)).one_or_none()
    if row is None:
        raise CommandError(
            f"there is no credential {name!r}, and a device's certificate says whose it is; add it first with: "
            "citywifi credentials add"
        )
    if row.revoked_at is not None:
        raise CommandError(f"the credential {name!r} was revoked; a certificate would open nothing")


def _shown(store: CertificateStore, runtime: Runtime) -> Iterator[Shown]:
    if store.has_authority:
        yield Shown("authority", store.authority())
    if store.has_server:
        yield Shown("server", store.server())
    settings = runtime.settings
    elsewhere = {"eap": settings.eap.certificate_file, "radsec": settings.radsec.certificate_file}
    for section, file in elsewhere.items():
        if file is not None:
            yield Shown(f"{section} server", read_certificate(_read(file)))
    for issued in store.issued():
        yield Shown("device" if issued.details.user_names else "equipment", issued.details, issued.revoked_at)


def _as_values(one: Shown, now: datetime) -> dict[str, object]:
    details = one.details
    return {
        "kind": one.kind,
        "names": [*details.user_names, *details.dns_names] or [details.name],
        "subject": details.subject,
        "issuer": details.issuer,
        "serial": details.serial,
        "not_before": details.not_before,
        "not_after": details.not_after,
        "days_left": details.days_left(now),
        "fingerprint_sha256": details.fingerprint,
        "revoked_at": one.revoked_at,
    }


def _print(certificates: list[Shown], now: datetime) -> None:
    for one in certificates:
        details = one.details
        left = f"revoked {one.revoked_at:%Y-%m-%d}" if one.revoked_at else f"{details.days_left(now)} days left"
        issuer = "itself" if details.is_self_signed else details.issuer
        typer.echo(f"{one.kind:<13} {', '.join((*details.user_names, *details.dns_names)) or details.name}")
        typer.echo(f"{'':13} until {details.not_after:%Y-%m-%d}, {left}; issued by {issuer}")
        typer.echo(f"{'':13} serial number {details.serial}")
        typer.echo(f"{'':13} SHA-256 {details.fingerprint}")
    for one in certificates:
        if one.revoked_at is None and one.details.days_left(now) < EXPIRES_SOON_DAYS:
            typer.secho(_warning(one, now), fg="yellow")


def _warning(one: Shown, now: datetime) -> str:
    days = one.details.days_left(now)
    when = f"expires in {days} days" if days >= 0 else f"expired on {one.details.not_after:%Y-%m-%d}"
    remedies = {
        "server": "citywifi certificates renew, or citywifi certificates use",
        "device": "citywifi certificates device",
        "equipment": "citywifi certificates equipment",
    }
    remedy = remedies.get(one.kind)
    return f"the {one.kind} certificate of {one.details.name} {when}" + (f"; see: {remedy}" if remedy else "")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from None


def _refuse_existing(file: Path) -> None:
    if file.exists():
        raise CommandError(f"there is already a {file}; give another place, or move it away")
