"""The room: admission, participants, tracks, subscriptions and speakers."""

from relay_media.room.model import CloseCode, LeftReason, Link
from relay_media.room.participant import Participant
from relay_media.room.room import Room

__all__ = ["CloseCode", "LeftReason", "Link", "Participant", "Room"]
