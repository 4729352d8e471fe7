"""RTP header extensions, one-byte and two-byte form (RFC 8285)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from relay_media.rtp.errors import FormatError
from relay_media.rtp.header import Buffer, Header

AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"

ONE_BYTE = 0xBEDE


def is_two_byte(profile: int) -> bool:
    return profile & 0xFFF0 == 0x1000


class Element(NamedTuple):
    """One extension element; its value is ``packet[start:start + length]``."""

    id: int
    start: int
    length: int


def elements(packet: Buffer, header: Header) -> list[Element]:
    """The elements of a packet, in order; empty for an unknown profile.

    An id of 15 ends a one-byte block (RFC 8285 §4.2), and so does an element that leaves it.
    """
    if header.extension_profile == ONE_BYTE:
        return _one_byte(packet, header)
    if is_two_byte(header.extension_profile):
        return _two_byte(packet, header)
    return []


def _one_byte(packet: Buffer, header: Header) -> list[Element]:
    found: list[Element] = []
    at = header.extension_offset
    end = at + header.extension_length
    while at < end:
        first = packet[at]
        at += 1
        if first == 0:
            continue
        identity = first >> 4
        length = (first & 15) + 1
        if identity in {0, 15} or at + length > end:
            break
        found.append(Element(identity, at, length))
        at += length
    return found


def _two_byte(packet: Buffer, header: Header) -> list[Element]:
    found: list[Element] = []
    at = header.extension_offset
    end = at + header.extension_length
    while at < end:
        identity = packet[at]
        at += 1
        if identity == 0:
            continue
        if at >= end:
            break
        length = packet[at]
        at += 1
        if at + length > end:
            break
        found.append(Element(identity, at, length))
        at += length
    return found


def find(packet: Buffer, header: Header, identity: int) -> bytes | None:
    """The value of the first element with this id."""
    for element in elements(packet, header):
        if element.id == identity:
            return bytes(packet[element.start : element.start + element.length])
    return None


def find_text(packet: Buffer, header: Header, identity: int) -> str | None:
    """An SDES item's value (MID, RID: RFC 8852); None if absent or not UTF-8."""
    value = find(packet, header, identity)
    if not value:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def audio_level(value: bytes) -> int:
    """The level in -dBov, 0 loudest .. 127 silence (RFC 6464 §3).

    Raises:
        FormatError: the element is empty.
    """
    if not value:
        raise FormatError("an audio level has one octet")
    return value[0] & 0x7F


def remap(packet: bytearray | memoryview, header: Header, ids: Mapping[int, int]) -> None:
    """Change element ids in place; elements without a new id become padding.

    What follows a block's end marker is wiped too, so that nothing unread passes through. A new
    id that the form cannot carry (over 14 in one-byte form) wipes the element.
    """
    profile = header.extension_profile
    end = header.extension_offset + header.extension_length
    one_byte = profile == ONE_BYTE
    if not one_byte and not is_two_byte(profile):
        if header.extension_length:
            # Unknown to both ends: an empty one-byte block of the same length says nothing.
            packet[header.extension_offset - 4 : header.extension_offset - 2] = b"\xbe\xde"
            _wipe(
                packet, header.extension_offset, header.extension_offset + header.extension_length
            )
        return
    end = header.extension_offset + header.extension_length
    at = header.extension_offset
    for element in elements(packet, header):
        new = ids.get(element.id, 0)
        stop = element.start + element.length
        if one_byte:
            if 1 <= new <= 14:
                packet[element.start - 1] = new << 4 | element.length - 1
            else:
                _wipe(packet, element.start - 1, stop)
        elif 1 <= new <= 255:
            packet[element.start - 2] = new
        else:
            _wipe(packet, element.start - 2, stop)
        at = stop
    _wipe(packet, at, end)


def _wipe(packet: bytearray | memoryview, start: int, stop: int) -> None:
    packet[start:stop] = bytes(stop - start)


def build_block(items: Sequence[tuple[int, bytes]], *, two_byte: bool = False) -> bytes:
    """A whole extension block, profile and length included, padded to 32 bits.

    Raises:
        FormatError: an id or length that the form cannot carry.
    """
    body = bytearray()
    for identity, value in items:
        if two_byte:
            if not (1 <= identity <= 255 and len(value) <= 255):
                raise FormatError("two-byte elements have ids 1..255 and at most 255 octets")
            body += bytes((identity, len(value)))
        else:
            if not (1 <= identity <= 14 and 1 <= len(value) <= 16):
                raise FormatError("one-byte elements have ids 1..14 and 1..16 octets")
            body.append(identity << 4 | len(value) - 1)
        body += value
    body += bytes(-len(body) % 4)
    profile = 0x1000 if two_byte else ONE_BYTE
    return profile.to_bytes(2, "big") + (len(body) // 4).to_bytes(2, "big") + bytes(body)
