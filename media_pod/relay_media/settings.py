"""The process's settings: read from the environment once, checked before anything opens."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

from relay_media.errors import SettingsError

_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything the pod is told from outside. Ports of 0 mean "any free port"."""

    pod_name: str
    pod_uid: str
    pod_ip: str
    operator_public_keys: str = field(repr=False)
    gateway_public_keys: str = field(repr=False)
    advertised: tuple[tuple[str, int], ...] = ()
    bind: str = "0.0.0.0"  # noqa: S104 - a pod listens on its own address; NetworkPolicy guards it
    media_port: int = 7882
    signalling_port: int = 7880
    control_port: int = 7881
    log_level: str = "INFO"

    @property
    def candidates(self) -> tuple[tuple[str, int], ...]:
        """The (host, port) pairs to offer: the pod's own address, then the advertised ones."""
        own = (self.pod_ip, self.media_port)
        return (own, *(pair for pair in self.advertised if pair != own))


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read every ``RELAY_*`` variable of a media pod.

    Raises:
        SettingsError: a variable is missing or unusable; the message names it and the fix.
    """
    media_port = _port(environ, "RELAY_MEDIA_PORT", 7882)
    return Settings(
        pod_name=_required(environ, "RELAY_POD_NAME", "set it from metadata.name"),
        pod_uid=_required(environ, "RELAY_POD_UID", "set it from metadata.uid"),
        pod_ip=_address(environ, "RELAY_POD_IP"),
        operator_public_keys=_pem(environ, "RELAY_OPERATOR_PUBLIC_KEY"),
        gateway_public_keys=_pem(environ, "RELAY_GATEWAY_PUBLIC_KEY"),
        advertised=_advertised(environ, media_port),
        bind=environ.get("RELAY_BIND", "").strip() or "0.0.0.0",  # noqa: S104
        media_port=media_port,
        signalling_port=_port(environ, "RELAY_SIGNALLING_PORT", 7880),
        control_port=_port(environ, "RELAY_CONTROL_PORT", 7881),
        log_level=_log_level(environ),
    )


def _required(environ: Mapping[str, str], name: str, hint: str) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is not set: {hint}")
    return value


def _address(environ: Mapping[str, str], name: str) -> str:
    value = _required(environ, name, "set it from status.podIP")
    if not _is_address(value):
        raise SettingsError(f"{name} is {value!r}: set it to an IPv4 or IPv6 address")
    return value


def _pem(environ: Mapping[str, str], name: str) -> str:
    value = _required(environ, name, "set it to one or more PEM public keys (Ed25519)")
    if "-----BEGIN PUBLIC KEY-----" not in value:
        raise SettingsError(f"{name} holds no PEM block 'PUBLIC KEY': convert the certificate")
    return value


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and int(text) <= 65535):
        raise SettingsError(f"{name} is {text!r}: set it to a port from 0 (any) to 65535")
    return int(text)


def _log_level(environ: Mapping[str, str]) -> str:
    level = environ.get("RELAY_LOG_LEVEL", "").strip().upper() or "INFO"
    if level not in _LOG_LEVELS:
        raise SettingsError(f"RELAY_LOG_LEVEL is {level!r}: use one of {', '.join(_LOG_LEVELS)}")
    return level


def _advertised(environ: Mapping[str, str], media_port: int) -> tuple[tuple[str, int], ...]:
    name = "RELAY_ADVERTISED_ADDRESSES"
    pairs: dict[tuple[str, int], None] = {}
    for raw in environ.get(name, "").split(","):
        text = raw.strip()
        if not text:
            continue
        host, port = _split(text)
        if not _is_address(host) or not (port.isascii() and (port.isdecimal() or not port)):
            raise SettingsError(f"{name} holds {text!r}: write 'ip', 'ip:port' or '[ipv6]:port'")
        number = int(port) if port else media_port
        if number > 65535:
            raise SettingsError(f"{name} holds {text!r}: the port is above 65535")
        pairs[host, number] = None
    return tuple(pairs)


def _split(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":")
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, port
    return text, ""


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
