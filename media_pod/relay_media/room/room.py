"""The room: who is in, what they publish, and who is told.

Admission, leaving and every message run on the event loop without an ``await`` in between: that is
the one lock under which the cap is exact.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import datetime

from relay_media.clock import now_utc
from relay_media.errors import RefusalError
from relay_media.hall import Hall, Person
from relay_media.metrics import Metrics
from relay_media.room.broadcast import Broadcast, Record, speakers_message, welcome_message
from relay_media.room.model import (
    CLOSE_CODES,
    GRACE_SECONDS,
    CloseCode,
    LeftReason,
    Link,
    Track,
)
from relay_media.room.participant import Hooks, Participant
from relay_media.room.speakers import Speakers
from relay_media.signalling.messages import Mute, PublishOffer, SubscribeAnswer
from relay_media.transport import MediaPort

log = logging.getLogger(__name__)


class Room:
    """One hall's room. ``record`` gets every event that the operator is to know of."""

    def __init__(
        self,
        *,
        hall: Hall,
        media: MediaPort,
        record: Record,
        metrics: Metrics,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self.hall = hall
        self.empty_since: datetime | None = now_utc()
        self._media = media
        self._broadcast = Broadcast(lambda: self.participants, record)
        self._metrics = metrics
        self._grace_seconds = grace_seconds
        self._by_identity: dict[str, Participant] = {}
        self._closed_for: LeftReason | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._speakers = Speakers(self._broadcast.speakers)
        self._hooks = Hooks(
            spawn=self._spawn,
            on_media=self._on_media,
            on_ended=self._unpublish,
            on_level=lambda track, level: self._speakers.heard(track.sid, level),
        )

    @property
    def participants(self) -> tuple[Participant, ...]:
        return tuple(self._by_identity.values())

    def __len__(self) -> int:
        return len(self._by_identity)

    def join(self, person: Person, *, session: str, resume: bool, link: Link) -> Participant:
        """Let a person in, or back in; the welcome is the first thing its link gets.

        Raises:
            RefusalError: ``hall_closed``, ``pod_lost`` or ``hall_full``, with the close code.
        """
        if self._closed_for is not None:
            raise _closed(self._closed_for)
        present = self._by_identity.get(person.identity)
        if present is not None and present.session == session:
            if resume and present.person == person and not present.media_lost:
                return self._resume(present, link)
            self._leave(present, "connection_lost")
        elif present is not None:
            self.remove(present, "duplicate_identity")
        elif len(self) >= self.hall.max_participants:
            self._broadcast.rejected(person, "hall_full")
            self._metrics.joins.labels("hall_full").inc()
            raise RefusalError(
                "hall_full",
                f"this hall is full: {self.hall.max_participants} people are in",
                close_code=CloseCode.HALL_FULL,
            )
        return self._admit(person, session, link)

    def detach(self, participant: Participant, link: Link) -> None:
        """The socket ``link`` went. The place is kept for the grace, while media flows."""
        if participant.link is not link:
            return
        participant.link = None
        participant.subscriptions.detach()
        if not participant.confirmed or participant.media_lost:
            self._leave(participant, "connection_lost")
            return
        loop = asyncio.get_running_loop()
        participant.grace = loop.call_later(
            self._grace_seconds, self._leave, participant, "connection_lost"
        )

    def remove(
        self, participant: Participant, reason: LeftReason, *, reconnect: bool = False
    ) -> None:
        """Say goodbye to a participant, and to the others that it left."""
        participant.send({"type": "bye", "reason": reason, "reconnect": reconnect})
        self._leave(participant, reason)

    def leave(self, participant: Participant) -> None:
        """The participant's own wish."""
        self._leave(participant, "left")

    def publish(self, participant: Participant, offer: PublishOffer) -> None:
        """Answer an offer of the publish connection; the others hear of new and ended tracks.

        Raises:
            RefusalError: ``not_allowed``, ``bad_sdp``, ``bad_message`` or ``track_limit``.
        """
        if participant.person.role == "viewer":
            raise RefusalError("not_allowed", "viewers do not publish", request=offer.request)
        before = participant.publishing.tracks
        try:
            applied = participant.publishing.apply(offer)
        except RefusalError:
            for track in before:
                if participant.publishing.find(track.id) is None:
                    self._unpublish(participant, track)
            raise
        tracks = [{"mid": t.mid, "id": t.id} for t in participant.publishing.tracks]
        participant.send(
            {
                "type": "answer",
                "pc": "publish",
                "id": offer.id,
                "sdp": applied.answer,
                "tracks": tracks,
            }
        )
        for track in applied.unpublished:
            self._unpublish(participant, track)
        for track in applied.published:
            self._announce(participant, track)
        for track in applied.muted:
            self._broadcast.muted(participant, track)

    def answer(self, participant: Participant, answer: SubscribeAnswer) -> None:
        """Take an answer of the subscribe connection.

        Raises:
            RefusalError: ``bad_sdp`` or ``bad_message``.
        """
        participant.subscriptions.apply(answer)

    def mute(self, participant: Participant, message: Mute) -> None:
        """Mute or unmute one of the participant's own tracks.

        Raises:
            RefusalError: ``unknown_track``.
        """
        track = participant.publishing.find(message.track)
        if track is None:
            raise RefusalError("unknown_track", "you publish no track of this id")
        if participant.publishing.set_muted(track, muted=message.muted):
            self._broadcast.muted(participant, track)

    async def close(self, reason: LeftReason, *, reconnect: bool, within: float = 0.6) -> None:
        """Everyone is told and out; returns when all is torn down, or after ``within`` seconds.

        Media connections that need longer end by themselves.
        """
        self._closed_for = reason
        links = [p.link for p in self.participants if p.link is not None]
        # Everyone's goodbye first: nobody is told of all the others who leave as well.
        for participant in self.participants:
            participant.send({"type": "bye", "reason": reason, "reconnect": reconnect})
            if participant.link is not None:
                participant.link.end(CLOSE_CODES[reason], reason)
                participant.link = None
        for participant in self.participants:
            self._leave(participant, reason)
        self._speakers.close()
        endings = [asyncio.ensure_future(link.ended()) for link in links]
        if endings:
            _, late = await asyncio.wait(endings, timeout=within)
            for ending in late:
                ending.cancel()
            for link in links:
                link.abort()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within / 2)

    def _admit(self, person: Person, session: str, link: Link) -> Participant:
        participant = Participant(
            person=person,
            session=session,
            hall=self.hall,
            media=self._media,
            hooks=self._hooks,
        )
        self._by_identity[person.identity] = participant
        self.empty_since = None
        self._metrics.joins.labels("admitted").inc()
        self._metrics.participants.set(len(self))
        participant.attach(link)
        self._welcome(participant, resumed=False)
        self._broadcast.joined(participant)
        for other in self._others(participant):
            for track in other.publishing.tracks:
                participant.subscriptions.add(track)
        participant.subscriptions.attach()
        return participant

    def _resume(self, participant: Participant, link: Link) -> Participant:
        old = participant.link
        participant.attach(link)
        participant.spoke = True
        if old is not None:
            old.end(CloseCode.NORMAL, "resumed on another socket")
        self._metrics.joins.labels("resumed").inc()
        self._welcome(participant, resumed=True)
        participant.subscriptions.attach()
        return participant

    def _welcome(self, participant: Participant, *, resumed: bool) -> None:
        participant.send(
            welcome_message(
                self.hall,
                participant,
                self._others(participant),
                resumed=resumed,
                grace_seconds=self._grace_seconds,
            )
        )
        if self._speakers.current:
            participant.send(speakers_message(self._speakers.current))

    def _leave(self, participant: Participant, reason: LeftReason) -> None:
        if self._by_identity.get(participant.person.identity) is not participant:
            return
        del self._by_identity[participant.person.identity]
        tracks = participant.publishing.tracks
        link, participant.link = participant.link, None
        participant.close()
        self._speakers.forget(participant.sid)
        for track in tracks:
            self._unsubscribe_all(track)
            self._broadcast.withdrawn(participant, track)
        self._broadcast.left(participant, reason)
        self._metrics.left.labels(reason).inc()
        self._metrics.participants.set(len(self))
        if not self._by_identity:
            self.empty_since = now_utc()
        if link is not None:
            link.end(CLOSE_CODES[reason], reason)
        log.info("a participant left", extra={"sid": participant.sid, "reason": reason})

    def _on_media(self, participant: Participant) -> None:
        if participant.link is None and participant.media_lost:
            self._leave(participant, "connection_lost")

    def _announce(self, participant: Participant, track: Track) -> None:
        self._broadcast.published(participant, track)
        for other in self._others(participant):
            other.subscriptions.add(track)

    def _unpublish(self, participant: Participant, track: Track) -> None:
        self._unsubscribe_all(track)
        self._broadcast.unpublished(participant, track)

    def _unsubscribe_all(self, track: Track) -> None:
        for other in self.participants:
            other.subscriptions.remove(track)

    def _others(self, participant: Participant) -> tuple[Participant, ...]:
        return tuple(other for other in self.participants if other is not participant)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("ending a connection failed", exc_info=error)


def _closed(reason: LeftReason) -> RefusalError:
    if reason == "server_shutdown":
        text = "this pod is about to end: connect again"
        return RefusalError("pod_lost", text, close_code=CloseCode.POD_LOST)
    return RefusalError("hall_closed", "this hall is closed", close_code=CloseCode.HALL_CLOSED)
