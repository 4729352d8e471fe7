"""A participant's publish connection: its offers become answers and published tracks."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from relay_media.errors import RefusalError, Request
from relay_media.room.endpoint import local_end, receive_spec, start
from relay_media.room.model import MAX_TRACKS, Track
from relay_media.sdp import (
    Accepted,
    Remote,
    SdpError,
    Session,
    answer_publish,
    read,
    remote_of,
    write,
)
from relay_media.signalling.messages import SOURCE_KINDS, PublishOffer, Source, TrackEntry
from relay_media.transport import MediaPort, Peer, PeerState, PublishedStream
from relay_media.transport.errors import TransportError

_DEFAULT_SOURCE: Mapping[str, Source] = {"audio": "microphone", "video": "camera"}


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What one offer changed."""

    answer: str
    published: tuple[Track, ...]
    unpublished: tuple[Track, ...]
    muted: tuple[Track, ...]


class Publishing:
    """Tracks of one participant by mid. The peer connection is made on the first offer."""

    def __init__(
        self,
        *,
        sid: str,
        media: MediaPort,
        codecs: tuple[str, ...],
        spawn: Callable[[Coroutine[None, None, None]], object],
        on_state: Callable[[PeerState | None], None],
        on_level: Callable[[Track, int], None],
    ) -> None:
        self._sid = sid
        self._media = media
        self._codecs = codecs
        self._spawn = spawn
        self._on_state = on_state
        self._on_level = on_level
        self._peer: Peer | None = None
        self._remote: tuple[int, str] | None = None
        self._version = 0
        self._session_id = secrets.randbits(62)
        self._by_mid: dict[str, Track] = {}

    @property
    def tracks(self) -> tuple[Track, ...]:
        return tuple(self._by_mid.values())

    def find(self, track_id: str) -> Track | None:
        return next((track for track in self._by_mid.values() if track.id == track_id), None)

    def apply(self, message: PublishOffer) -> Applied:
        """Answer an offer and make the tracks that it describes.

        Raises:
            RefusalError: ``bad_sdp``, ``bad_message`` or ``track_limit``. Nothing was changed,
                unless the connection turned out to be dead: then no track is left.
        """
        try:
            return self._apply(message)
        except TransportError as error:
            self.end_tracks()
            raise RefusalError("bad_sdp", str(error), request=message.request) from error
        except SdpError as error:
            raise RefusalError("bad_sdp", str(error), request=message.request) from error

    def _apply(self, message: PublishOffer) -> Applied:
        offer = read(message.sdp)
        remote = remote_of(offer)
        entries = {entry.mid: entry for entry in message.tracks}
        restarted = self._is_restarted(offer, remote)
        peer = self._peer if self._peer and not restarted else self._create_peer()
        try:
            answer, accepted = answer_publish(
                offer,
                local=local_end(self._media, peer),
                codecs=self._codecs,
                session_id=self._session_id,
                version=self._version + 1,
            )
            sending = [line for line in accepted if line.sends]
            _check(sending, offer, entries, message.request)
        except (SdpError, RefusalError):
            if peer is not self._peer:
                self._spawn(peer.close())
            raise
        text = write(answer)
        gone = self._retire(peer, sending)
        published = tuple(
            self._publish(peer, line, entries.get(line.mid))
            for line in sending
            if line.mid not in self._by_mid
        )
        if remote and (self._remote is None or restarted):
            start(peer, remote)
            self._remote = (offer.id, remote.ufrag)
        self._version += 1
        muted = self._apply_mutes(entries.values(), except_for=published)
        return Applied(answer=text, published=published, unpublished=gone, muted=muted)

    def _is_restarted(self, offer: Session, remote: Remote | None) -> bool:
        """Whether the offer is of a new connection, which then takes the old one's place.

        New ICE credentials under the same session id are an ICE restart instead. The session id
        alone tells nothing: some clients write a new one each time.
        """
        if remote is None or self._remote is None or remote.ufrag == self._remote[1]:
            return False
        if offer.id == self._remote[0]:
            raise SdpError("ICE restart is not supported: make a new connection, or join again")
        return True

    def set_muted(self, track: Track, *, muted: bool) -> bool:
        """Mute or unmute; False if it was so already."""
        if track.muted == muted:
            return False
        track.muted = muted
        track.stream.paused = muted
        return True

    def end_tracks(self) -> tuple[Track, ...]:
        """End every track and say which; the connection carries none any more."""
        tracks = self.tracks
        self._by_mid.clear()
        for track in tracks:
            track.stream.close()
        return tracks

    def close(self) -> None:
        """End every track and the connection; returns at once."""
        self.end_tracks()
        if self._peer is not None:
            self._spawn(self._peer.close())
            self._peer = None

    def _create_peer(self) -> Peer:
        peer: Peer

        def changed(state: PeerState) -> None:
            # A connection that was replaced says nothing about the participant any more.
            if self._peer is peer:
                self._on_state(state)

        peer = self._media.create_peer(on_state=changed)
        return peer

    def _retire(self, peer: Peer, sending: list[Accepted]) -> tuple[Track, ...]:
        """End the tracks that the offer no longer has; all of them when the peer is new."""
        replaced = self._peer is not None and peer is not self._peer
        kept = {} if replaced else {line.mid: receive_spec(line) for line in sending}
        gone = tuple(t for mid, t in self._by_mid.items() if kept.get(mid) != t.spec)
        for track in gone:
            del self._by_mid[track.mid]
            track.stream.close()
        if replaced and self._peer is not None:
            self._spawn(self._peer.close())
            self._on_state(None)
        self._peer = peer
        return gone

    def _publish(self, peer: Peer, line: Accepted, entry: TrackEntry | None) -> Track:
        kind = cast("Literal['audio', 'video']", line.kind)
        muted = entry.muted if entry else False
        spec = receive_spec(line)
        stream = self._receive(peer, line, f"t_{secrets.token_hex(8)}")
        track = Track(
            id=stream[0],
            sid=self._sid,
            mid=line.mid,
            kind=kind,
            source=entry.source if entry else _DEFAULT_SOURCE[kind],
            muted=muted,
            profile=line.choice.profile,
            spec=spec,
            stream=stream[1],
        )
        track.stream.paused = muted
        self._by_mid[line.mid] = track
        return track

    def _receive(self, peer: Peer, line: Accepted, track_id: str) -> tuple[str, PublishedStream]:
        def heard(level: int) -> None:
            track = self._by_mid.get(line.mid)
            if track is not None and track.id == track_id:
                self._on_level(track, level)

        audio = line.kind == "audio"
        stream = peer.receive(receive_spec(line), on_level=heard if audio else None)
        return track_id, stream

    def _apply_mutes(
        self, entries: Iterable[TrackEntry], *, except_for: tuple[Track, ...]
    ) -> tuple[Track, ...]:
        new = {track.id for track in except_for}
        changed = []
        for entry in entries:
            track = self._by_mid.get(entry.mid)
            if track and track.id not in new and self.set_muted(track, muted=entry.muted):
                changed.append(track)
        return tuple(changed)


def _check(
    sending: list[Accepted], offer: Session, entries: Mapping[str, TrackEntry], request: Request
) -> None:
    if len(sending) > MAX_TRACKS:
        raise RefusalError(
            "track_limit", f"a participant publishes at most {MAX_TRACKS} tracks", request=request
        )
    kinds = {media.mid: media.kind for media in offer.media}
    for mid, entry in entries.items():
        if kinds.get(mid) != SOURCE_KINDS[entry.source]:
            raise RefusalError(
                "bad_message",
                "tracks names a mid that the offer lacks, or a source of another kind",
                request=request,
            )
