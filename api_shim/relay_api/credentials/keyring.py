"""The API keys of this install: which key belongs to which namespace."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from relay_api.credentials.keys import KeyForm, Mode, digest_of, read_key, same_digest
from relay_api.credentials.mounted import MountedSecret
from relay_api.errors import MalformedKeyError

_log = logging.getLogger(__name__)
_NO_DIGEST = "0" * 64


@dataclass(frozen=True, kw_only=True)
class KeyEntry:
    """A stored key: never the key itself."""

    key_id: str
    sha256: str
    namespace: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who makes a request: a key, and through it the one namespace that the key may touch."""

    key_id: str
    mode: Mode
    namespace: str


def read_entries(files: Mapping[str, bytes]) -> Mapping[str, KeyEntry]:
    """Read the entries of a mounted Secret by key id. A broken one is told of and left out."""
    entries = {}
    for key_id, content in files.items():
        entry = _read_entry(key_id, content)
        if entry is None:
            _log.error(
                "API key entry %s is not JSON with sha256 and namespace; the key is refused", key_id
            )
        else:
            entries[key_id] = entry
    return entries


class Keyring:
    """Finds the caller behind a key. Keys that are added or removed count within a second."""

    def __init__(self, entries: MountedSecret[Mapping[str, KeyEntry]]) -> None:
        self._entries = entries

    def caller_of(self, key: str) -> Caller:
        """Who holds this key.

        Raises:
            MalformedKeyError: it is no key, or none of this install.
            CredentialUnavailableError: the keys cannot be read.
        """
        form: KeyForm = read_key(key)
        entry = self._entries.get().get(form.key_id)
        # The digest is compared even where there is no entry: the time does not tell which it is.
        known = same_digest(digest_of(key), entry.sha256 if entry else _NO_DIGEST)
        if entry is None or not known:
            raise MalformedKeyError(
                "This API key is not known here: it was revoked, or belongs to another install."
            )
        return Caller(key_id=form.key_id, mode=form.mode, namespace=entry.namespace)


def _read_entry(key_id: str, content: bytes) -> KeyEntry | None:
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(raw, dict):
        return None
    digest, namespace = raw.get("sha256"), raw.get("namespace")
    if not isinstance(digest, str) or len(digest) != 64:
        return None
    if not isinstance(namespace, str) or not namespace:
        return None
    return KeyEntry(
        key_id=key_id, sha256=digest, namespace=namespace, name=str(raw.get("name", ""))
    )
