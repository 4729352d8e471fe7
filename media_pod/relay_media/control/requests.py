"""Bodies and queries of control requests, checked and typed. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from relay_media.errors import PermanentError
from relay_media.hall import Hall
from relay_media.sdp import ALL_CODECS

MAX_WAIT_SECONDS = 30.0
_MAX_TEXT = 253
_MAX_PARTICIPANTS = 10_000


def read_assign(body: Any) -> Hall:
    """The hall of an ``/assign`` request.

    Raises:
        PermanentError: a field is missing or unusable; the message names it.
    """
    if not isinstance(body, dict):
        raise PermanentError("the body must be a JSON object")
    display_name = body.get("display_name") or ""
    if not isinstance(display_name, str) or len(display_name) > _MAX_TEXT:
        raise PermanentError(f"display_name must be a string of at most {_MAX_TEXT} characters")
    return Hall(
        uid=_text(body, "hall_uid"),
        id=_text(body, "hall_id"),
        namespace=_text(body, "namespace"),
        name=_text(body, "name"),
        display_name=display_name,
        max_participants=_cap(body),
        codecs=_codecs(body),
    )


def read_close(body: Any) -> str:
    """The reason of a ``/close`` request; "closed" where none is given.

    Raises:
        PermanentError: the reason is not a short string.
    """
    reason = body.get("reason", "closed") if isinstance(body, dict) else None
    if not isinstance(reason, str) or len(reason) > _MAX_TEXT:
        raise PermanentError(f"reason must be a string of at most {_MAX_TEXT} characters")
    return reason


def read_poll(query: Mapping[str, str]) -> tuple[int, float]:
    """``after`` (default 0) and ``wait`` in seconds (default 0, at most 30) of ``/events``.

    Raises:
        PermanentError: not numbers, or negative.
    """
    try:
        after = int(query.get("after", "0"))
        wait = float(query.get("wait", "0"))
    except ValueError as error:
        raise PermanentError("after must be an integer and wait a number of seconds") from error
    if after < 0 or not math.isfinite(wait) or wait < 0:
        raise PermanentError("after and wait must not be negative")
    return after, min(wait, MAX_WAIT_SECONDS)


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT:
        raise PermanentError(f"{name} must be a string of 1 to {_MAX_TEXT} characters")
    return value


def _cap(body: Mapping[str, Any]) -> int:
    value = body.get("max_participants")
    if type(value) is not int or not 1 <= value <= _MAX_PARTICIPANTS:
        raise PermanentError(f"max_participants must be an integer from 1 to {_MAX_PARTICIPANTS}")
    return value


def _codecs(body: Mapping[str, Any]) -> tuple[str, ...]:
    value = body.get("codecs", [])
    if not isinstance(value, list) or not all(codec in ALL_CODECS for codec in value):
        raise PermanentError(f"codecs must be a list of {', '.join(ALL_CODECS)}")
    return tuple(value) or ALL_CODECS
