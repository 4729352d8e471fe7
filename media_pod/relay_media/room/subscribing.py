"""A participant's subscribe connection: what others publish is offered, answered and sent.

One offer is outstanding at a time (RFC 3264 section 4); what changes meanwhile goes into the next.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from relay_media.errors import RefusalError, Request
from relay_media.room.endpoint import local_end, new_ssrc, send_spec, start
from relay_media.room.model import MAX_SUBSCRIPTIONS, Track
from relay_media.sdp import (
    Line,
    Profile,
    Remote,
    SdpError,
    Taken,
    offer_subscribe,
    read,
    read_taken,
    remote_of,
    write,
)
from relay_media.signalling.messages import SubscribeAnswer
from relay_media.transport import MediaPort, Peer, PeerState, SubscribedStream
from relay_media.transport.errors import TransportError

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class _Slot:
    """One m-line. ``free``: the far end knows that it is inactive, so it can be taken over."""

    mid: str
    profile: Profile
    track: Track | None = None
    ssrc: int = 0
    rtx_ssrc: int | None = None
    stream: SubscribedStream | None = None
    free: bool = False


@dataclass(frozen=True, kw_only=True)
class _Outstanding:
    id: int
    lines: tuple[Line, ...]
    tracks: tuple[Track | None, ...]
    message: Mapping[str, Any] = field(repr=False)


class Subscriptions:
    """Everything one participant is sent. The peer connection is made on the first track."""

    def __init__(
        self,
        *,
        media: MediaPort,
        spawn: Callable[[Coroutine[None, None, None]], object],
        send: Callable[[Mapping[str, Any]], None],
        on_state: Callable[[PeerState], None],
    ) -> None:
        self._media = media
        self._spawn = spawn
        self._send = send
        self._on_state = on_state
        self._peer: Peer | None = None
        self._started = False
        self._slots: list[_Slot] = []
        self._by_track: dict[str, _Slot] = {}
        self._waiting: dict[str, Track] = {}
        self._used_ssrcs: set[int] = set()
        self._session_id = secrets.randbits(62)
        self._version = 0
        self._outstanding: _Outstanding | None = None
        self._answered_badly = False
        self._changed = False
        self._attached = False
        self._soon: asyncio.Handle | None = None

    def add(self, track: Track) -> None:
        """Subscribe to a track; it is in the next offer."""
        self._waiting[track.id] = track
        self._schedule()

    def remove(self, track: Track) -> None:
        """Stop sending a track now; its m-line turns inactive in the next offer."""
        if self._waiting.pop(track.id, None) is not None:
            return
        slot = self._by_track.pop(track.id, None)
        if slot is not None:
            slot.track = None
            self._end_stream(slot)
            self._schedule()

    def attach(self) -> None:
        """A socket is there (again): repeat the unanswered offer, if any, and go on."""
        self._attached = True
        if self._outstanding is not None:
            self._send(self._outstanding.message)
        elif self._changed or self._waiting:
            self._schedule()

    def detach(self) -> None:
        """The socket went: media flows on, offers wait."""
        self._attached = False

    def is_retry(self, answer: SubscribeAnswer) -> bool:
        """Whether this answers an offer that was answered badly before.

        How often else a client answers is up to us, by our offers: a busy hall makes many.
        """
        outstanding = self._outstanding
        return self._answered_badly and outstanding is not None and outstanding.id == answer.id

    def apply(self, answer: SubscribeAnswer) -> None:
        """Take the answer to the outstanding offer; an answer to an older one is ignored.

        Raises:
            RefusalError: ``bad_sdp`` or ``bad_message``; the offer stays outstanding.
        """
        outstanding = self._outstanding
        if outstanding is None or answer.id != outstanding.id:
            if answer.id <= self._version:
                return
            raise RefusalError("bad_message", "no such offer was made", request=answer.request)
        self._answered_badly = True
        try:
            session = read(answer.sdp, max_media=len(outstanding.lines))
            taken = read_taken(outstanding.lines, session)
            remote = remote_of(session)
        except SdpError as error:
            raise RefusalError("bad_sdp", str(error), request=answer.request) from error
        self._start(remote, answer.request)
        self._answered_badly = False
        self._outstanding = None
        for slot, track, line in zip(self._slots, outstanding.tracks, taken, strict=False):
            self._settle(slot, track, line)
        if self._changed or self._waiting:
            self._schedule()

    def close(self) -> None:
        """Stop sending and end the connection; returns at once."""
        if self._soon is not None:
            self._soon.cancel()
        self._waiting.clear()
        for slot in self._slots:
            self._end_stream(slot)
        if self._peer is not None:
            self._spawn(self._peer.close())
            self._peer = None
        self._attached = False

    def _start(self, remote: Remote | None, request: Request) -> None:
        if remote is None or self._started or self._peer is None:
            return
        try:
            start(self._peer, remote)
        except TransportError as error:
            raise RefusalError("bad_sdp", str(error), request=request) from error
        self._started = True

    def _settle(self, slot: _Slot, offered: Track | None, taken: Taken) -> None:
        if slot.track is None:
            slot.free = offered is None
            return
        if offered is not slot.track or slot.stream is not None or self._peer is None:
            return
        if taken.codec is None:
            log.info("a subscriber takes no such codec", extra={"codec": slot.profile.codec.name})
            return
        spec = send_spec(
            taken,
            slot.profile,
            ssrc=slot.ssrc,
            rtx_ssrc=slot.rtx_ssrc,
            cname=slot.track.sid,
        )
        try:
            slot.stream = self._peer.send(slot.track.stream, spec)
        except TransportError as error:
            # One of the two ends closed meanwhile; the room hears of that by itself.
            log.info("a track is not forwarded", extra={"why": str(error)})

    def _schedule(self) -> None:
        self._changed = True
        if self._soon is None and self._attached and self._outstanding is None:
            self._soon = asyncio.get_running_loop().call_soon(self._offer)

    def _offer(self) -> None:
        self._soon = None
        if not self._attached or self._outstanding is not None:
            return
        self._place()
        self._changed = False
        if not self._slots:
            return
        if self._peer is None:
            self._peer = self._media.create_peer(on_state=self._on_state)
        self._version += 1
        lines = tuple(_line(slot) for slot in self._slots)
        session = offer_subscribe(
            lines,
            local=local_end(self._media, self._peer),
            session_id=self._session_id,
            version=self._version,
        )
        message = {
            "type": "offer",
            "pc": "subscribe",
            "id": self._version,
            "sdp": write(session),
            "tracks": [
                {"mid": slot.mid, "track": slot.track.id, "sid": slot.track.sid}
                for slot in self._slots
                if slot.track is not None
            ],
        }
        self._outstanding = _Outstanding(
            id=self._version,
            lines=lines,
            tracks=tuple(slot.track for slot in self._slots),
            message=message,
        )
        self._send(message)

    def _place(self) -> None:
        """Give waiting tracks an m-line, audio first; those beyond the limit go on waiting."""
        for track in sorted(self._waiting.values(), key=lambda track: track.kind):
            slot = self._free_slot(track)
            if slot is None:
                continue
            del self._waiting[track.id]
            slot.profile, slot.track, slot.free = track.profile, track, False
            self._by_track[track.id] = slot
            slot.ssrc = new_ssrc(self._used_ssrcs)
            has_rtx = track.profile.rtx_pt is not None
            slot.rtx_ssrc = new_ssrc(self._used_ssrcs) if has_rtx else None

    def _free_slot(self, track: Track) -> _Slot | None:
        for slot in self._slots:
            if slot.free and slot.profile.kind == track.kind:
                return slot
        if len(self._slots) >= MAX_SUBSCRIPTIONS:
            return None
        slot = _Slot(mid=str(len(self._slots)), profile=track.profile)
        self._slots.append(slot)
        return slot

    def _end_stream(self, slot: _Slot) -> None:
        if slot.stream is not None:
            slot.stream.close()
            slot.stream = None
        self._used_ssrcs -= {slot.ssrc, slot.rtx_ssrc or 0}


def _line(slot: _Slot) -> Line:
    track = slot.track
    return Line(
        mid=slot.mid,
        profile=slot.profile,
        stream=track.sid if track else None,
        track=track.id if track else None,
        ssrc=slot.ssrc,
        rtx_ssrc=slot.rtx_ssrc,
        cname=track.sid if track else "",
    )
