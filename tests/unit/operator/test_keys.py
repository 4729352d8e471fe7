"""Key files, and the control tokens that the key signs."""

from __future__ import annotations

import datetime
from pathlib import Path

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)
from cryptography.x509.oid import NameOID

from relay_operator.errors import KeyFileError
from relay_operator.keys import load_private_key, load_public_pem, public_pem
from relay_operator.tokens import ControlTokens


def _certificate(key: Ed25519PrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=1))
        .sign(key, None)
        .public_bytes(Encoding.PEM)
    )


def test_the_public_keys_of_a_file_of_certificates_are_all_read(tmp_path: Path) -> None:
    keys = [Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()]
    path = tmp_path / "tls.crt"
    path.write_bytes(b"".join(_certificate(key) for key in keys))
    assert load_public_pem(path) == "".join(public_pem(key) for key in keys)


def test_a_public_key_file_is_as_good_as_a_certificate(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    path = tmp_path / "key.pub"
    path.write_text(public_pem(key))
    assert load_public_pem(path) == public_pem(key)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nx", b"hello"])
def test_a_file_without_a_key_is_named_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tls.pem"
    path.write_bytes(content)
    for load in (load_private_key, load_public_pem):
        with pytest.raises(KeyFileError, match=r"tls\.pem") as caught:
            load(path)
        assert content.decode() not in str(caught.value) or not content


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ec.pem"
    key = generate_private_key(SECP256R1())
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(KeyFileError, match="not Ed25519"):
        load_private_key(path)


def test_a_control_token_is_for_one_hall_on_one_pod_for_a_minute() -> None:
    key = Ed25519PrivateKey.generate()
    token = ControlTokens(key, clock=lambda: 1000.9).issue(hall_uid="h", pod_uid="p")
    public = load_pem_public_key(public_pem(key).encode())
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "relay-control+jwt"}
    claims = jwt.decode(
        token, public, algorithms=["EdDSA"], audience="h", options={"verify_exp": False}
    )  # type: ignore[arg-type]
    assert claims.pop("jti")
    assert claims == {
        "iss": "relay-operator", "aud": "h", "pod": "p", "iat": 1000, "exp": 1060,
    }  # fmt: skip


def test_no_two_tokens_are_alike() -> None:
    tokens = ControlTokens(Ed25519PrivateKey.generate(), clock=lambda: 1.0)
    assert tokens.issue(hall_uid="h", pod_uid="p") != tokens.issue(hall_uid="h", pod_uid="p")
