"""Key files: the operator's own Ed25519 key, and the public keys that media pods are given."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from relay_operator.errors import KeyFileError

_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """Read an unencrypted PKCS 8 PEM file.

    Raises:
        KeyFileError: the file cannot be read, or holds no Ed25519 private key.
    """
    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError) as error:
        raise KeyFileError(f"{path} holds no unencrypted PEM private key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path} holds a key that is not Ed25519: make one of that kind")
    return key


def public_pem(key: Ed25519PrivateKey) -> str:
    """The public half as a SubjectPublicKeyInfo PEM block."""
    return _spki(key.public_key())


def load_public_pem(path: Path) -> str:
    """The Ed25519 public keys of a PEM file of certificates or public keys, one block for each.

    Raises:
        KeyFileError: the file cannot be read, is empty, or holds something else.
    """
    data = _read(path)
    try:
        if _CERTIFICATE in data:
            certificates = x509.load_pem_x509_certificates(data)
            found: list[object] = [certificate.public_key() for certificate in certificates]
        else:
            found = [load_pem_public_key(data)]
    except ValueError as error:
        raise KeyFileError(f"{path} holds no PEM certificate or public key") from error
    keys = [key for key in found if isinstance(key, Ed25519PublicKey)]
    if len(keys) != len(found):
        raise KeyFileError(f"{path} holds a key that is not Ed25519: make one of that kind")
    return "".join(_spki(key) for key in keys)


def _spki(key: Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}") from error
