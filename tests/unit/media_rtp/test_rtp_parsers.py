"""Any bytes: a parser returns or raises its one error; what is written is read back."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_media.rtp import extensions, header, keyframe, rtcp
from relay_media.rtp.errors import FormatError
from relay_media.rtp.rtcp_build import build_compound

U8, U16, U32 = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
ONE_BYTE_ITEMS = st.lists(
    st.tuples(st.integers(1, 14), st.binary(min_size=1, max_size=16)), max_size=6
)
TWO_BYTE_ITEMS = st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=40)), max_size=6)


def rtp_like() -> st.SearchStrategy[bytes]:
    """Bytes that often pass the first checks."""
    return st.builds(lambda first, rest: bytes((0x80 | first & 0x3F,)) + rest, U8, st.binary())


def with_extension(block: bytes, payload: bytes = b"payload") -> tuple[header.Header, bytes]:
    data = header.build(
        payload_type=96, sequence=1, timestamp=2, ssrc=3, payload=payload, extension=block
    )
    return header.parse_header(data), data


@given(rtp_like() | st.binary())
def test_any_bytes_are_a_packet_or_a_format_error(data: bytes) -> None:
    try:
        parsed = header.parse_header(data)
    except FormatError:
        return
    assert 12 <= parsed.payload_offset <= len(data) - parsed.padding
    for element in extensions.elements(data, parsed):
        assert element.start >= parsed.extension_offset
        assert element.start + element.length <= parsed.payload_offset
    for detect in (keyframe.vp8, keyframe.h264):
        detect(data, parsed.payload_offset, len(data) - parsed.padding)
    with contextlib.suppress(FormatError):
        header.unwrap_rtx(data, parsed, payload_type=1, ssrc=2)


@given(rtp_like(), st.dictionaries(U8, U8, max_size=5))
def test_remapping_any_packet_keeps_its_length_and_all_but_its_extensions(
    data: bytes, ids: dict[int, int]
) -> None:
    try:
        parsed = header.parse_header(data)
    except FormatError:
        return
    changed = bytearray(data)
    extensions.remap(changed, parsed, ids)
    assert len(changed) == len(data)
    assert changed[parsed.payload_offset :] == data[parsed.payload_offset :]
    again = header.parse_header(bytes(changed))
    assert {e.id for e in extensions.elements(changed, again)} <= set(ids.values())


@given(st.booleans(), U8, U16, U32, U32, st.binary(max_size=50))
def test_a_built_header_is_read_back(
    marker: bool, kind: int, sequence: int, timestamp: int, ssrc: int, payload: bytes
) -> None:
    data = header.build(
        payload_type=kind & 0x7F,
        sequence=sequence,
        timestamp=timestamp,
        ssrc=ssrc,
        payload=payload,
        marker=marker,
    )
    parsed = header.parse_header(data)
    assert parsed[:5] == (marker, kind & 0x7F, sequence, timestamp, ssrc)
    assert data[parsed.payload_offset :] == payload


@given(ONE_BYTE_ITEMS)
def test_one_byte_elements_are_read_back(items: list[tuple[int, bytes]]) -> None:
    parsed, data = with_extension(extensions.build_block(items))
    found = extensions.elements(data, parsed)
    assert [(e.id, data[e.start : e.start + e.length]) for e in found] == items


@given(TWO_BYTE_ITEMS)
def test_two_byte_elements_are_read_back(items: list[tuple[int, bytes]]) -> None:
    parsed, data = with_extension(extensions.build_block(items, two_byte=True))
    found = extensions.elements(data, parsed)
    assert [(e.id, data[e.start : e.start + e.length]) for e in found] == items


@given(ONE_BYTE_ITEMS | TWO_BYTE_ITEMS, st.booleans())
def test_remapped_elements_keep_their_values_and_others_vanish(
    items: list[tuple[int, bytes]], two_byte: bool
) -> None:
    try:
        block = extensions.build_block(items, two_byte=two_byte)
    except FormatError:
        return
    parsed, data = with_extension(block)
    changed = bytearray(data)
    extensions.remap(changed, parsed, {1: 9, 2: 1})
    found = extensions.elements(changed, parsed)
    kept = [({1: 9, 2: 1}[i], value) for i, value in items if i in {1, 2}]
    assert [(e.id, bytes(changed[e.start : e.start + e.length])) for e in found] == kept
    for element in extensions.elements(data, parsed):
        if element.id not in {1, 2}:
            assert not any(changed[element.start : element.start + element.length])


def test_an_element_after_the_end_marker_is_neither_read_nor_passed_on() -> None:
    block = b"\xbe\xde\x00\x02" + b"\x10\x2a" + b"\xf0" + b"\x41abcd"
    parsed, data = with_extension(block)
    assert [e.id for e in extensions.elements(data, parsed)] == [1]
    changed = bytearray(data)
    extensions.remap(changed, parsed, {1: 1, 4: 4})
    assert b"abcd" not in changed


@given(st.binary(), st.integers(0, 31), st.sampled_from(range(200, 208)))
def test_any_bytes_are_rtcp_or_a_format_error(body: bytes, count: int, kind: int) -> None:
    padded = body + bytes(-len(body) % 4)
    data = bytes((0x80 | count, kind)) + (len(padded) // 4).to_bytes(2, "big") + padded
    for attempt in (body, data, data + data, data[:-1]):
        with contextlib.suppress(FormatError):
            rtcp.parse_compound(attempt)


BLOCKS = st.lists(
    st.builds(
        rtcp.ReportBlock,
        ssrc=U32,
        fraction_lost=U8,
        lost=st.integers(-0x800000, 0x7FFFFF),
        highest_sequence=U32,
        jitter=U32,
        last_sr=U32,
        delay_since_last_sr=U32,
    ),
    max_size=4,
).map(tuple)
SSRCS = st.lists(U32, min_size=1, max_size=5).map(tuple)
PACKETS = (
    st.builds(
        rtcp.SenderReport,
        ssrc=U32,
        ntp=st.integers(0, 2**64 - 1),
        rtp_timestamp=U32,
        packets=U32,
        octets=U32,
        reports=BLOCKS,
    )
    | st.builds(rtcp.ReceiverReport, ssrc=U32, reports=BLOCKS)
    | st.builds(
        rtcp.SourceDescription, ssrc=U32, cname=st.text(st.characters(codec="ascii"), max_size=40)
    )
    | st.builds(rtcp.Bye, ssrcs=SSRCS)
    | st.builds(rtcp.PictureLoss, ssrc=U32, media_ssrc=U32)
    | st.builds(
        rtcp.FullIntraRequest, ssrc=U32, entries=st.lists(st.tuples(U32, U8), max_size=4).map(tuple)
    )
    | st.builds(rtcp.MaximumBitrate, ssrc=U32, bitrate=st.integers(0, 2**18 - 1), media_ssrcs=SSRCS)
)


@given(st.lists(PACKETS, min_size=1, max_size=5))
def test_rtcp_is_read_back_as_it_was_built(packets: list[rtcp.Packet]) -> None:
    assert rtcp.parse_compound(build_compound(*packets)) == packets


@given(U16, st.sets(st.integers(0, 300), min_size=1, max_size=60))
def test_a_nack_names_exactly_what_is_missing_across_the_wrap(
    first: int, offsets: set[int]
) -> None:
    lost = tuple((first + n) & 0xFFFF for n in sorted(offsets))
    built = build_compound(rtcp.Nack(ssrc=1, media_ssrc=2, lost=lost))
    assert rtcp.parse_compound(built) == [rtcp.Nack(ssrc=1, media_ssrc=2, lost=lost)]


def test_a_nack_that_names_everything_is_cut() -> None:
    body = bytes(8) + b"\x00\x00\xff\xff" * 360
    data = b"\x81\xcd" + (len(body) // 4).to_bytes(2, "big") + body
    (nack,) = rtcp.parse_compound(data)
    assert isinstance(nack, rtcp.Nack)
    assert len(nack.lost) == rtcp.MAX_NACKS


@given(st.integers(0, 2**63))
def test_a_large_remb_is_rounded_down_by_little(bitrate: int) -> None:
    packet = rtcp.MaximumBitrate(ssrc=1, bitrate=bitrate, media_ssrcs=(2,))
    (read,) = rtcp.parse_compound(build_compound(packet))
    assert isinstance(read, rtcp.MaximumBitrate)
    assert bitrate * (1 - 2**-17) - 1 <= read.bitrate <= bitrate


@given(st.binary(min_size=2, max_size=40), U16)
def test_an_rtx_packet_gives_back_the_one_it_repeats(payload: bytes, osn: int) -> None:
    data = header.build(
        payload_type=97,
        sequence=9,
        timestamp=77,
        ssrc=5,
        payload=osn.to_bytes(2, "big") + payload,
        marker=True,
        extension=extensions.build_block([(3, b"0")]),
    )
    original = header.unwrap_rtx(data, header.parse_header(data), payload_type=96, ssrc=4)
    parsed = header.parse_header(original)
    assert parsed[:5] == (True, 96, osn, 77, 4)
    assert original[parsed.payload_offset :] == payload


@pytest.mark.parametrize(
    ("payload", "starts"),
    [
        ("1000", True),  # S, PID 0, P clear
        ("1001", False),  # an inter frame
        ("0000", False),  # not the start of a partition
        ("1100", False),  # partition 1
        ("90800500", True),  # 7-bit PictureID
        ("9080850500", True),  # 15-bit PictureID
        ("90e08505020000", True),  # PictureID, TL0PICIDX, TID
        ("90e08505020001", False),
        ("9080", False),  # cut
        ("", False),
    ],
)
def test_vp8_key_frames_are_told_by_the_descriptor(payload: str, starts: bool) -> None:
    data = bytes.fromhex(payload)
    assert keyframe.vp8(data, 0, len(data)) is starts


@pytest.mark.parametrize(
    ("payload", "starts"),
    [
        ("6742e01f", True),  # SPS
        ("65b8", True),  # IDR
        ("41e0", False),  # a P slice
        ("68ce", False),  # PPS alone
        ("7800036742e0000268ce", True),  # STAP-A of SPS and PPS
        ("78000268ce000267e0", True),  # SPS second
        ("78000268ce", False),
        ("7c85ff", True),  # FU-A, start of an IDR
        ("7c05ff", False),  # FU-A, middle of an IDR
        ("7c81ff", False),  # FU-A, start of a P slice
        ("78ffff", False),
        ("", False),
    ],
)
def test_h264_key_frames_are_told_by_nal_units(payload: str, starts: bool) -> None:
    data = bytes.fromhex(payload)
    assert keyframe.h264(data, 0, len(data)) is starts
