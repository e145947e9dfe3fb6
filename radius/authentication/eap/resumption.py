"""Which login a TLS session belongs to, so that it can be taken up again without a password.

The session itself is in a ticket that the device keeps (RFC 5077, RFC 8446 section 4.6.1). Who it is, is kept here and
nowhere else: a ticket alone lets nobody in. The table holds digests of session keys; it is bounded and forgets.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from radius.authentication.eap import metrics
from radius.directory import Credential


@dataclass(frozen=True, slots=True, repr=False)
class Login:
    """A finished login. ``ends_at`` counts from the last password or certificate, whatever was resumed since.

    ``secrets`` are the sealed password and hash as they were: a new password ends what the old one began.
    """

    eap_type: int
    council_id: int
    user_name: str
    secrets: tuple[bytes | None, bytes | None]
    method: str
    ends_at: float

    def is_of(self, credential: Credential) -> bool:
        """Whether the credential is still the one that was proved, not another of the same name."""
        return self.secrets == _secrets(credential)


class ResumableLogins:
    """Logins by the digest of their session's key; the oldest go first. ``monotonic`` gives seconds."""

    def __init__(self, keep_seconds: float, limit: int, monotonic: Callable[[], float]) -> None:
        self.keep_seconds = keep_seconds
        self.limit = limit
        self._monotonic = monotonic
        self._logins: OrderedDict[bytes, Login] = OrderedDict()

    def __len__(self) -> int:
        return len(self._logins)

    def remember(self, keys: Iterable[bytes], login: Login) -> None:
        """Keep a login that was proved; without resumption nothing is kept."""
        if not self.keep_seconds:
            return
        for key in keys:
            self._logins.pop(key, None)
            self._logins[key] = login
        self._make_room()

    def new(self, eap_type: int, credential: Credential, method: str) -> Login:
        """A login of this moment."""
        ends_at = self._monotonic() + self.keep_seconds
        name, secrets = credential.user_name, _secrets(credential)
        return Login(eap_type, credential.council_id, name, secrets, method, ends_at)

    def find(self, key: bytes, eap_type: int, council_id: int) -> Login | None:
        """The login of a session, for the method and the council that it was proved for and no other."""
        login = self._logins.get(key)
        if login is None or (login.eap_type, login.council_id) != (eap_type, council_id):
            return None
        return login if login.ends_at > self._monotonic() else None

    def forget(self, key: bytes) -> None:
        """The login may not be taken up again: its credential is no longer good."""
        self._logins.pop(key, None)

    def _make_room(self) -> None:
        now = self._monotonic()
        while self._logins:
            oldest = next(iter(self._logins))
            is_over = self._logins[oldest].ends_at <= now
            if not is_over and len(self._logins) <= self.limit:
                return
            if not is_over:
                metrics.resumable_login_evictions.inc()
            del self._logins[oldest]


def _secrets(credential: Credential) -> tuple[bytes | None, bytes | None]:
    # Sealing the same password again gives other octets.
    return credential.nt_hash_encrypted, credential.password_encrypted
