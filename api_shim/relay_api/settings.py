"""Everything the process is told from outside, read once."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from relay_api.errors import SettingsError
from relay_crds import names

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Ports are TCP. ``public_url`` is without a trailing slash, empty where it is not known.

    ``allowed_origins``: which pages may open the signalling socket; empty allows all (a join token
    is no cookie: a page can use only what it was given). ``trusted_proxies``: addresses or
    networks whose ``X-Forwarded-For`` is believed. ``drain_seconds``: how long the process still
    serves after SIGTERM while it already says that it is not ready, so that it leaves the Service
    before it refuses anyone.
    """

    gateway_key_file: Path
    signing_secrets: Path
    api_keys: Path
    turn_secret_file: Path | None = None
    turn_urls: tuple[str, ...] = ()
    turn_ttl: timedelta = timedelta(hours=6)
    public_url: str = ""
    bind: str = "0.0.0.0"  # noqa: S104 - a pod has one address, and serves on it
    port: int = 8080
    health_port: int = 8081
    pod_signalling_port: int = names.SIGNALLING_PORT
    log_level: str = "INFO"
    allowed_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    max_sockets: int = 4000
    drain_seconds: float = 3.0
    stale_limit_seconds: float = 300.0
    wait_limit_seconds: float = 120.0
    version: str = "dev"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Read the variables that ``docs/rest.md`` lists.

        Raises:
            SettingsError: one is missing or wrong; the message names it.
        """
        env = _Environ(environ)
        turn_urls = env.words("RELAY_TURN_URLS")
        if wrong := [url for url in turn_urls if not url.startswith(("turn:", "turns:", "stun:"))]:
            raise SettingsError(f"RELAY_TURN_URLS: {wrong[0]} does not start with turn: or turns:")
        turn_secret = environ.get("RELAY_TURN_SECRET_FILE", "")
        if turn_urls and not turn_secret:
            raise SettingsError("RELAY_TURN_URLS is set, so RELAY_TURN_SECRET_FILE must be set too")
        level = environ.get("RELAY_LOG_LEVEL", "INFO").upper()
        if level not in _LEVELS:
            raise SettingsError(f"RELAY_LOG_LEVEL is {level}: use one of {', '.join(_LEVELS)}")
        return cls(
            gateway_key_file=env.path("RELAY_GATEWAY_KEY_FILE"),
            signing_secrets=env.path("RELAY_SIGNING_SECRET_FILE"),
            api_keys=env.path("RELAY_API_KEYS_DIR"),
            turn_secret_file=Path(turn_secret) if turn_secret else None,
            turn_urls=turn_urls,
            turn_ttl=timedelta(seconds=env.integer("RELAY_TURN_TTL_SECONDS", 21600, 60, 604800)),
            public_url=env.url("RELAY_PUBLIC_URL"),
            bind=environ.get("RELAY_BIND") or cls.bind,
            port=env.integer("RELAY_PORT", 8080, 1, 65535),
            health_port=env.integer("RELAY_HEALTH_PORT", 8081, 1, 65535),
            pod_signalling_port=env.integer(
                "RELAY_POD_SIGNALLING_PORT", names.SIGNALLING_PORT, 1, 65535
            ),
            log_level=level,
            allowed_origins=env.words("RELAY_ALLOWED_ORIGINS"),
            trusted_proxies=env.networks("RELAY_TRUSTED_PROXIES"),
            max_sockets=env.integer("RELAY_MAX_SOCKETS", cls.max_sockets, 1, 1_000_000),
            drain_seconds=env.seconds("RELAY_DRAIN_SECONDS", cls.drain_seconds),
            stale_limit_seconds=env.seconds("RELAY_STALE_SECONDS", cls.stale_limit_seconds),
            wait_limit_seconds=env.seconds("RELAY_WAIT_SECONDS", cls.wait_limit_seconds),
            version=environ.get("RELAY_VERSION") or cls.version,
        )


class _Environ:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def path(self, name: str) -> Path:
        text = self._environ.get(name, "")
        if not text:
            raise SettingsError(f"{name} is not set: give the path of the mounted Secret")
        path = Path(text)
        if not path.exists():
            raise SettingsError(f"{name} is {text}, which does not exist: is the Secret mounted?")
        return path

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        text = self._environ.get(name) or str(default)
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise SettingsError(f"{name} is {text}: use a whole number from {low} to {high}")
        return value

    def seconds(self, name: str, default: float) -> float:
        text = self._environ.get(name) or str(default)
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 86400:
            raise SettingsError(f"{name} is {text}: use a number of seconds from 0 to 86400")
        return value

    def words(self, name: str) -> tuple[str, ...]:
        parts = (part.strip() for part in self._environ.get(name, "").split(","))
        return tuple(part for part in parts if part)

    def networks(self, name: str) -> tuple[str, ...]:
        words = self.words(name)
        for word in words:
            try:
                ipaddress.ip_network(word)
            except ValueError:
                # uvicorn would take it for the name of a Unix socket, and trust nobody.
                raise SettingsError(
                    f"{name} holds {word}: use an address, or a network without host bits "
                    "such as 10.244.0.0/16"
                ) from None
        return words

    def url(self, name: str) -> str:
        text = self._environ.get(name, "").rstrip("/")
        if text and (urlsplit(text).scheme not in {"http", "https"} or not urlsplit(text).netloc):
            raise SettingsError(f"{name} is {text}: use an address like https://video.example.com")
        return text
