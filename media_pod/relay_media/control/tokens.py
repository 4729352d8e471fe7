"""Tokens of the operator and of the gateway: EdDSA JWTs, checked with public keys only.

Pure: keys and the time come in as arguments. A pod holds no symmetric secret, so a broken-into
pod can forge nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from relay_media.errors import PermanentError, TokenError
from relay_media.hall import ROLES, Person

_BLOCK = re.compile(r"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)
_MAX_TOKEN_CHARACTERS = 4096
_LEEWAY_SECONDS = 10
_MAX_LIFETIME_SECONDS = 60
_MAX_IDENTITY = 128
_MAX_NAME = 200


class KeyRing:
    """Ed25519 public keys of one signer: several while a key is being rotated."""

    def __init__(self, keys: Sequence[Ed25519PublicKey]) -> None:
        self._keys = tuple(keys)

    @classmethod
    def from_pem(cls, pem: str) -> KeyRing:
        """Load every ``PUBLIC KEY`` block of ``pem``.

        Raises:
            PermanentError: no block, a broken block, or a key that is not Ed25519.
        """
        keys = []
        for block in _BLOCK.findall(pem):
            try:
                key = load_pem_public_key(block.encode())
            except ValueError as error:
                raise PermanentError("a PEM block is not a public key: print it anew") from error
            if not isinstance(key, Ed25519PublicKey):
                raise PermanentError("a key is not Ed25519: make the pair with that algorithm")
            keys.append(key)
        if not keys:
            raise PermanentError("no PEM block 'PUBLIC KEY' found: give at least one key")
        return cls(keys)

    def decode(self, token: str, *, typ: str, issuer: str, require: Sequence[str]) -> Claims:
        """Claims of a token signed by any of the keys.

        Raises:
            TokenError: wrong signature, typ, issuer, lifetime, or a required claim is missing.
        """
        if len(token) > _MAX_TOKEN_CHARACTERS:
            raise TokenError("the token is too long")
        for key in self._keys:
            try:
                decoded = jwt.decode_complete(
                    token,
                    key,
                    algorithms=["EdDSA"],
                    issuer=issuer,
                    leeway=_LEEWAY_SECONDS,
                    options={
                        "require": ["exp", "iss", "aud", "jti", *require],
                        "verify_aud": False,
                        "strict_aud": False,
                    },
                )
            except jwt.InvalidSignatureError:
                continue
            except (jwt.InvalidTokenError, RecursionError) as error:
                raise TokenError(f"the token was refused: {error}") from error
            return _checked(decoded, typ)
        raise TokenError("the token's signature matches no known key")


Claims = Mapping[str, Any]


def _checked(decoded: Mapping[str, Any], typ: str) -> Claims:
    if decoded["header"].get("typ") != typ:
        raise TokenError(f"the token's typ must be {typ}")
    claims = cast("Claims", decoded["payload"])
    if not isinstance(claims["aud"], str) or not claims["aud"]:
        raise TokenError("the token's aud must be one hall's UID")
    return claims


@dataclass(frozen=True, kw_only=True)
class Assertion:
    """Whom the gateway vouches for, and for which hall (``hall_uid``)."""

    hall_uid: str
    person: Person


def read_control_token(token: str, keys: KeyRing, *, pod_uid: str, now: float) -> str:
    """Check the operator's token; returns the hall UID it is about.

    Raises:
        TokenError: with the reason, which is safe to send back.
    """
    claims = keys.decode(
        token, typ="relay-control+jwt", issuer="relay-operator", require=["iat", "pod"]
    )
    if claims["pod"] != pod_uid:
        raise TokenError("the token is for another pod")
    _check_lifetime(claims, now)
    return cast("str", claims["aud"])


def read_gateway_token(token: str, keys: KeyRing, *, now: float) -> Assertion:
    """Check the gateway's assertion about one participant.

    Raises:
        TokenError: with the reason, which is safe to send back.
    """
    claims = keys.decode(token, typ="relay-gateway+jwt", issuer="relay-gateway", require=["sub"])
    _check_lifetime(claims, now)
    identity = claims["sub"]
    if not _printable(identity, _MAX_IDENTITY) or not identity:
        raise TokenError(f"sub must be a printable string of 1 to {_MAX_IDENTITY} characters")
    name = claims.get("name") or identity
    if not _printable(name, _MAX_NAME):
        raise TokenError(f"name must be a printable string of at most {_MAX_NAME} characters")
    role = claims.get("role")
    if role not in ROLES:
        raise TokenError("role must be host, participant or viewer")
    person = Person(identity=identity, name=name, role=role)
    return Assertion(hall_uid=claims["aud"], person=person)


def _check_lifetime(claims: Claims, now: float) -> None:
    exp = claims["exp"]
    if not isinstance(exp, int | float) or exp > now + _MAX_LIFETIME_SECONDS + _LEEWAY_SECONDS:
        raise TokenError(f"exp must be at most {_MAX_LIFETIME_SECONDS} seconds ahead")


def _printable(value: object, limit: int) -> bool:
    return isinstance(value, str) and len(value) <= limit and value.isprintable()
