"""All the mounted secrets of a process, opened once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from relay_api.credentials.keyring import Keyring, read_entries
from relay_api.credentials.mounted import MountedSecret
from relay_api.credentials.vouch import read_private_key
from relay_api.errors import SettingsError
from relay_api.settings import Settings

MIN_SECRET_BYTES = 16


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """The mounted secrets. ``signing``: the current one first, then the previous one."""

    keyring: Keyring
    signing: MountedSecret[tuple[bytes, ...]]
    gateway_key: MountedSecret[Ed25519PrivateKey]
    turn: MountedSecret[bytes] | None

    @classmethod
    def from_settings(
        cls, settings: Settings, *, on_error: Callable[[Exception], None]
    ) -> Credentials:
        """Open the secrets and read each once, so that a wrong one ends the start.

        Raises:
            SettingsError, CredentialUnavailableError: one of them cannot be used.
        """
        turn_file = settings.turn_secret_file
        opened = cls(
            keyring=Keyring(MountedSecret(settings.api_keys, read_entries, on_error=on_error)),
            signing=MountedSecret(settings.signing_secrets, _read_signing, on_error=on_error),
            gateway_key=MountedSecret(
                settings.gateway_key_file,
                lambda files: read_private_key(_only(files)),
                on_error=on_error,
            ),
            turn=(
                MountedSecret(turn_file, lambda files: _only(files).strip(), on_error=on_error)
                if turn_file
                else None
            ),
        )
        opened.signing.get()
        opened.gateway_key.get()
        if opened.turn is not None:
            opened.turn.get()
        return opened


def _read_signing(files: Mapping[str, bytes]) -> tuple[bytes, ...]:
    secrets = tuple(
        content.strip() for name in ("current", "previous") if (content := files.get(name, b""))
    )
    if not files.get("current", b"").strip():
        raise SettingsError("The signing Secret has no key named current.")
    if any(len(secret) < MIN_SECRET_BYTES for secret in secrets):
        raise SettingsError(f"A signing secret is shorter than {MIN_SECRET_BYTES} bytes.")
    return secrets


def _only(files: Mapping[str, bytes]) -> bytes:
    (content,) = files.values()
    return content
