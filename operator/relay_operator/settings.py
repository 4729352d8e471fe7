"""The operator's settings: read once from the environment, typed, complete."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from relay_crds.names import CONTROL_PORT, MEDIA_PORT, SIGNALLING_PORT
from relay_operator.errors import SettingsError

_DAY: Final = 86_400


@dataclass(frozen=True, kw_only=True)
class Settings:
    """``namespaces``: the ones to serve; empty for all. Ports: 1..65535. Times are durations."""

    control_key_file: Path
    gateway_cert_file: Path
    namespaces: tuple[str, ...] = ()
    retention: timedelta = timedelta(days=30)
    health_port: int = 8080
    log_level: str = "INFO"
    control_port: int = CONTROL_PORT
    media_port: int = MEDIA_PORT
    signalling_port: int = SIGNALLING_PORT
    resync: timedelta = timedelta(seconds=60)
    workers: int = 16

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read ``RELAY_*``; docs/operations.md lists them.

        Raises:
            SettingsError: one is missing or malformed; the message names it and what it takes.
        """
        level = (env.get("RELAY_LOG_LEVEL") or "INFO").upper()
        if level not in logging.getLevelNamesMapping():
            raise SettingsError("RELAY_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR")
        return cls(
            control_key_file=_path(env, "RELAY_CONTROL_KEY_FILE"),
            gateway_cert_file=_path(env, "RELAY_GATEWAY_CERT_FILE"),
            namespaces=tuple(
                name.strip() for name in env.get("RELAY_NAMESPACES", "").split(",") if name.strip()
            ),
            retention=timedelta(
                seconds=_integer(env, "RELAY_RETENTION_SECONDS", 30 * _DAY, 0, 3650 * _DAY)
            ),
            health_port=_integer(env, "RELAY_HEALTH_PORT", 8080, 0, 65535),
            log_level=level,
            control_port=_port(env, "RELAY_MEDIA_CONTROL_PORT", CONTROL_PORT),
            media_port=_port(env, "RELAY_MEDIA_PORT", MEDIA_PORT),
            signalling_port=_port(env, "RELAY_MEDIA_SIGNALLING_PORT", SIGNALLING_PORT),
            resync=timedelta(seconds=_integer(env, "RELAY_RESYNC_SECONDS", 60, 1, 3600)),
            workers=_integer(env, "RELAY_WORKERS", 16, 1, 256),
        )


def _path(env: Mapping[str, str], name: str) -> Path:
    value = env.get(name, "")
    if not value:
        raise SettingsError(f"{name} is not set: it takes the path of a PEM file")
    return Path(value)


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    return _integer(env, name, default, 1, 65535)


def _integer(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = env.get(name, "")
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise SettingsError(f"{name} must be a whole number from {low} to {high}")
    return value
