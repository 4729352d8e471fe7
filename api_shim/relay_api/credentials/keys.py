"""API keys: ``relay_live_`` or ``relay_test_``, 30 random characters, 6 of checksum.

The form follows GitHub's tokens: a prefix that scanners find, base 62 so that a double click takes
the whole key, and a CRC32 tail so that a typing error or a random text is told from a key without
a look-up. The checksum proves nothing: only the SHA-256 of the whole key does, and only that is
stored.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import string
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from relay_api.errors import MalformedKeyError

ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
SECRET_LENGTH: Final = 30
ID_LENGTH: Final = 8
RANDOM_BYTES: Final = 32
"""How many random bytes ``make_key`` needs: more than the 178.6 bits that 30 characters hold."""

_CHECKSUM_LENGTH: Final = 6
_FORM: Final = re.compile(r"relay_(live|test)_([0-9A-Za-z]{30})([0-9A-Za-z]{6})", re.ASCII)


class Mode(StrEnum):
    LIVE = "live"
    TEST = "test"


@dataclass(frozen=True, kw_only=True)
class KeyForm:
    """What a key says about itself. ``key_id`` may be shown and logged, the key never."""

    mode: Mode
    key_id: str


def make_key(random_bytes: bytes, mode: Mode = Mode.LIVE) -> str:
    """A new key out of at least ``RANDOM_BYTES`` random bytes.

    Raises:
        ValueError: too few bytes.
    """
    if len(random_bytes) < RANDOM_BYTES:
        raise ValueError(f"{RANDOM_BYTES} random bytes are needed, {len(random_bytes)} were given")
    secret = _base62(int.from_bytes(random_bytes, "big"), SECRET_LENGTH)
    return _with_checksum(f"relay_{mode}_{secret}")


def read_key(text: str) -> KeyForm:
    """Check a key's form and checksum, offline.

    Raises:
        MalformedKeyError: it cannot be a key of Relay. The message does not repeat it.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise MalformedKeyError(
            "This is not an API key: one starts with relay_live_ or relay_test_, "
            "followed by 36 letters and digits."
        )
    if _with_checksum(text[:-_CHECKSUM_LENGTH]) != text:
        raise MalformedKeyError(
            "This API key has a typing error: its checksum does not fit. Copy the whole key again."
        )
    return KeyForm(mode=Mode(match[1]), key_id=match[2][:ID_LENGTH])


def digest_of(key: str) -> str:
    """What is stored of a key: its SHA-256 in hexadecimal. 178 random bits need no slow hash."""
    return hashlib.sha256(key.encode("ascii", "replace")).hexdigest()


def same_digest(one: str, other: str) -> bool:
    """Compare in constant time, so that a stored digest cannot be guessed digit by digit."""
    return hmac.compare_digest(one.lower().encode(), other.lower().encode())


def _with_checksum(body: str) -> str:
    return body + _base62(zlib.crc32(body.encode("ascii")), _CHECKSUM_LENGTH)


def _base62(value: int, length: int) -> str:
    digits = []
    for _ in range(length):
        value, digit = divmod(value, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
