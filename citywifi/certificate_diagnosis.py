"""What `citywifi doctor` finds wrong with certificates: missing, expiring, not fitting their keys, open to others."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from foundation.certificate_store import CertificateStore
from foundation.certificates import (
    CertificateDetails,
    CertificateError,
    Pair,
    check_chain,
    check_pair,
    read_certificate,
    revocation_list_ends,
)
from foundation.settings import Settings

EXPIRES_SOON_DAYS: Final = 30
# Until then every device must have been given the next authority.
_AUTHORITY_ENDS_SOON_DAYS: Final = 365

# Level, check, finding, remedy: what a Finding is made of.
CertificateFinding = tuple[Literal["ok", "note", "problem"], str, str, str]

_CHECK: Final = "certificates"
_RENEW: Final = "run: citywifi certificates renew, or citywifi certificates use CERTIFICATE KEY"


def check_certificates(settings: Settings, now: datetime) -> Iterator[CertificateFinding]:
    """Each certificate that the settings and the certificates' folder lead to."""
    store = CertificateStore(settings.certificates_directory)
    eap, radsec = settings.eap, settings.radsec
    pairs = {
        "server": (eap.certificate_file or store.server_file, eap.private_key_file or store.server_key_file),
        "RadSec": (radsec.certificate_file or store.server_file, radsec.private_key_file or store.server_key_file),
    }
    if not radsec.enabled or pairs["RadSec"] == pairs["server"]:
        del pairs["RadSec"]
    for what, (certificate, key) in pairs.items():
        yield from _check_pair(what, certificate, key, now)
    if store.has_authority:
        yield from _check_authority(store, now)


def _check_pair(what: str, certificate: Path, key: Path, now: datetime) -> Iterator[CertificateFinding]:
    if not certificate.exists():
        remedy = "run: citywifi certificates init --name radius.wifi.example.org"
        if what == "server":
            yield "note", _CHECK, "there is no server certificate, so encrypted WiFi (802.1X) is not offered", remedy
        else:
            yield "problem", _CHECK, f"there is no {what} certificate at {certificate}", remedy
        return
    try:
        pair = Pair(certificate.read_bytes(), key.read_bytes())
        check_chain(pair.certificate)
        details = check_pair(pair)
    except (OSError, CertificateError) as error:
        yield "problem", _CHECK, f"{certificate} cannot be used: {error}", _RENEW
        return
    yield from _check_private(key)
    yield _expiry(f"the {what} certificate of {details.name}", details, now, EXPIRES_SOON_DAYS, _RENEW)


def _check_authority(store: CertificateStore, now: datetime) -> Iterator[CertificateFinding]:
    try:
        details = read_certificate(store.authority_file.read_bytes())
        ends = revocation_list_ends(store.revocation_list_file.read_bytes())
    except (OSError, CertificateError) as error:
        yield (
            "problem", _CHECK, f"the authority in {store.directory} is not complete: {error}",
            "restore the folder from your backup",
        )  # fmt: skip
        return
    if store.authority_key_file.exists():
        yield from _check_private(store.authority_key_file)
    if ends is not None and (ends - now).days < EXPIRES_SOON_DAYS:
        yield "problem", _CHECK, f"the revocation list ends on {ends:%Y-%m-%d}", "run: citywifi certificates renew"
    remedy = "make another in a new folder, and give devices its certificate before then"
    yield _expiry("the certificate authority", details, now, _AUTHORITY_ENDS_SOON_DAYS, remedy)


def _check_private(key: Path) -> Iterator[CertificateFinding]:
    if stat.S_IMODE(key.stat().st_mode) & 0o077:
        yield "problem", _CHECK, f"the private key {key} can be read by others", f"run: chmod 600 {key}"


def _expiry(what: str, details: CertificateDetails, now: datetime, soon_days: int, remedy: str) -> CertificateFinding:
    days = details.days_left(now)
    if days < 0:
        return "problem", _CHECK, f"{what} expired on {details.not_after:%Y-%m-%d}", remedy
    level: Literal["ok", "problem"] = "problem" if days < soon_days else "ok"
    return level, _CHECK, f"{what} is good for {days} days", remedy if level == "problem" else ""
