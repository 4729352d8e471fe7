"""The hall that a pod serves, and the people whom the gateway vouches for. Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["host", "participant", "viewer"]
ROLES: tuple[Role, ...] = ("host", "participant", "viewer")


@dataclass(frozen=True, kw_only=True)
class Hall:
    """What the operator assigned to this pod."""

    uid: str
    id: str
    namespace: str
    name: str
    display_name: str
    max_participants: int
    codecs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Person:
    """Whom the gateway vouched for."""

    identity: str
    name: str
    role: Role
