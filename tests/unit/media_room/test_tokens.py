"""Tokens of the operator and the gateway."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from relay_media.control.tokens import KeyRing, read_control_token, read_gateway_token
from relay_media.errors import PermanentError, TokenError
from relay_media.hall import Person

KEY = Ed25519PrivateKey.generate()
OLD = Ed25519PrivateKey.generate()


def pem(key: Any) -> str:
    text: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


RING = KeyRing.from_pem(pem(OLD) + "\n" + pem(KEY))
NOW = time.time()
CONTROL = {
    "iss": "relay-operator",
    "aud": "hall",
    "pod": "pod",
    "iat": int(NOW),
    "exp": int(NOW) + 60,
    "jti": "1",
}
GATEWAY = {
    "iss": "relay-gateway",
    "aud": "hall",
    "sub": "alice",
    "name": "Alice",
    "role": "host",
    "exp": int(NOW) + 30,
    "jti": "1",
}


def sign(claims: dict[str, Any], typ: str | None, key: Any = KEY, algorithm: str = "EdDSA") -> str:
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"typ": typ} if typ else None)


@pytest.mark.parametrize("key", [KEY, OLD])
def test_either_key_of_a_rotation_is_good(key: Ed25519PrivateKey) -> None:
    token = sign(CONTROL, "relay-control+jwt", key)
    assert read_control_token(token, RING, pod_uid="pod", now=NOW) == "hall"
    assertion = read_gateway_token(sign(GATEWAY, "relay-gateway+jwt", key), RING, now=NOW)
    assert assertion.hall_uid == "hall"
    assert assertion.person == Person(identity="alice", name="Alice", role="host")


@pytest.mark.parametrize(
    "change",
    [{name: None} for name in CONTROL]
    + [
        {"iss": "relay-gateway"},
        {"pod": "other"},
        {"aud": []},
        {"aud": ["hall"]},
        {"aud": ""},
        {"exp": int(NOW) - 60},
        {"exp": int(NOW) + 600},
        {"exp": "soon"},
        {"iat": int(NOW) + 600},
        {"jti": 7},
    ],
)
def test_a_control_token_needs_every_claim_right(change: dict[str, Any]) -> None:
    token = sign(CONTROL | change, "relay-control+jwt")
    with pytest.raises(TokenError):
        read_control_token(token, RING, pod_uid="pod", now=NOW)


@pytest.mark.parametrize(
    "change",
    [{name: None} for name in GATEWAY if name != "name"]
    + [
        {"sub": ""},
        {"sub": "a\u0000b"},
        {"sub": "x" * 129},
        {"name": "x" * 201},
        {"name": 7},
        {"role": "admin"},
        {"role": ["host"]},
        {"exp": int(NOW) + 600},
        {"nbf": int(NOW) + 600},
    ],
)
def test_a_gateway_token_needs_every_claim_right(change: dict[str, Any]) -> None:
    with pytest.raises(TokenError):
        read_gateway_token(sign(GATEWAY | change, "relay-gateway+jwt"), RING, now=NOW)


def test_a_person_without_a_name_is_called_by_its_identity() -> None:
    token = sign(GATEWAY | {"name": None}, "relay-gateway+jwt")
    assert read_gateway_token(token, RING, now=NOW).person.name == "alice"


def test_one_kind_of_token_is_never_good_as_the_other() -> None:
    for typ in ("relay-gateway+jwt", "JWT", None):
        with pytest.raises(TokenError):
            read_control_token(sign(CONTROL, typ), RING, pod_uid="pod", now=NOW)
    with pytest.raises(TokenError):
        read_gateway_token(sign(GATEWAY, "relay-control+jwt"), RING, now=NOW)


def test_other_algorithms_and_keys_are_refused() -> None:
    for token in (
        sign(CONTROL, "relay-control+jwt", Ed25519PrivateKey.generate()),
        sign(CONTROL, "relay-control+jwt", "secret" * 8, "HS256"),
        sign(CONTROL, "relay-control+jwt", generate_private_key(SECP256R1()), "ES256"),
        jwt.encode(CONTROL, "", algorithm="none", headers={"typ": "relay-control+jwt"}),
        sign(CONTROL, "relay-control+jwt") + "x" * 5000,
    ):
        with pytest.raises(TokenError):
            read_control_token(token, RING, pod_uid="pod", now=NOW)


@given(st.text(max_size=300))
def test_arbitrary_text_is_refused_as_a_token_error(text: str) -> None:
    with pytest.raises(TokenError):
        read_gateway_token(text, RING, now=NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no pem",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        pem(generate_private_key(SECP256R1())),
    ],
)
def test_a_key_that_cannot_be_used_is_named_at_the_start(text: str) -> None:
    with pytest.raises(PermanentError):
        KeyRing.from_pem(text)
