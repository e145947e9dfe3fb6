"""Typed settings: defaults here, then a TOML file, then ``CITYWIFI_*`` environment variables.

A section's value is set as ``CITYWIFI_PORTAL__PORT=8081`` or, in the file, ``[portal]`` ``port = 8081``. The file is
``citywifi.toml`` in the working directory, or what ``CITYWIFI_SETTINGS_FILE`` names.
"""

from __future__ import annotations

import os
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

Port = Annotated[int, Field(ge=1, le=65535)]
Positive = Annotated[int, Field(gt=0)]
EapMethod = Literal["peap", "ttls", "tls", "md5"]


class SettingsError(Exception):
    """A setting is missing or wrong; the message names it and says what would be right."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PortalSettings(_Section):
    """The captive portal, which residents see."""

    host: str = "127.0.0.1"
    port: Port = 8080
    # What gateways have as their portal address: the redirect's seal is computed over this text.
    public_url: str = "http://127.0.0.1:8080"
    # How many connections may be open at once, and from one address (a venue's may all come from one); those of
    # proxies in front of the portal, given as networks, are not counted by address.
    connections: Positive = 4096
    connections_per_address: Positive = 1024
    proxies: tuple[IPv4Network | IPv6Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
    # How long a browser may take to send a request's head, or its body, and to take an answer.
    client_patience_seconds: Positive = 20
    journey_lifetime_seconds: Positive = 3600
    one_time_password_lifetime_seconds: Positive = 120
    verification_code_lifetime_seconds: Positive = 900
    verification_attempts: Positive = 5
    # How often one contact, one device and one gateway may ask for a code in an hour.
    codes_per_contact_per_hour: Positive = 5
    codes_per_device_per_hour: Positive = 5
    codes_per_gateway_per_hour: Positive = 600
    # The same for one venue, and for a whole council.
    codes_per_venue_per_hour: Positive = 300
    codes_per_council_per_hour: Positive = 6000
    # A device is let on for so long, once a day, to fetch the code that it was sent; 0 offers it to nobody.
    grace_seconds: Annotated[int, Field(ge=0, le=3600)] = 600
    graces_per_venue_per_hour: Positive = 60
    # Wrong codes from paper beyond these are no longer looked at for an hour.
    wrong_codes_per_device_per_hour: Positive = 10
    wrong_codes_per_venue_per_hour: Positive = 120
    wrong_codes_per_council_per_hour: Positive = 1200
    # Problems that one device, and all of one venue, may report.
    problem_reports_per_device_per_hour: Positive = 3
    problem_reports_per_venue_per_hour: Positive = 60
    # A short address to carry on in another browser is good for so long.
    carry_on_lifetime_seconds: Positive = 600
    remembered_device_days: Positive = 90
    # The encrypted network (802.1X) to which residents can get a user name; empty does not offer it. An SSID.
    secure_network_name: Annotated[str, Field(max_length=32)] = ""
    # How many user names a resident can have at once, and get in an hour.
    credentials_per_resident: Positive = 5
    credentials_per_resident_per_hour: Positive = 5
    # Complaints and other requests about data beyond these are sent to the council's other ways.
    requests_per_council_per_hour: Positive = 120
    # In which time a council means to answer a complaint; the law says only: without undue delay.
    complaint_answer_days: Positive = 30
    # A new password can be read, and its profile loaded, for so long.
    credential_page_lifetime_seconds: Positive = 900
    # The open API: how often one address may ask in a minute, whoever it is, and one resident's program.
    api_requests_per_address_per_minute: Positive = 600
    api_requests_per_resident_per_minute: Positive = 30
    # For how long a resident's program may be let at their data, and how many of them at once.
    resident_token_hours: Annotated[int, Field(ge=1, le=24)] = 24
    resident_tokens_per_resident: Positive = 5


class MailSettings(_Section):
    """Mail with verification codes; without a host it goes to the outbox folder, which only the demo allows."""

    host: str = ""
    port: Port = 587
    start_tls: bool = True
    user_name: str = ""
    password: SecretStr = SecretStr("")
    sender: str = "wifi@localhost"
    timeout_seconds: Positive = 20


class SmsSettings(_Section):
    """Texts with verification codes; without a provider they go to the outbox folder, which only the demo allows."""

    # notify: GOV.UK Notify. smtp: a mail server that makes texts of mail. http: any other provider.
    provider: Literal["", "notify", "smtp", "http"] = ""
    # Numbers of these countries are sent texts; the first one's numbers can be written without its prefix.
    countries: tuple[Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")], ...] = ("GB",)
    # What a council pays for that has no limit of its own.
    texts_per_month: Annotated[int, Field(ge=0)] = 1000
    timeout_seconds: Positive = 10
    # A provider that is busy is asked so often, each time after twice the pause.
    attempts: Annotated[int, Field(ge=1, le=5)] = 3
    pause_seconds: Annotated[float, Field(ge=0, le=10)] = 0.5
    notify_url: str = "https://api.notifications.service.gov.uk"
    # As Notify shows it: the key's name, the service's number and the secret.
    notify_api_key: SecretStr = SecretStr("")
    # A template of one placeholder, ((message)).
    notify_template_id: str = ""
    # Empty: the service's default sender.
    notify_sender_id: str = ""
    # Where the mail goes, such as $number@sms.example.net; $number is as 447400123456.
    mail_address: str = ""
    # In address and body stand $number and $text. Often there is a key in them, so they are kept like passwords.
    http_url: SecretStr = SecretStr("")
    http_body: SecretStr = SecretStr("")
    http_content_type: str = "application/json"
    # The value of the header Authorization, where there is one.
    http_authorization: SecretStr = SecretStr("")

    @field_validator("countries")
    @classmethod
    def _has_one(cls, countries: tuple[str, ...]) -> tuple[str, ...]:
        if not countries:
            raise ValueError("name at least one country, such as GB")
        return countries

    @model_validator(mode="after")
    def _has_what_the_provider_needs(self) -> Self:
        needed = {
            "notify": {
                "notify_api_key": self.notify_api_key.get_secret_value(),
                "notify_template_id": self.notify_template_id,
            },
            "smtp": {"mail_address": self.mail_address},
            "http": {"http_url": self.http_url.get_secret_value()},
        }
        for name, value in needed.get(self.provider, {}).items():
            if not value:
                raise ValueError(f"the provider {self.provider} needs sms.{name}")
        return self


class RadiusSettings(_Section):
    """The RADIUS server."""

    host: str = "127.0.0.1"
    authentication_port: Port = 1812
    accounting_port: Port = 1813
    session_timeout_seconds: Positive = 4 * 3600
    idle_timeout_seconds: Positive = 900
    # RFC 2869 section 2.1 advises at least 600; hostapd and CoovaChilli ignore less than 60.
    interim_interval_seconds: Annotated[int, Field(ge=60)] = 600
    download_kilobits_per_second: Positive = 10_000
    upload_kilobits_per_second: Positive = 5_000
    # How long an answer is kept for retransmissions (RFC 5080 section 2.2.2).
    duplicate_cache_seconds: Positive = 10
    # Acct-Delay-Time beyond this is not believed; the time of arrival is taken instead.
    # A week's records and the day on which somebody mends the line.
    accounting_delay_limit_seconds: Positive = 8 * 86400
    receive_buffer_octets: Positive = 8 * 1024 * 1024
    # An Access-Reject is held back for so long, so that passwords cannot be tried fast.
    reject_delay_seconds: Annotated[float, Field(ge=0, le=5)] = 1.0
    # Access-Requests beyond these are dropped; a device that logs in by EAP sends about ten.
    requests_per_device_per_minute: Positive = 120
    # Bounds a flood; even one controller of a whole city stays below it.
    requests_per_nas_per_second: Positive = 20_000
    # A quarantined device is asked about again after so long.
    quarantine_seconds: Annotated[int, Field(ge=60)] = 600
    # How often sessions are compared with their resident's daily time and data.
    quota_check_seconds: Positive = 60
    # Processes that share each port. On SQLite, where one process at a time writes, there is one of each kind.
    authentication_workers: Annotated[int, Field(ge=1, le=32)] = 1
    accounting_workers: Annotated[int, Field(ge=1, le=32)] = 1
    # Requests of one worker that are processed at the same time; more are dropped and counted.
    most_requests_in_progress: Positive = 8192
    # A login is answered when its line of the log is committed, or at once, with the line written soon after.
    log_before_reply: bool = True
    # Whether logins that were accepted are logged, too; accounting tells who was on in any case. Rejects always are.
    log_accepted: bool = True
    # Residents' devices and credentials kept in memory by each worker of authentication; 0 keeps none.
    directory_cache_entries: Annotated[int, Field(ge=0)] = 200_000
    # With the database away, what is in memory lets people in for so long.
    directory_stale_seconds: Annotated[int, Field(ge=0)] = 86_400
    # Where accounting waits while the database is away; when it is full, accounting is no longer answered.
    journal_octets: Annotated[int, Field(ge=1024 * 1024)] = 1024 * 1024 * 1024


class EapSettings(_Section):
    """EAP, by which a device logs on to an encrypted network (802.1X). Offered where there is a certificate."""

    # The first one is proposed; a device that wants another of them says so.
    methods: tuple[EapMethod, ...] = ("peap", "ttls", "tls")
    lowest_tls_version: Literal["1.2", "1.3"] = "1.2"
    # PEM files; without a setting, those that `citywifi certificates init` makes.
    certificate_file: Path | None = None
    private_key_file: Path | None = None
    # Who issues the certificates of devices (EAP-TLS), and which of them were revoked.
    client_ca_file: Path | None = None
    revocation_list_file: Path | None = None
    # A login can be taken up again without a password for so long; 0 forbids it.
    resumption_seconds: Annotated[int, Field(ge=0, le=86400)] = 3600
    most_resumable_logins: Positive = 50_000
    # The largest piece of a TLS message in one packet: below the smallest path that Framed-MTU allows for.
    fragment_octets: Annotated[int, Field(ge=100, le=3000)] = 1000
    # Each takes some 65 kB while its handshake lasts.
    most_conversations: Positive = 4_000
    conversation_seconds: Positive = 60


class RadSecSettings(_Section):
    """RadSec (RFC 6614): RADIUS over TLS, for equipment that knows it and for proxies."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: Port = 2083
    # PEM files; without a setting, those that `citywifi certificates init` makes.
    certificate_file: Path | None = None
    private_key_file: Path | None = None
    client_ca_file: Path | None = None
    revocation_list_file: Path | None = None
    most_connections: Positive = 2000
    # A connection on which nothing came for so long is closed.
    idle_seconds: Positive = 600


class RoamingSettings(_Section):
    """Residents of other realms here, and ours elsewhere."""

    # Who we are to other operators (RFC 5580): our realm, such as wifi.coventry.gov.uk; empty tells nothing.
    operator_name: str = ""
    # Realms whose residents are ours: name and name@realm are the same credential.
    own_realms: tuple[Annotated[str, StringConstraints(to_lower=True, strip_whitespace=True)], ...] = ()
    # How long one home server is waited for before the next one is asked.
    answer_seconds: Annotated[float, Field(gt=0, le=10)] = 2.0
    # A home server that is down is asked for its status so often.
    status_seconds: Positive = 10
    most_proxied: Positive = 4096


class MonitoringSettings(_Section):
    """Console, reports and metrics."""

    host: str = "127.0.0.1"
    port: Port = 8090
    metrics_host: str = "127.0.0.1"
    metrics_port: Port = 9108
    # Where browsers find the console; with https its cookie goes nowhere else.
    public_url: str = "http://127.0.0.1:8090"
    usage_interval_seconds: Positive = 15
    # An access point that was not heard for so long is shown as silent.
    silent_after_seconds: Positive = 1800
    # Counts of people below this are not published (ICO and ONS practice for small counts).
    # With 2, whatever is withheld would be known to be 1.
    smallest_published_count: Annotated[int, Field(ge=3)] = 5


class RetentionSettings(_Section):
    """How long personal data is kept; each limit is kept by an hourly job."""

    raw_identifier_hours: Positive = 24
    journey_hours: Positive = 24
    authentication_days: Positive = 90
    session_days: Positive = 180
    unused_resident_days: Positive = 365
    problem_report_days: Positive = 30
    audit_days: Positive = 730
    # Complaints and other requests about data, after the last thing that happened.
    request_days: Positive = 730
    # What was disclosed to whom; six years, as claims can be made for so long (Limitation Act 1980).
    disclosure_days: Positive = 2190


class Settings(BaseSettings):
    """All settings of an installation."""

    model_config = SettingsConfigDict(
        env_prefix="CITYWIFI_", env_nested_delimiter="__", extra="forbid", frozen=True, case_sensitive=False
    )

    demo: bool = False
    # The demo's simulated gateways have loopback addresses of this network: .1, .2 and so on.
    demo_network: IPv4Network = IPv4Network("127.10.0.0/24")
    data_directory: Path = Path("var")
    # Empty means SQLite in the data directory; for a city: postgresql://user:password@host/name
    database_url: SecretStr = SecretStr("")
    key_file: Path | None = None
    log_level: str = "info"
    portal: PortalSettings = PortalSettings()
    mail: MailSettings = MailSettings()
    sms: SmsSettings = SmsSettings()
    radius: RadiusSettings = RadiusSettings()
    eap: EapSettings = EapSettings()
    radsec: RadSecSettings = RadSecSettings()
    roaming: RoamingSettings = RoamingSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    retention: RetentionSettings = RetentionSettings()

    @field_validator("demo_network")
    @classmethod
    def _stays_on_this_machine(cls, network: IPv4Network) -> IPv4Network:
        if not network.is_loopback or network.num_addresses < 256:
            raise ValueError("the demo's network must be of loopback and have 256 addresses, such as 127.10.0.0/24")
        return network

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = TomlConfigSettingsSource(settings_cls, toml_file=settings_file())
        return init_settings, env_settings, file

    @cached_property
    def resolved_database_url(self) -> str:
        """The database's address, also where none was set."""
        url = self.database_url.get_secret_value()
        return url or f"sqlite:///{self.data_directory.absolute() / 'citywifi.sqlite3'}"

    @property
    def is_on_sqlite(self) -> bool:
        """Whether one process at a time can write to the database."""
        return self.resolved_database_url.startswith("sqlite")

    @cached_property
    def resolved_key_file(self) -> Path:
        """Where the master key is kept."""
        return self.key_file or self.data_directory / "citywifi.key"

    @property
    def sends_texts(self) -> bool:
        """Whether somebody sends texts, or keeps them, as the demo does."""
        return bool(self.sms.provider) or self.demo

    @property
    def outbox_directory(self) -> Path:
        """Where the demo's mail goes."""
        return self.data_directory / "outbox"

    @property
    def certificates_directory(self) -> Path:
        """Where `citywifi certificates` keeps the private CA and what it issued."""
        return self.data_directory / "certificates"

    @property
    def journal_directory(self) -> Path:
        """Where accounting waits while the database is away, a file for each worker."""
        return self.data_directory / "journal"

    @property
    def workers_directory(self) -> Path:
        """Where the RADIUS workers reach one another; only their user can enter it."""
        return self.data_directory / "workers"

    @property
    def metrics_directory(self) -> Path:
        """Where the services' processes share their metrics."""
        return self.data_directory / "metrics"


def settings_file() -> Path:
    """The settings file that is read, whether it exists or not."""
    return Path(os.environ.get("CITYWIFI_SETTINGS_FILE", "citywifi.toml"))


def load_settings(**overrides: object) -> Settings:
    """Read the settings. Raises SettingsError with one line for each wrong value, and never shows the value."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
        raise SettingsError("settings are wrong: " + "; ".join(lines)) from None
    except ValueError as error:  # TOML that cannot be parsed
        raise SettingsError(f"{settings_file()} cannot be read: {error}") from None
