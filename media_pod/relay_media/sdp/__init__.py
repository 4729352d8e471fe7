"""Session descriptions: reading, answering, offering and writing them. Pure, bounded, typed."""

from relay_media.sdp.answer import Accepted, Local, Remote, answer_publish, remote_of
from relay_media.sdp.codecs import ALL_CODECS, PROFILES, Profile
from relay_media.sdp.model import (
    Candidate,
    Codec,
    Extension,
    Fingerprint,
    Media,
    SdpError,
    Session,
    Ssrc,
    SsrcGroup,
)
from relay_media.sdp.offer import Line, Taken, offer_subscribe, read_taken
from relay_media.sdp.read import MAX_BYTES, MAX_MEDIA, read
from relay_media.sdp.write import write

__all__ = [
    "ALL_CODECS",
    "MAX_BYTES",
    "MAX_MEDIA",
    "PROFILES",
    "Accepted",
    "Candidate",
    "Codec",
    "Extension",
    "Fingerprint",
    "Line",
    "Local",
    "Media",
    "Profile",
    "Remote",
    "SdpError",
    "Session",
    "Ssrc",
    "SsrcGroup",
    "Taken",
    "answer_publish",
    "offer_subscribe",
    "read",
    "read_taken",
    "remote_of",
    "write",
]
