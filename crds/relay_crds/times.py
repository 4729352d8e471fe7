"""RFC 3339 times as the API server and Relay write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from relay_crds.errors import MalformedTimeError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_time(text: str) -> datetime:
    """Read an RFC 3339 time and return it in UTC; digits below a microsecond are dropped.

    Raises:
        MalformedTimeError: not a time, or one without an offset.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None or "T" not in text.upper():
            raise ValueError("no offset or no time of day")  # noqa: TRY301
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedTimeError(
            f"{text[:40]!r} is not a time: write it like 2026-01-31T12:00:00.000Z"
        ) from error


def format_time(moment: datetime) -> str:
    """Write an aware time in UTC with milliseconds and ``Z``: ``2026-01-31T12:00:00.000Z``."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds") + "Z"


def to_milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970-01-01T00:00:00Z, exact (no floating point)."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def from_milliseconds(milliseconds: int) -> datetime:
    """The inverse of ``to_milliseconds``.

    Raises:
        OverflowError: beyond the year 9999.
    """
    return _EPOCH + timedelta(milliseconds=milliseconds)
