"""The folder of an installation's certificates: our authority, the server's certificate, what was issued and revoked.

``ca.pem``, ``ca.key``          the private authority; never overwritten, because every device trusts it
``server.pem``, ``server.key``  the server's certificate with its chain (RADIUS's EAP and RadSec)
``revoked.pem``                 the revocation list, also while nothing is revoked
``issued/SERIAL.pem``           what was issued to devices and equipment, without their keys

Each file is replaced in one step, so that a service which reads it sees the old or the new one.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from foundation.certificates import (
    Authority,
    CertificateDetails,
    CertificateError,
    Pair,
    check_chain,
    check_pair,
    is_issued_by,
    make_authority,
    read_certificate,
    read_certificates,
    read_revocation_list,
)

_REMEMBERED_AFTER_EXPIRY: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate of a device or of equipment; ``revoked_at`` is None while it is good."""

    details: CertificateDetails
    revoked_at: datetime | None


class CertificateStore:
    """One installation's certificates. Every method raises CertificateError that says what to do."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority_file = directory / "ca.pem"
        self.authority_key_file = directory / "ca.key"
        self.server_file = directory / "server.pem"
        self.server_key_file = directory / "server.key"
        self.revocation_list_file = directory / "revoked.pem"
        self.issued_directory = directory / "issued"

    @property
    def has_authority(self) -> bool:
        """Whether there is a private authority to issue certificates with."""
        return self.authority_file.exists()

    @property
    def has_server(self) -> bool:
        """Whether there is a server certificate, of our authority or of another."""
        return self.server_file.exists()

    def create(self, dns_names: Sequence[str], organisation: str, now: datetime) -> None:
        """Make the authority, an empty revocation list and, unless one is there, a server certificate."""
        if self.authority_file.exists() or self.authority_key_file.exists():
            raise CertificateError(
                f"there is already a certificate authority in {self.directory}, which devices trust; it was left as it "
                "is (a new server certificate is made with: citywifi certificates renew)"
            )
        pair = make_authority(f"{organisation or 'CityWiFi'} WiFi certificate authority"[:64], organisation, now)
        server = Authority(pair).issue_server(dns_names, now)
        self._make_directories()
        _write_new(self.authority_key_file, pair.key, 0o600)
        _write_new(self.authority_file, pair.certificate, 0o644)
        self._write_revocation_list(Authority(pair), {}, now)
        if not self.has_server:
            self._write_server(Pair(server.certificate + pair.certificate, server.key))

    def renew_server(self, now: datetime, dns_names: Sequence[str] = ()) -> CertificateDetails:
        """A new server certificate by our authority, with the names of the present one unless others are given."""
        authority = self._open_authority()
        names = dns_names or self.server().dns_names
        pair = authority.issue_server(names, now)
        self._write_server(Pair(pair.certificate + authority.certificate, pair.key))
        self.refresh_revocation_list(now)
        return read_certificate(pair.certificate)

    def use_server(self, pair: Pair, chain: bytes, now: datetime) -> CertificateDetails:
        """Take a server certificate of another authority, after checking what devices would check."""
        details = check_pair(pair)
        whole = _joined(pair.certificate, chain)
        check_chain(whole)
        _check_server(details, now)
        if len(read_certificates(whole)) == 1:
            raise CertificateError(
                "the certificates between this one and its authority are missing, and devices do not have them; add "
                "them with --chain"
            )
        self._make_directories()
        self._write_server(Pair(whole, pair.key))
        return details

    def issue_device(self, user_name: str, council_code: str, now: datetime) -> Pair:
        """A certificate for a resident's device (EAP-TLS); its key is only in what this returns."""
        return self._remember(self._open_authority().issue_device(user_name, council_code, now), now)

    def issue_equipment(self, dns_name: str, now: datetime) -> Pair:
        """A certificate for access equipment that speaks RadSec; its key is only in what this returns."""
        return self._remember(self._open_authority().issue_equipment(dns_name, now), now)

    def revoke(self, name_or_serial: str, now: datetime) -> list[CertificateDetails]:
        """Revoke what was issued to a name, or the one with a serial number; gives what was revoked now."""
        authority = self._open_authority()
        wanted = name_or_serial.strip()
        named = [
            issued
            for issued in self.issued()
            if wanted in (*issued.details.user_names, *issued.details.dns_names)
            or wanted.replace(":", "").lower().lstrip("0") == issued.details.serial
        ]
        if not named:
            raise CertificateError(f"no certificate was issued to {wanted!r}; see: citywifi certificates show")
        found = [issued.details for issued in named if issued.revoked_at is None]
        if not found:
            raise CertificateError(f"the certificate of {wanted!r} was revoked before")
        revoked = self._revoked() | {details.serial: now for details in found}
        self._write_revocation_list(authority, revoked, now)
        return found

    def refresh_revocation_list(self, now: datetime) -> None:
        """Sign the revocation list anew, and forget what expired long ago: it opens nothing, and names somebody."""
        revoked = self._revoked()
        for issued in self.issued():
            if issued.details.not_after < now - _REMEMBERED_AFTER_EXPIRY:
                revoked.pop(issued.details.serial, None)
                self._issued_file(issued.details).unlink(missing_ok=True)
        self._write_revocation_list(self._open_authority(), revoked, now)

    def authority(self) -> CertificateDetails:
        """Our authority's certificate."""
        return read_certificate(self.authority_pem())

    def authority_pem(self) -> bytes:
        """Our authority's certificate as it is given to devices and equipment."""
        return _read(self.authority_file, "make an authority with: citywifi certificates init --name NAME")

    def server(self) -> CertificateDetails:
        """The server's certificate, checked against its key and its chain."""
        pair = Pair(
            _read(self.server_file, "make one with: citywifi certificates init --name NAME"),
            _read(self.server_key_file, "make both anew with: citywifi certificates renew"),
        )
        check_chain(pair.certificate)
        return check_pair(pair)

    def is_server_ours(self) -> bool:
        """Whether our own authority issued the server's certificate, so that ``renew_server`` can replace it."""
        return (
            self.has_authority
            and self.has_server
            and is_issued_by(self.server_file.read_bytes(), self.authority_file.read_bytes())
        )

    def issued(self) -> list[Issued]:
        """What was issued to devices and equipment, oldest first."""
        revoked = self._revoked()
        details = [read_certificate(file.read_bytes()) for file in self.issued_directory.glob("*.pem")]
        details.sort(key=lambda one: (one.not_before, one.name))
        return [Issued(one, revoked.get(one.serial)) for one in details]

    def _open_authority(self) -> Authority:
        remedy = "make an authority with: citywifi certificates init --name NAME"
        return Authority(Pair(_read(self.authority_file, remedy), _read(self.authority_key_file, remedy)))

    def _revoked(self) -> dict[str, datetime]:
        if not self.revocation_list_file.exists():
            return {}
        return read_revocation_list(self.revocation_list_file.read_bytes())

    def _remember(self, pair: Pair, now: datetime) -> Pair:
        self._make_directories()
        _replace(self._issued_file(read_certificate(pair.certificate)), pair.certificate, 0o600)
        self.refresh_revocation_list(now)
        return pair

    def _issued_file(self, details: CertificateDetails) -> Path:
        return self.issued_directory / f"{details.serial}.pem"

    def _write_server(self, pair: Pair) -> None:
        # The key first: who reads in between finds that they do not match, and reads again.
        _replace(self.server_key_file, pair.key, 0o600)
        _replace(self.server_file, pair.certificate, 0o644)

    def _write_revocation_list(self, authority: Authority, revoked: dict[str, datetime], now: datetime) -> None:
        _replace(self.revocation_list_file, authority.revocation_list(revoked, now), 0o644)

    def _make_directories(self) -> None:
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.issued_directory.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise CertificateError(f"the folder {self.directory} cannot be made: {error.strerror}") from None


def _check_server(details: CertificateDetails, now: datetime) -> None:
    if "serverAuth" not in details.purposes:
        raise CertificateError("the certificate is not one for servers (extended key usage serverAuth); order another")
    if details.not_after <= now:
        raise CertificateError(f"the certificate expired on {details.not_after:%Y-%m-%d}; order a new one")
    if details.not_before > now:
        raise CertificateError(f"the certificate is good only from {details.not_before:%Y-%m-%d %H:%M} UTC on")
    if not any("*" not in name for name in details.dns_names):
        raise CertificateError(
            "the certificate has no DNS name without a wildcard in subjectAltName, and devices need one to compare"
        )


def _joined(*parts: bytes) -> bytes:
    return b"".join(part.rstrip(b"\n") + b"\n" for part in parts if part)


def _read(file: Path, remedy: str) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise CertificateError(f"there is no {file}; {remedy}") from None
    except OSError as error:
        raise CertificateError(f"{file} cannot be read: {error.strerror}") from None


def _replace(file: Path, content: bytes, mode: int) -> None:
    temporary = _write_beside(file, content, mode)
    temporary.replace(file)
    _keep_folder(file.parent)


def _write_new(file: Path, content: bytes, mode: int) -> None:
    """As ``_replace``, but a file that is there stays, even if somebody else made it this very moment."""
    temporary = _write_beside(file, content, mode)
    try:
        os.link(temporary, file)
    except FileExistsError:
        raise CertificateError(f"there is already a {file}; it was left as it is") from None
    finally:
        temporary.unlink()
    _keep_folder(file.parent)


def _write_beside(file: Path, content: bytes, mode: int) -> Path:
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        raise CertificateError(f"{file} cannot be written: {error.strerror}") from None
    return temporary


def _keep_folder(folder: Path) -> None:
    """A new name survives the loss of power only when its folder was flushed, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
