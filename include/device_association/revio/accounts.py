"""The accounts at Rev.io: where each is, how to sign in, and in which zone its dates are."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from device_association.domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Account:
    """One Rev.io account: where it is and how to sign in. The secrets never show."""

    name: str
    base_url: str
    login: str
    password: str
    subscription_key: str
    time_zone: str = "UTC"
    """IANA name of the zone in which Rev.io writes the account's dates."""

    def __post_init__(self) -> None:
        _ = self.zone
        if self.login.count("@") != 1:
            raise self._refused("the login must be login@clientcode with exactly one '@'; correct the connection")
        if not (self.base_url and self.password and self.subscription_key):
            raise self._refused("host, password and the extra 'subscription_key' are needed; complete the connection")
        if not (self.subscription_key.isascii() and self.subscription_key.isprintable()):
            raise self._refused("the extra 'subscription_key' has characters that no header can carry; correct it")
        if not _is_address(self.base_url):
            raise self._refused("the host must read like https://restapi.rev.io; correct the connection")

    def __repr__(self) -> str:
        return f"Account({self.name!r})"

    @property
    def zone(self) -> ZoneInfo:
        """The zone of dates that name none; raises ConfigurationError where there is no such zone."""
        return find_zone(self.name, self.time_zone)

    def token(self) -> str:
        """Return what follows `Basic` in the Authorization header."""
        return b64encode(f"{self.login}:{self.password}".encode()).decode()

    def _refused(self, why: str) -> ConfigurationError:
        return ConfigurationError(f"connection {self.name}: {why}")


def find_zone(connection_id: str, name: object) -> ZoneInfo:
    """Return the time zone of this name; raise ConfigurationError, which names the connection, where there is none."""
    try:
        if isinstance(name, str) and name:
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise ConfigurationError(
        f"connection {connection_id}: the extra 'time_zone' is {name!r}, which is not the name of a time zone; "
        "give an IANA name like Pacific/Auckland, or leave it out for UTC"
    )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
