"""What a client may say, read into types. Pure; ``docs/protocol.md`` is the specification.

Unknown fields are ignored, so that older pods understand newer clients.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from relay_media.errors import RefusalError, Request

MAX_FRAME_BYTES = 256 * 1024
PROTOCOL_VERSION = 1

Source = Literal["camera", "microphone", "screen", "screen_audio"]

SOURCE_KINDS: Mapping[str, Literal["audio", "video"]] = {
    "camera": "video",
    "microphone": "audio",
    "screen": "video",
    "screen_audio": "audio",
}

_SESSION = re.compile(r"[0-9a-f]{32}")
_MID = re.compile(r"[!#-'*+\-.0-9A-Z^-~]{1,32}")
_MAX_ID = 2**31 - 1
_MAX_TRACK_ENTRIES = 64


@dataclass(frozen=True, kw_only=True)
class Join:
    session: str
    resume: bool


@dataclass(frozen=True, kw_only=True)
class TrackEntry:
    """What the client says about one m-line that it sends."""

    mid: str
    source: Source
    muted: bool


@dataclass(frozen=True, kw_only=True)
class PublishOffer:
    id: int
    sdp: str
    tracks: tuple[TrackEntry, ...]

    @property
    def request(self) -> Request:
        return Request("publish", self.id)


@dataclass(frozen=True, kw_only=True)
class SubscribeAnswer:
    id: int
    sdp: str

    @property
    def request(self) -> Request:
        return Request("subscribe", self.id)


@dataclass(frozen=True, kw_only=True)
class Mute:
    track: str
    muted: bool


@dataclass(frozen=True, kw_only=True)
class Leave:
    pass


@dataclass(frozen=True, kw_only=True)
class Ping:
    t: float


ClientMessage = Join | PublishOffer | SubscribeAnswer | Mute | Leave | Ping


def read_message(text: str) -> ClientMessage:
    """Read one text frame.

    Raises:
        RefusalError: ``bad_message`` or ``unknown_type``; the connection may go on.
    """
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad("the frame is not JSON") from error
    if not isinstance(raw, dict):
        raise _bad("a message is a JSON object with a type")
    fields = _Fields(raw)
    kind = fields.text("type", 32)
    reader = _READERS.get(kind)
    if reader is None:
        # Never echoed: it is the client's own text, and may be anything.
        raise RefusalError("unknown_type", "this message type is not known")
    return reader(fields)


def _bad(message: str, request: Request | None = None) -> RefusalError:
    return RefusalError("bad_message", message, request=request)


class _Fields:
    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw
        number, pc = raw.get("id"), raw.get("pc")
        self._id = number if type(number) is int and 0 <= number <= _MAX_ID else None
        self._pc: Literal["publish", "subscribe"] | None = (
            pc if pc in ("publish", "subscribe") else None
        )

    def bad(self, message: str) -> RefusalError:
        if self._id is None or self._pc is None:
            return _bad(message)
        return _bad(message, Request(self._pc, self._id))

    def text(self, name: str, limit: int) -> str:
        value = self._raw.get(name)
        if not isinstance(value, str) or len(value) > limit:
            raise self.bad(f"{name} must be a string of at most {limit} characters")
        return value

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        value = self._raw.get(name, default)
        if not isinstance(value, bool):
            raise self.bad(f"{name} must be true or false")
        return value

    def id(self) -> int:
        if self._id is None:
            raise self.bad(f"id must be an integer from 0 to {_MAX_ID}")
        return self._id

    def number(self, name: str) -> float:
        value = self._raw.get(name)
        # The bound comes first: a huge JSON integer cannot become a float.
        in_range = type(value) in (int, float) and -1e18 <= cast("float", value) <= 1e18
        if not in_range or not math.isfinite(cast("float", value)):
            raise self.bad(f"{name} must be a number")
        return cast("float", value)

    def pc(self, expected: str) -> None:
        if self._pc != expected:
            raise self.bad(f'pc must be "{expected}": the other one is the server\'s to offer')

    def tracks(self) -> tuple[TrackEntry, ...]:
        value = self._raw.get("tracks", [])
        if not isinstance(value, list) or len(value) > _MAX_TRACK_ENTRIES:
            raise self.bad(f"tracks must be a list of at most {_MAX_TRACK_ENTRIES} objects")
        entries = tuple(self._track(entry) for entry in value)
        if len({entry.mid for entry in entries}) != len(entries):
            raise self.bad("tracks names a mid twice")
        return entries

    def _track(self, value: object) -> TrackEntry:
        if not isinstance(value, dict):
            raise self.bad("tracks must be a list of objects")
        entry = _Fields({**value, "id": self._id, "pc": self._pc})
        mid = entry.text("mid", 32)
        if not _MID.fullmatch(mid):
            raise self.bad("mid must be a token of 1 to 32 characters")
        source = entry.text("source", 32)
        if source not in SOURCE_KINDS:
            raise self.bad(f"source must be one of {', '.join(SOURCE_KINDS)}")
        muted = entry.flag("muted", default=False)
        return TrackEntry(mid=mid, source=cast("Source", source), muted=muted)


def _join(fields: _Fields) -> Join:
    if fields.number("v") != PROTOCOL_VERSION:
        raise fields.bad(f"v must be {PROTOCOL_VERSION}: this pod speaks no other version")
    session = fields.text("session", 32)
    if not _SESSION.fullmatch(session):
        raise fields.bad("session must be 32 lower-case hexadecimal digits")
    return Join(session=session, resume=fields.flag("resume", default=False))


def _offer(fields: _Fields) -> PublishOffer:
    fields.pc("publish")
    return PublishOffer(
        id=fields.id(), sdp=fields.text("sdp", MAX_FRAME_BYTES), tracks=fields.tracks()
    )


def _answer(fields: _Fields) -> SubscribeAnswer:
    fields.pc("subscribe")
    return SubscribeAnswer(id=fields.id(), sdp=fields.text("sdp", MAX_FRAME_BYTES))


def _mute(fields: _Fields) -> Mute:
    return Mute(track=fields.text("track", 64), muted=fields.flag("muted"))


def _leave(_: _Fields) -> Leave:
    return Leave()


def _ping(fields: _Fields) -> Ping:
    return Ping(t=fields.number("t"))


_READERS: Mapping[str, Callable[[_Fields], ClientMessage]] = {
    "join": _join,
    "offer": _offer,
    "answer": _answer,
    "mute": _mute,
    "leave": _leave,
    "ping": _ping,
}
