"""Hall ids: ``h_`` and 20 characters of lower-case Crockford base 32, sortable by creation.

The first ten characters are milliseconds since 1970 (50 bits), the last ten are random (50 bits).
A Hall made over REST is named ``h-<the same 20>``. For any other name the id is a pure function of
what the API server wrote at creation, so that nobody has to write an id anywhere to know it.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta

from relay_crds.errors import MalformedIdError
from relay_crds.times import from_milliseconds, parse_time, to_milliseconds

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
RANDOM_BYTES = 7
"""How many random bytes ``new_hall_id`` needs: 56 bits, of which it uses 50."""

_HALF = 10
_MASK = (1 << 50) - 1
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_HALL_ID = re.compile(rf"h_([{ALPHABET}]{{20}})")
_REST_NAME = re.compile(rf"h-([{ALPHABET}]{{20}})")
_CLOCK_SKEW = timedelta(minutes=1)


def is_hall_id(text: str) -> bool:
    """Whether the text has the form of a hall id; nothing is said of the hall's existence."""
    return _HALL_ID.fullmatch(text) is not None


def new_hall_id(now_ms: int, random_bytes: bytes) -> str:
    """A new id from the time in milliseconds since 1970 and at least ``RANDOM_BYTES`` random bytes.

    Raises:
        ValueError: a time outside 50 bits, or too few bytes.
    """
    if not 0 <= now_ms <= _MASK:
        raise ValueError(f"{now_ms} ms does not fit into 50 bits")
    if len(random_bytes) < RANDOM_BYTES:
        raise ValueError(f"{RANDOM_BYTES} random bytes are needed, {len(random_bytes)} were given")
    tail = int.from_bytes(random_bytes[:RANDOM_BYTES], "big") & _MASK
    return f"h_{_encode(now_ms)}{_encode(tail)}"


def hall_id_of(name: str, uid: str, creation_timestamp: str) -> str:
    """The id of the Hall object with this name, UID and ``creationTimestamp``.

    Raises:
        MalformedTimeError: ``creation_timestamp`` is not an RFC 3339 time.
    """
    if match := _REST_NAME.fullmatch(name):
        return f"h_{match[1]}"
    created_ms = to_milliseconds(parse_time(creation_timestamp)) & _MASK
    digest = hashlib.sha256(uid.encode()).digest()
    return f"h_{_encode(created_ms)}{_encode(int.from_bytes(digest[:RANDOM_BYTES], 'big') & _MASK)}"


def hall_name_of(hall_id: str) -> str:
    """The object name that a hall made over REST under this id has.

    A Hall applied under a name of its own is found by ``hall_id_of`` over the Halls, not by this.

    Raises:
        MalformedIdError: not a hall id.
    """
    match = _HALL_ID.fullmatch(hall_id)
    if match is None:
        raise MalformedIdError(f"{hall_id[:40]!r} is not a hall id: h_ and 20 characters")
    return f"h-{match[1]}"


def created_at_of(name: str, creation_timestamp: str) -> datetime:
    """When the hall was created, to the millisecond where its name says so.

    ``creationTimestamp`` has whole seconds only. A REST name carries milliseconds, and is believed
    only within a minute of the API server's clock: anybody may apply a Hall under such a name.

    Raises:
        MalformedTimeError: ``creation_timestamp`` is not an RFC 3339 time.
    """
    created = parse_time(creation_timestamp)
    if match := _REST_NAME.fullmatch(name):
        try:
            claimed = from_milliseconds(_decode(match[1][:_HALF]))
        except OverflowError:
            return created
        if abs(claimed - created) <= _CLOCK_SKEW:
            return claimed
    return created


def _encode(value: int) -> str:
    return "".join(ALPHABET[value >> shift & 31] for shift in range(45, -1, -5))


def _decode(text: str) -> int:
    value = 0
    for character in text:
        value = value << 5 | _VALUES[character]
    return value
