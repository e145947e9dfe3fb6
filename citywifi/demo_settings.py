"""Where the demo lies: a folder of its own beside the installation's data, with a database of its own."""

from __future__ import annotations

import os

from citywifi.errors import CommandError
from foundation.settings import Settings, load_settings

# With a name, residents of the demo can get a user name for encrypted WiFi.
SECURE_NETWORK = "Coventry Secure WiFi"


def use_demo() -> Settings:
    """Make this process, and every process that it starts, work with the demo. Raises CommandError."""
    settings = load_settings()
    if settings.demo:
        return settings
    if settings.database_url.get_secret_value():
        raise CommandError("the demo has a database of its own; unset CITYWIFI_DATABASE_URL and database_url")
    # Services that are started read their settings anew, so the demo's go into the environment.
    os.environ["CITYWIFI_DEMO"] = "true"
    os.environ.setdefault("CITYWIFI_PORTAL__SECURE_NETWORK_NAME", SECURE_NETWORK)
    os.environ["CITYWIFI_DATA_DIRECTORY"] = str((settings.data_directory / "demo").absolute())
    return load_settings()


def use_running_demo() -> Settings:
    """The demo that `citywifi serve --demo` started here. Raises CommandError where there is none."""
    settings = use_demo()
    if not settings.database_url.get_secret_value() and not (settings.data_directory / "citywifi.sqlite3").exists():
        raise CommandError(f"there is no demo in {settings.data_directory}; start it with `citywifi serve --demo`")
    return settings
