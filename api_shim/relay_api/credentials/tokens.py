"""Join tokens: what lets one person, or many with an invitation, into one hall.

HS256 with a key of the hall's own, derived by HKDF from the signing secret and the Hall's UID, so
that a token is worth nothing at a hall that was made again under the same name. Rules of RFC 8725:
the algorithm is pinned, the header is exactly ``{"alg":"HS256","typ":"JWT"}``, and issuer,
audience and expiry are required. Media pods never see a token.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

import jwt
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from relay_api.errors import TokenError, TokenExpiredError

ISSUER: Final = "relay"
HEADER: Final = {"alg": "HS256", "typ": "JWT"}
MAX_TOKEN_LENGTH: Final = 4096
LEEWAY: Final = timedelta(seconds=5)
"""How far the clocks of two replicas may differ."""

_SALT: Final = b"relay-join-v1"
_SESSION: Final = re.compile(r"[0-9a-f]{32}")


class Role(StrEnum):
    HOST = "host"
    PARTICIPANT = "participant"
    VIEWER = "viewer"


@dataclass(frozen=True, kw_only=True)
class JoinToken:
    """Who may join which hall. ``invite``: many people may use it, each with its own identity."""

    hall_uid: str
    hall_id: str
    identity: str
    name: str
    role: Role
    issued_at: datetime
    expires_at: datetime
    invite: bool = False


def issue(token: JoinToken, secret: bytes) -> str:
    """Sign a token with the hall's key. Times are cut to whole seconds (RFC 7519 NumericDate)."""
    issued = int(token.issued_at.timestamp())
    claims: dict[str, object] = {
        "iss": ISSUER,
        "aud": token.hall_uid,
        "hall": token.hall_id,
        "sub": token.identity,
        "name": token.name,
        "role": token.role.value,
        "iat": issued,
        "nbf": issued,
        "exp": int(token.expires_at.timestamp()),
        "jti": secrets.token_urlsafe(12),
    }
    if token.invite:
        claims["invite"] = True
    return jwt.encode(claims, _hall_key(secret, token.hall_uid), algorithm="HS256")


def verify(text: str, signing_secrets: Sequence[bytes], *, now: datetime) -> JoinToken:
    """Read a token that one of the secrets has signed.

    Whether the hall exists is not asked here: the key is derived from the UID that the token
    claims, so a forged claim only chooses a key that the forger does not have.

    Raises:
        TokenExpiredError: a good token whose time is over.
        TokenError: anything else that makes it not to be believed.
    """
    claims = _signed_claims(text, signing_secrets)
    try:
        token = _read(claims)
    except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        raise TokenError("The join token lacks a claim or has one of a wrong kind.") from error
    if token.issued_at - LEEWAY > now:
        raise TokenError("The join token is not valid yet.")
    if token.expires_at + LEEWAY <= now:
        raise TokenExpiredError("The join token has expired: ask for a new one.")
    return token


def identity_for(token: JoinToken, session: str) -> str:
    """The identity of whoever holds this token in this session (32 hexadecimal digits).

    With an invitation, each session is a person of its own; a reload keeps the session and so the
    identity.
    """
    if not token.invite:
        return token.identity
    return f"{token.identity}-{hashlib.sha256(session.encode()).hexdigest()[:8]}"


def is_session(text: str) -> bool:
    return _SESSION.fullmatch(text) is not None


def _signed_claims(text: str, signing_secrets: Sequence[bytes]) -> dict[str, object]:
    if len(text) > MAX_TOKEN_LENGTH:
        raise TokenError(f"The join token is longer than {MAX_TOKEN_LENGTH} characters.")
    try:
        if jwt.get_unverified_header(text) != HEADER:
            raise TokenError('The join token\'s header is not {"alg":"HS256","typ":"JWT"}.')
        hall_uid = jwt.decode(text, options={"verify_signature": False}).get("aud")
        if not isinstance(hall_uid, str) or not hall_uid:
            raise TokenError("The join token names no hall.")
        for secret in signing_secrets:
            try:
                return dict(
                    jwt.decode(
                        text,
                        _hall_key(secret, hall_uid),
                        algorithms=["HS256"],
                        audience=hall_uid,
                        issuer=ISSUER,
                        options={
                            "require": ["iss", "aud", "sub", "iat", "nbf", "exp", "jti"],
                            # Times are judged by ``verify``, against the clock it is given.
                            "verify_exp": False,
                            "verify_nbf": False,
                            "verify_iat": False,
                            "enforce_minimum_key_length": True,
                        },
                    )
                )
            except jwt.InvalidSignatureError:
                continue
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        # The library's words may quote the token's content: they stay out of the message.
        raise TokenError("This is not a join token of Relay.") from error
    raise TokenError("The join token was not signed by this Relay.")


def _read(claims: dict[str, object]) -> JoinToken:
    for name in ("hall", "sub", "name", "role"):
        if not isinstance(claims[name], str):
            raise TypeError(name)
    for name in ("nbf", "exp"):
        if not isinstance(claims[name], int) or isinstance(claims[name], bool):
            raise TypeError(name)
    return JoinToken(
        hall_uid=str(claims["aud"]),
        hall_id=str(claims["hall"]),
        identity=str(claims["sub"]),
        name=str(claims["name"]),
        role=Role(str(claims["role"])),
        issued_at=datetime.fromtimestamp(int(str(claims["nbf"])), UTC),
        expires_at=datetime.fromtimestamp(int(str(claims["exp"])), UTC),
        invite=claims.get("invite") is True,
    )


def _hall_key(secret: bytes, hall_uid: str) -> bytes:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=_SALT, info=hall_uid.encode())
    return derivation.derive(secret)
