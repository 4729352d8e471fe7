"""What the gateway says to a media pod about a participant: an EdDSA assertion of 30 seconds.

The pod holds the public key only, and the audience is the Hall's UID: a pod that is broken into
can vouch for nobody, not even for its own hall.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from relay_api.credentials.tokens import Role
from relay_api.errors import SettingsError

ISSUER: Final = "relay-gateway"
TYPE: Final = "relay-gateway+jwt"
LIFETIME: Final = timedelta(seconds=30)


def read_private_key(pem: bytes) -> Ed25519PrivateKey:
    """Read an Ed25519 key from PKCS #8 PEM.

    Raises:
        SettingsError: not such a key.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise SettingsError("The gateway's key is not a private key in PEM.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError("The gateway's key is not an Ed25519 key.")
    return key


def vouch(
    key: Ed25519PrivateKey, *, hall_uid: str, identity: str, name: str, role: Role, now: datetime
) -> str:
    """An assertion that ``identity`` may be in the hall with this UID, valid for ``LIFETIME``."""
    issued = int(now.timestamp())
    claims = {
        "iss": ISSUER,
        "aud": hall_uid,
        "sub": identity,
        "name": name,
        "role": role.value,
        "iat": issued,
        "exp": issued + int(LIFETIME.total_seconds()),
        "jti": secrets.token_urlsafe(12),
    }
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"typ": TYPE})
