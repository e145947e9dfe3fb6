"""FreeRADIUS 3.2 as the other side: configured for speed, with the queries and the schema of its own package.

What was chosen, and why, stands in docs/performance.md.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from bench.generator import Target
from foundation.certificates import Authority, make_authority

PACKAGES = {
    "/usr/sbin/freeradius": "freeradius",
    "/usr/lib/freeradius/rlm_sql_postgresql.so": "freeradius-postgresql",
    "/usr/lib/freeradius/rlm_sql_sqlite.so": "freeradius",
}
_SQL = Path("/etc/freeradius/3.0/mods-config/sql/main")
# Tried on two cores: with PostgreSQL it waits, so that many threads are best; in memory few are, as more contend;
# SQLite has one writer at a time.
_THREADS = 32
_MEMORY_THREADS = 4
_SQLITE_THREADS = 4

_CONFIGURATION = """
libdir = /usr/lib/freeradius
raddbdir = {folder}
run_dir = {folder}
logdir = {folder}
pidfile = {folder}/radiusd.pid
max_request_time = 30
cleanup_delay = 5
max_requests = 131072
hostname_lookups = no
proxy_requests = no
log {{
    destination = stdout
    auth = no
}}
security {{
    reject_delay = 1
    status_server = yes
    max_attributes = 200
}}
thread pool {{
    start_servers = {threads}
    max_servers = {threads}
    min_spare_servers = {threads}
    max_spare_servers = {threads}
    max_requests_per_server = 0
    auto_limit_acct = no
}}
client localhost {{
    ipaddr = 127.0.0.1
    secret = "{secret}"
    require_message_authenticator = yes
}}
modules {{
    expr {{
    }}
    pap {{
    }}
    chap {{
    }}
    mschap {{
    }}
    always ok {{
        rcode = ok
    }}
{source}
    eap {{
        default_eap_type = peap
        timer_expire = 60
        max_sessions = 4096
        tls-config common {{
            private_key_file = {folder}/server.key
            certificate_file = {folder}/server.pem
            ca_file = {folder}/ca.pem
            tls_min_version = "1.2"
            tls_max_version = "1.2"
            ecdh_curve = ""
        }}
        ttls {{
            tls = common
            default_eap_type = md5
            virtual_server = inner
        }}
        peap {{
            tls = common
            default_eap_type = mschapv2
            virtual_server = inner
        }}
        mschapv2 {{
        }}
    }}
}}
server city {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {authentication_port}
        recv_buff = 4194304
    }}
    listen {{
        type = acct
        ipaddr = 127.0.0.1
        port = {accounting_port}
        recv_buff = 4194304
    }}
    authorize {{
        eap {{
            ok = return
        }}
        chap
        {users}
        pap
    }}
    authenticate {{
        Auth-Type PAP {{
            pap
        }}
        Auth-Type CHAP {{
            chap
        }}
        eap
    }}
    post-auth {{
        update reply {{
            Message-Authenticator := 0x00
            Session-Timeout := 14400
            Idle-Timeout := 900
            Acct-Interim-Interval := 600
            WISPr-Bandwidth-Max-Down := 10000000
            WISPr-Bandwidth-Max-Up := 5000000
        }}
        {log}
    }}
    preacct {{
        update request {{
            Acct-Unique-Session-Id := "%{{md5:%{{User-Name}},%{{Acct-Session-Id}},%{{NAS-IP-Address}},\
%{{NAS-Identifier}},%{{NAS-Port}}}}"
        }}
    }}
    accounting {{
        {accounting}
    }}
}}
server inner {{
    authorize {{
        eap {{
            ok = return
        }}
        mschap
        {users}
        pap
    }}
    authenticate {{
        Auth-Type PAP {{
            pap
        }}
        Auth-Type MS-CHAP {{
            mschap
        }}
        eap
    }}
}}
"""

_SQL_MODULE = """
    sql {{
        dialect = "{dialect}"
        driver = "rlm_sql_{dialect}"
        {connection}
        acct_table1 = "radacct"
        acct_table2 = "radacct"
        postauth_table = "radpostauth"
        authcheck_table = "radcheck"
        groupcheck_table = "radgroupcheck"
        authreply_table = "radreply"
        groupreply_table = "radgroupreply"
        usergroup_table = "radusergroup"
        client_table = "nas"
        group_attribute = "SQL-Group"
        read_groups = no
        read_profiles = no
        read_clients = no
        delete_stale_sessions = yes
        pool {{
            start = {threads}
            min = {threads}
            max = {threads}
            spare = 0
            uses = 0
            retry_delay = 1
            lifetime = 0
            idle_timeout = 0
        }}
        $INCLUDE {queries}
    }}
"""
_FILES_MODULE = """
    files {{
        usersfile = {file}
    }}
"""


def missing_packages() -> list[str]:
    """Debian's packages that are wanted and not installed."""
    return sorted({package for file, package in PACKAGES.items() if not Path(file).exists()})


@dataclass(frozen=True, slots=True)
class Source:
    """Where its users are and where it writes: a module's configuration and where that module is used."""

    module: str
    users: str
    log: str
    accounting: str
    threads: int = _THREADS


def in_postgres(url: str, *, asks_for_reply: bool = True) -> Source:
    """Users, login log and accounting in a PostgreSQL database that has its schema.

    A login asks for the user's password, then for what the user gets (``asks_for_reply``).
    """
    parts = urlsplit(url)
    connection = [f'server = "{parts.hostname}"', f"port = {parts.port}", f'login = "{parts.username}"']
    connection.append(f'radius_db = "{parts.path.lstrip("/")}"')
    if not asks_for_reply:
        connection.append('authorize_reply_query = ""')
    return _sql("postgresql", connection, _THREADS)


def in_sqlite(file: Path) -> Source:
    """Users, login log and accounting in an SQLite file that has its schema."""
    options = f'sqlite {{\n filename = "{file}"\n busy_timeout = 5000\n }}'
    return _sql("sqlite", [options, 'radius_db = "radius"'], _SQLITE_THREADS)


def in_memory(users_file: Path, logged: Source | None = None) -> Source:
    """Users in its own format of files, which it keeps in memory; logins are logged by ``logged``, or not at all."""
    module = _FILES_MODULE.format(file=users_file)
    if logged is None:
        return Source(module, "files", "", "ok", _MEMORY_THREADS)
    return Source(module + logged.module, "files", logged.log, logged.accounting, logged.threads)


def schema(dialect: str) -> str:
    """The tables that its package declares for postgresql or sqlite."""
    return (_SQL / dialect / "schema.sql").read_text()


def make_sqlite_file(file: Path) -> sqlite3.Connection:
    """A file with its schema, in WAL mode as ours; synchronous=FULL is SQLite's default."""
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(schema("sqlite"))
    return connection


@contextmanager
def running(folder: Path, target: Target, source: Source) -> Iterator[int]:
    """It serves while the block runs; gives its process number. ``folder`` is made."""
    folder.mkdir()
    ports = {"authentication_port": target.authentication_port, "accounting_port": target.accounting_port}
    text = _CONFIGURATION.format(
        folder=folder,
        secret=target.secret,
        source=source.module,
        users=source.users,
        log=source.log,
        accounting=source.accounting,
        threads=source.threads,
        **ports,
    )
    (folder / "radiusd.conf").write_text(text)
    _write_certificates(folder)
    log = folder / "radius.log"
    with log.open("wb") as output:
        command: list[str | Path] = ["/usr/sbin/freeradius", "-d", folder, "-f", "-l", "stdout"]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait_until_ready(log, process)
        yield process.pid
    finally:
        # Not asked to end in peace: what waits in its queue is not wanted, and may take it long.
        process.kill()
        process.wait(timeout=20)
        shutil.rmtree(folder)


def _sql(dialect: str, connection: list[str], threads: int) -> Source:
    module = _SQL_MODULE.format(
        dialect=dialect,
        connection="\n        ".join(connection),
        threads=threads,
        queries=_SQL / dialect / "queries.conf",
    )
    return Source(module, "sql", "sql", "sql", threads)


def _write_certificates(folder: Path) -> None:
    now = datetime.now(UTC)
    authority = make_authority("City", "", now)
    issued = Authority(authority).issue_server(["radius.wifi.example.org"], now)
    (folder / "ca.pem").write_bytes(authority.certificate)
    (folder / "server.pem").write_bytes(issued.certificate)
    (folder / "server.key").write_bytes(issued.key)


def _wait_until_ready(log: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        said = log.read_text(errors="replace") if log.exists() else ""
        if "Ready to process requests" in said:
            return
        if process.poll() is not None:
            raise RuntimeError(f"FreeRADIUS does not start: {said[-2000:]}")
        time.sleep(0.05)
    raise RuntimeError("FreeRADIUS does not become ready in 30 seconds")
