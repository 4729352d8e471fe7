"""Control tokens: what a media pod accepts as the operator's word (RFC 7519, EdDSA by RFC 8037).

One token is good for one hall on one pod for less than a minute, so a pod that is broken into
can use what it was sent against nobody else.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TOKEN_TYPE: Final = "relay-control+jwt"  # noqa: S105 - the type of a token, not one
ISSUER: Final = "relay-operator"
LIFETIME_SECONDS: Final = 60


class ControlTokens:
    """Signs control tokens. ``clock``: seconds since 1970."""

    def __init__(self, key: Ed25519PrivateKey, *, clock: Callable[[], float]) -> None:
        """Sign with this key, as of this clock."""
        self._key = key
        self._clock = clock

    def issue(self, *, hall_uid: str, pod_uid: str) -> str:
        now = int(self._clock())
        claims = {
            "iss": ISSUER,
            "aud": hall_uid,
            "pod": pod_uid,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "jti": secrets.token_hex(16),
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"typ": TOKEN_TYPE})
