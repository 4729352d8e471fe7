"""What a room tells those inside, and what it records for the operator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from relay_media.hall import Hall, Person
from relay_media.room.model import MAX_SUBSCRIPTIONS, MAX_TRACKS, LeftReason, Track
from relay_media.room.participant import Participant
from relay_media.room.speakers import Speaker
from relay_media.signalling.messages import MAX_FRAME_BYTES, PROTOCOL_VERSION

Record = Callable[[str, Mapping[str, Any]], None]


class Broadcast:
    """Each change of the room as one message to the others and one event.

    ``everyone`` gives who is inside at that moment; ``record`` takes an event's type and data.
    """

    def __init__(self, everyone: Callable[[], Iterable[Participant]], record: Record) -> None:
        self._everyone = everyone
        self._record = record

    def rejected(self, person: Person, code: str) -> None:
        self._record("participant.rejected", {"identity": person.identity, "code": code})

    def joined(self, participant: Participant) -> None:
        person = participant.person
        self._tell_others(
            participant, {"type": "participant_joined", "participant": participant.as_json()}
        )
        self._record(
            "participant.joined",
            {
                "identity": person.identity,
                "name": person.name,
                "role": person.role,
                "sid": participant.sid,
            },
        )

    def left(self, participant: Participant, reason: LeftReason) -> None:
        about = {
            "sid": participant.sid,
            "identity": participant.person.identity,
            "reason": reason,
        }
        self._tell_others(participant, {"type": "participant_left", **about})
        self._record(
            "participant.left", {**about, "duration_seconds": participant.duration_seconds}
        )

    def published(self, participant: Participant, track: Track) -> None:
        self._tell_others(
            participant,
            {"type": "track_published", "sid": participant.sid, "track": track.as_json()},
        )
        about = {"track": track.id, "kind": track.kind, "source": track.source}
        self._record("track.published", _of(participant) | about)

    def unpublished(self, participant: Participant, track: Track) -> None:
        self._tell_others(
            participant,
            {"type": "track_unpublished", "sid": participant.sid, "track": track.id},
        )
        self.withdrawn(participant, track)

    def withdrawn(self, participant: Participant, track: Track) -> None:
        """A track went with its publisher: recorded, and implied for the others."""
        self._record("track.unpublished", _of(participant) | {"track": track.id})

    def muted(self, participant: Participant, track: Track) -> None:
        self._tell_others(
            participant,
            {
                "type": "track_muted",
                "sid": participant.sid,
                "track": track.id,
                "muted": track.muted,
            },
        )

    def speakers(self, speakers: Iterable[Speaker]) -> None:
        message = speakers_message(speakers)
        for participant in self._everyone():
            participant.send(message)

    def _tell_others(self, participant: Participant, message: Mapping[str, Any]) -> None:
        for other in self._everyone():
            if other is not participant:
                other.send(message)


def welcome_message(
    hall: Hall,
    you: Participant,
    others: Iterable[Participant],
    *,
    resumed: bool,
    grace_seconds: float,
) -> dict[str, Any]:
    """The first message of every socket: who and where you are, who is here, what is allowed."""
    about_you = you.as_json()
    if not resumed:
        del about_you["tracks"]
    return {
        "type": "welcome",
        "v": PROTOCOL_VERSION,
        "resumed": resumed,
        "hall": {
            "id": hall.id,
            "name": hall.display_name or hall.name,
            "max_participants": hall.max_participants,
        },
        "you": about_you,
        "participants": [other.as_json() for other in others],
        "limits": {
            "max_tracks": MAX_TRACKS,
            "max_subscriptions": MAX_SUBSCRIPTIONS,
            "max_message_bytes": MAX_FRAME_BYTES,
            "grace_seconds": grace_seconds,
        },
    }


def speakers_message(speakers: Iterable[Speaker]) -> dict[str, Any]:
    return {
        "type": "speakers",
        "speakers": [{"sid": speaker.sid, "level": speaker.level} for speaker in speakers],
    }


def _of(participant: Participant) -> dict[str, Any]:
    return {"identity": participant.person.identity, "sid": participant.sid}
