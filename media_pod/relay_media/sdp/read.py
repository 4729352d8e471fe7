"""Reads the WebRTC subset of SDP. Pure and bounded: its input comes from strangers.

Unknown lines and attributes are skipped, as RFC 8866 section 5 asks; what is known must be well
formed. Anything else raises ``SdpError`` and nothing but ``SdpError``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from relay_media.sdp.attributes import MediaReader, TransportReader
from relay_media.sdp.model import Media, SdpError, Session

MAX_BYTES = 256 * 1024
MAX_MEDIA = 64
MAX_LINE = 4096
MAX_LINES = 20_000

_ORIGIN = re.compile(r"o=\S+ ([0-9]{1,20}) ([0-9]{1,20}) IN IP[46] \S+", re.ASCII)
_CONTROL = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")


def read(text: str, *, max_media: int = MAX_MEDIA) -> Session:
    """Read a session description of at most ``MAX_BYTES`` and ``max_media`` m-lines.

    Raises:
        SdpError: too large, malformed, or two m-lines carry one mid.
    """
    lines = _lines(text)
    sections = _sections(lines)
    if len(sections) - 1 > max_media:
        raise SdpError(f"the description has more than {max_media} m-lines")
    head = sections[0]
    session_id, version = _origin(head)
    defaults = TransportReader()
    ice_lite = False
    bundle: tuple[str, ...] | None = None
    for line in head:
        name, value = _attribute(line)
        if name == "group" and value.split(" ")[0] == "BUNDLE":
            if bundle is not None:
                raise SdpError("the description has two BUNDLE groups")
            bundle = tuple(value.split()[1:])
        elif name == "ice-lite":
            ice_lite = True
        else:
            defaults.take(name, value)
    media = tuple(_media(section, defaults) for section in sections[1:])
    _check_mids(media, bundle or ())
    return Session(
        id=session_id, version=version, ice_lite=ice_lite, bundle=bundle or (), media=media
    )


def _lines(text: str) -> list[str]:
    # Counted in characters first: encoding a giant to learn its size would cost what it limits.
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise SdpError(f"the description is larger than {MAX_BYTES} bytes")
    if _CONTROL.search(text):
        raise SdpError("the description holds control characters")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines[-1] == "":
        lines.pop()
    if len(lines) > MAX_LINES:
        raise SdpError(f"the description has more than {MAX_LINES} lines")
    for line in lines:
        if len(line) > MAX_LINE:
            raise SdpError(f"a line is longer than {MAX_LINE} characters")
        if len(line) < 2 or line[1] != "=" or "\r" in line:
            raise SdpError("a line is not of the form <letter>=<value>")
    return lines


def _sections(lines: Sequence[str]) -> list[list[str]]:
    sections: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("m="):
            sections.append([])
        sections[-1].append(line)
    return sections


def _origin(head: Sequence[str]) -> tuple[int, int]:
    if not head or head[0] != "v=0":
        raise SdpError("the description does not begin with v=0")
    origin = _ORIGIN.fullmatch(head[1]) if len(head) > 1 else None
    if origin is None:
        raise SdpError("the second line is not an o= line")
    return int(origin[1]), int(origin[2])


def _attribute(line: str) -> tuple[str, str]:
    if not line.startswith("a="):
        return "", ""
    name, _, value = line[2:].partition(":")
    return name, value.strip(" ")


def _media(section: Sequence[str], defaults: TransportReader) -> Media:
    reader = MediaReader(section[0])
    for line in section[1:]:
        name, value = _attribute(line)
        if name:
            reader.take(name, value)
    media = reader.finish()
    own = media.ufrag is not None or media.pwd is not None
    return replace(
        media,
        ufrag=media.ufrag if own else defaults.ufrag,
        pwd=media.pwd if own else defaults.pwd,
        fingerprints=media.fingerprints or tuple(defaults.fingerprints),
        setup=media.setup or defaults.setup,
    )


def _check_mids(media: Sequence[Media], bundle: Sequence[str]) -> None:
    mids = [section.mid for section in media]
    if len(set(mids)) != len(mids):
        raise SdpError("two m-lines carry one mid, or more than one carries none")
    if len(set(bundle)) != len(bundle) or not set(bundle) <= set(mids):
        raise SdpError("the BUNDLE group names a mid twice, or one that no m-line carries")
